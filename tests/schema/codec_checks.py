"""What the tests of every codec do: open it as a container does, send a value through it, throw bytes at it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import Codec, CodecError, decode
from cdk_modelbuilder.schema.schema_builder import with_free_axes

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
SAFETENSORS = "application/x-safetensors"


def codec_of(kind: type[Codec], sample: object) -> Codec:
    """The codec as the container has it: made from the JSON in schema.json, not from the sample."""
    spec = with_free_axes(kind.describe(sample), frozenset((0,)))
    assert spec is not None
    return kind(json.loads(json.dumps(spec)))


def through(codec: Codec, value: Any, content_type: str, body_type: type = bytearray) -> Any:
    """``value`` after both ways, from a body of a kind that servers and clients have."""
    assert codec.difference(value) is None
    return decode(codec, body_type(codec.encode(value, content_type)), content_type)


def refused(codec: Codec, body: Any, content_type: str, match: str) -> None:
    with pytest.raises(CodecError, match=match):
        decode(codec, body, content_type)


@st.composite
def spoiled(draw: Any, valid: list[bytes]) -> bytes:
    """Any bytes; or one of ``valid`` with bytes changed, cut out, doubled or cut off."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=300))
    body = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        at, count = draw(st.integers(0, len(body))), draw(st.integers(0, 8))
        change = draw(st.sampled_from(["set", "cut", "double", "end"]))
        if change == "set" and at < len(body):
            body[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del body[at : at + count]
        elif change == "double":
            body[at:at] = body[at : at + count]
        elif change == "end":
            del body[at:]
    return bytes(body)


def takes_or_refuses(codec: Codec, body: Any, content_type: str) -> Any:
    """The value, whose every content type can be written; None if ``body`` is refused. Anything else fails the test."""
    try:
        value = decode(codec, body, content_type)
    except CodecError:
        return None
    assert codec.difference(value) is None
    return value


def documents(schema: Any) -> Any:
    """A strategy for JSON documents that fit ``schema``, as far as the codecs' own use of JSON Schema goes."""
    if "anyOf" in schema:
        return st.one_of(*map(documents, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return st.sampled_from([schema["const"]] if "const" in schema else schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of(*(_documents_of(kind, schema) for kind in kinds))


def _documents_of(kind: str, schema: Any) -> Any:
    low, high = schema.get("minimum"), schema.get("maximum")
    if kind == "integer":
        return st.integers(low, high)
    if kind == "number":
        return st.floats(low, high, allow_nan=False, allow_infinity=False) | st.integers(
            None if low is None else math.ceil(low), None if high is None else math.floor(high)
        )
    if kind == "string":
        if "pattern" in schema:
            return st.from_regex(schema["pattern"][1:-1], fullmatch=True, alphabet=st.characters(codec="ascii"))
        return st.text(st.characters(codec="utf-8"))
    if kind == "array" and "prefixItems" in schema:
        return st.tuples(*map(documents, schema["prefixItems"])).map(list)
    if kind == "array":
        return st.lists(documents(schema["items"]), min_size=schema.get("minItems", 0), max_size=schema.get("maxItems"))
    if kind == "object":
        parts = {name: documents(part) for name, part in schema["properties"].items() if part is not False}
        needed = {name: parts.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(needed, optional=parts)
    return {"boolean": st.booleans(), "null": st.none()}[kind]


def is_valid(codec: Codec, document: Any) -> bool:
    """Whether ``document`` fits the codec's JSON Schema."""
    return bool(pytest.importorskip("jsonschema_rs").is_valid(codec.json_schema(), document))
