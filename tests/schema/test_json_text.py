"""JSON is the same with orjson and without it: containers may lack it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import CodecError, json_text

TEXTS = st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
DOCUMENTS = st.one_of(
    st.binary(max_size=40),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.text(st.sampled_from('0123456789-+.eE[]{}",:\\u nulltrueNaIfy \n'), max_size=40).map(str.encode),
)
ODD = [
    *(b"1e999", b"-1e999", b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809"),
    *(b"1" * 5000, b'"\\ud800"', b"\xef\xbb\xbf1", b"[" * 5000, b"NaN", b"Infinity", b"-0", b"-0.0", b"1.", b"01"),
    *(b'{"a":1,"a":2}', b"0." + b"1" * 400, b"1e-400", b'"\x00"', b"\xff", b"", b" 1 ", b"1 2"),
]


def outcome(monkeypatch: pytest.MonkeyPatch, function, argument, *, fast: bool):
    with monkeypatch.context() as patch:
        if not fast:
            patch.setattr(json_text, "orjson", None)
        try:
            return repr(function(argument))
        except CodecError as error:
            return f"refused: {error}"


@pytest.mark.parametrize("document", ODD, ids=lambda document: repr(document[:20]))
def test_odd_documents_are_read_alike(document, monkeypatch):
    fast, slow = (outcome(monkeypatch, json_text.read_json, document, fast=fast) for fast in (True, False))
    assert fast == slow


@given(DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_any_document_is_read_alike(document):
    with pytest.MonkeyPatch.context() as patch:
        fast, slow = (outcome(patch, json_text.read_json, document, fast=fast) for fast in (True, False))
    assert fast == slow


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_value_is_written_alike_but_for_the_spelling_of_numbers(value):
    with pytest.MonkeyPatch.context() as patch:
        texts = [json_text.write_json(value)] if _is_utf8(value) else []
        patch.setattr(json_text, "orjson", None)
        texts += [json_text.write_json(value)] if texts else []
    if texts:
        fast, slow = map(json.loads, texts)
        assert fast == slow
        assert not any(
            word in text for text in texts for word in (b"NaN", b"Infinity") if word not in repr(value).encode()
        )


def _is_utf8(value) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def test_missing_and_infinite_numbers():
    value = {"a": [math.nan, math.inf, -math.inf, None, 1.5]}
    assert json_text.write_json(value) == b'{"a":[null,1e999,-1e999,null,1.5]}'


@pytest.mark.parametrize("kind", "bBhHiIlLefd?")
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0,), (2, 0), ()])
def test_arrays_are_written_as_their_lists(kind, shape, monkeypatch):
    array = (np.arange(int(np.prod(shape))).reshape(shape) % 2).astype(kind)
    fast = json_text.write_array(array)
    assert fast is None or json.loads(fast) == array.tolist()
    monkeypatch.setattr(json_text, "orjson", None)
    assert json_text.write_array(array) is None
