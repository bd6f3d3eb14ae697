"""Values as MLflow's scoring server sees them: every kind both ways, and through what it makes of a request."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cdk_modelbuilder import SchemaBuilder
from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data
from cdk_modelbuilder.schema.mlflow_schema import as_mlflow_messages
from cdk_modelbuilder.schema.schema_builder import schema_json
from tests.payloads.equality import same
from tests.schema.test_named_tensors import SAMPLES

FORMS = {
    "array": "array",
    "big-endian": "array",
    "half precision": "array",
    "a number": "document",
    "dates": "document",
    "complex": "document",
    "text": "document",
    "dict": "document",
    "table": "frame",
    "table with an index": "document",
    "document": "document",
}


def wired(sample):
    made = as_mlflow_messages(SchemaBuilder(sample, sample).marshaller)
    return open_schema_data(json.loads(json.dumps(schema_json(made))))


def as_the_server_reads(body):
    """What MLflow 3.17 hands to a model without a signature (``proto_json_utils.py``)."""
    (key, data), *others = json.loads(bytes(body)).items()
    assert not others
    if key == "dataframe_split":
        return pd.DataFrame(index=data.get("index"), columns=data.get("columns"), data=data["data"])
    assert key == "inputs"
    return {name: np.array(one) for name, one in data.items()} if isinstance(data, dict) else np.array(data)


def there_and_back(sample):
    marshaller = wired(sample)
    body, content_type = marshaller.encode_request(sample)
    assert content_type == "application/json"
    assert same(marshaller.decode_request(body, content_type), sample)
    found = marshaller.input.received(as_the_server_reads(body))
    assert same(found, sample), found
    sent = json.dumps({"predictions": marshaller.output.answer(found)})
    assert same(marshaller.decode_response(sent.encode(), "application/json"), sample), sent
    assert same(marshaller.decode_response(*marshaller.encode_response(sample, None)), sample)


@pytest.mark.parametrize("name", SAMPLES)
def test_values_come_back(name):
    there_and_back(SAMPLES[name])


@pytest.mark.parametrize("name", FORMS)
def test_only_what_survives_the_server_is_not_a_document(name):
    assert wired(SAMPLES[name]).input.spec["form"] == FORMS[name]


def test_dicts_of_numbers_are_arrays_by_name():
    sample = {"ids": np.arange(6).reshape(2, 3), "mask": np.array([True, False])}
    there_and_back(sample)
    body, _ = wired(sample).encode_request(sample)
    assert json.loads(body) == {"inputs": {"ids": [[0, 1, 2], [3, 4, 5]], "mask": [True, False]}}


def test_messages_are_those_that_mlflow_documents():
    frame = pd.DataFrame({"n": [1, 2], "t": ["a", "b"]})
    marshaller = wired(frame)
    body, _ = marshaller.encode_request(frame)
    assert json.loads(body) == {"dataframe_split": {"columns": ["n", "t"], "data": [[1, "a"], [2, "b"]]}}
    records = b'{"dataframe_records": [{"t": "a", "n": 1}, {"n": 2, "t": "b"}]}'
    assert same(marshaller.decode_request(records, "application/json"), frame)
    answer, _ = marshaller.encode_response(frame, None)
    assert json.loads(answer) == {"predictions": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}]}
    text, _ = wired("Ł").encode_request("Ł")
    assert json.loads(text) == {"inputs": ['"Ł"']}


@given(
    st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u8", "?", ">f8"]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=3, max_side=4))
    )
)
def test_arrays_of_any_numbers_come_back(array):
    there_and_back(array)


@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=True), st.booleans(), st.text()), min_size=1
    )
)
def test_tables_of_any_plain_values_come_back(rows):
    frame = pd.DataFrame(rows, columns=["whole", "broken", "yes", "text"])
    try:
        json.dumps(rows, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # a lone surrogate, which no body holds
    there_and_back(frame)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_whatever_a_request_holds_is_a_value_or_refused(plain):
    marshaller = wired(np.zeros((2, 2)))
    for document in (plain, {"inputs": plain}, {"instances": plain}, {"inputs": plain, "params": {}}):
        try:
            text = json.dumps(document).encode()
            marshaller.decode_request(text, "application/json")
        except CodecError:
            continue


@given(st.binary())
def test_answers_of_any_bytes_are_a_value_or_refused(body):
    try:
        wired(np.zeros(2)).decode_response(body, "application/json")
    except CodecError:
        return


def test_words_that_the_server_writes_for_numbers_are_read():
    marshaller = wired(np.zeros(3))
    found = marshaller.decode_response(b'{"predictions": [NaN, Infinity, -Infinity]}', "application/json")
    assert same(found, np.array([math.nan, math.inf, -math.inf]))


@pytest.mark.parametrize(
    ("sample", "body", "words"),
    [
        (np.zeros(2), b'{"dataframe_split": {}}', 'expected {"inputs"'),
        (np.zeros(2), b'{"inputs": [1, 2], "instances": [1]}', "nothing else"),
        (np.zeros((2, 2)), b'{"inputs": [[1, 2, 3]]}', "expected"),
        (pd.DataFrame({"a": [1]}), b'{"inputs": [1]}', 'expected {"dataframe_split"'),
        ({"a": np.zeros(2)}, b'{"inputs": [1, 2]}', "one array for each name"),
        ("text", b'{"inputs": "text"}', "one JSON text"),
        ("text", b'{"inputs": ["text"]}', "not valid JSON"),
    ],
)
def test_requests_that_do_not_fit_are_named(sample, body, words):
    with pytest.raises(CodecError, match=words):
        wired(sample).decode_request(body, "application/json")


def test_streams_are_refused():
    with pytest.raises(SchemaError, match="does not answer with"):
        as_mlflow_messages(SchemaBuilder("a", iter(["a"])).marshaller)
