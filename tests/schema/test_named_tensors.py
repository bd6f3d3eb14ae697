"""Values as named tensors: every kind both ways, in both bodies, and bodies of any bytes."""

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
from cdk_modelbuilder.schema.codecs.negotiation import MediaType
from cdk_modelbuilder.schema.codecs.tensor_messages import (
    BINARY,
    DATATYPES,
    datatype_of,
    header_size,
    read_message,
    write_message,
)
from cdk_modelbuilder.schema.schema_builder import schema_json
from cdk_modelbuilder.schema.tensor_schema import as_named_tensors
from tests.payloads.equality import same

SAMPLES = {
    "array": np.arange(12.0).reshape(3, 4),
    "half precision": np.ones((2, 2), "f2"),
    "whole numbers": np.arange(3, dtype="u1"),
    "booleans": np.array([True, False]),
    "big-endian": np.arange(3, dtype=">i4"),
    "a number": np.float32(2.5),
    "texts in an array": np.array(["a", "bé", ""]),
    "bytes in an array": np.array([b"a", b"\xff"]),
    "dates": np.array(["2026-01-01"], "M8[D]"),
    "complex": np.array([1j]),
    "text": "Łódź",
    "texts": ["a", "b, c", ""],
    "dict": {"a": np.zeros((2, 3)), "b": np.zeros(2, "i8"), "c": "x"},
    "list": [np.zeros((2, 3)), np.zeros(2)],
    "tuple": (np.zeros(2), "a"),
    "nested": {"a": {"b": np.zeros(2)}},
    "table": pd.DataFrame({"n": [1, 2], "t": ["a", "b"], "f": [0.5, math.inf], "y": [True, False]}),
    "table with an index": pd.DataFrame({"n": [1, 2]}, index=["a", "b"]),
    "table of categories": pd.DataFrame({"c": pd.Categorical(["a", "b"])}),
    "column": pd.Series([1.0, 2.0], name="x"),
    "document": {"any": [1, None, {"b": "c"}]},
    "bytes": b"\x00\xff",
    "a plain number": 3.5,
}


def wired(sample, **options):
    schema = SchemaBuilder(sample, sample)
    made = as_named_tensors(schema.marshaller, **options)
    return open_schema_data(json.loads(json.dumps(schema_json(made))))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("columns", [False, True])
def test_values_come_back_in_every_content_type(name, columns):
    sample = SAMPLES[name]
    tensors = [tensor["name"] for tensor in wired(sample).input.spec["tensors"]]
    marshaller = wired(sample, columns=tensors if columns else ())
    for codec in (marshaller.input, marshaller.output):
        for content_type in codec.content_types:
            try:
                body = codec.encode(sample, content_type)
            except CodecError:
                if content_type == BINARY:
                    raise
                continue
            found = codec.decode(body, MediaType.parse(codec.label(content_type, body)))
            assert same(found, sample), (content_type, found)


def test_requests_are_what_the_protocol_says():
    marshaller = wired({"ids": np.arange(6).reshape(2, 3), "text": "Ł"})
    body = marshaller.input.encode({"ids": np.arange(6).reshape(2, 3), "text": "Ł"}, "application/json")
    assert json.loads(body) == {
        "inputs": [
            {"name": "ids", "shape": [2, 3], "datatype": "INT64", "data": [0, 1, 2, 3, 4, 5]},
            {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Ł"]},
        ]
    }
    body, content_type = marshaller.encode_request({"ids": np.arange(6).reshape(2, 3), "text": "Ł"})
    size = int(content_type.partition("json-header-size=")[2])
    header = json.loads(body[:size])
    assert [tensor["parameters"] for tensor in header["inputs"]] == [{"binary_data_size": 48}, {"binary_data_size": 6}]
    assert [one["parameters"] for one in header["outputs"]] == [{"binary_data": True}] * 2
    assert body[size:] == np.arange(6).tobytes() + b"\2\0\0\0" + "Ł".encode()


def test_nested_data_is_read_too():
    marshaller = wired(np.zeros((2, 2)))
    body = b'{"inputs": [{"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [[1, 2], [3.5, 4]]}]}'
    assert marshaller.decode_request(body, "application/json").tolist() == [[1, 2], [3.5, 4]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "other"}, "the tensor 'input' is missing"),
        ({"datatype": "FP32"}, "is FP32, expected FP64"),
        ({"datatype": "FP128"}, "not one of BOOL"),
        ({"shape": [3]}, "has 2 values and the shape"),
        ({"shape": [-1]}, "not a list of sizes"),
        ({"shape": [True]}, "not a list of sizes"),
        ({"data": ["a", "b"]}, "holds something else"),
        ({"data": [True, 1]}, "holds something else"),
        ({"data": None}, "neither data nor"),
        ({"parameters": {"binary_data_size": 16}}, "0 bytes are left"),
    ],
)
def test_bodies_that_are_wrong_are_named(change, words):
    tensor = {"name": "input", "shape": [2], "datatype": "FP64", "data": [1, 2], **change}
    with pytest.raises(CodecError, match=words):
        wired(np.zeros(2)).decode_request(json.dumps({"inputs": [tensor]}).encode(), "application/json")


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"inputs": 1}', b'{"inputs": [1]}', b'{"inputs": [{}]}'])
def test_what_is_no_message_is_refused(body):
    with pytest.raises(CodecError):
        wired(np.zeros(2)).decode_request(body, "application/json")


def test_a_binary_body_says_how_long_its_header_is():
    marshaller = wired(np.zeros(2))
    body, content_type = marshaller.encode_request(np.zeros(2))
    for wrong in (BINARY, f"{BINARY};json-header-size=x", f"{BINARY};json-header-size=0", content_type + "99"):
        with pytest.raises(CodecError):
            marshaller.decode_request(body, wrong)
    with pytest.raises(CodecError, match="1 bytes follow the last tensor"):
        marshaller.decode_request(bytes(body) + b"x", content_type)


def test_names_of_a_graph_are_taken_in_order():
    marshaller = wired([np.zeros((2, 3)), np.zeros(2)], inputs=["ids", "mask"], outputs=["a", "b"])
    assert [tensor["name"] for tensor in marshaller.input.spec["tensors"]] == ["ids", "mask"]
    assert marshaller.input.spec["wanted"] == ["a", "b"]
    with pytest.raises(SchemaError, match="the sample has 2 parts as inputs, and the model 1"):
        wired([np.zeros((2, 3)), np.zeros(2)], inputs=["ids"])


def test_streams_have_no_place():
    with pytest.raises(SchemaError, match="is a stream"):
        as_named_tensors(SchemaBuilder("a", iter(["a"])).marshaller)


NUMBERS = st.sampled_from(["?", "u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"])


@given(arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0)), st.booleans())
def test_any_numbers_travel(array, binary):
    name = datatype_of(array.dtype)
    if name == "FP16" or not binary:
        array = np.nan_to_num(array) if array.dtype.kind == "f" else array
    try:
        body = write_message("inputs", {"a": array}, binary=binary)
    except CodecError:
        assert not binary
        assert name == "FP16"
        return
    size = header_size(body) if binary else len(body)
    found = read_message("inputs", body, size)["a"]
    assert found.dtype == DATATYPES[name]
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
    assert found.shape == array.shape


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_any_bytes_travel(items):
    array = np.empty(len(items), object)
    array[:] = items
    body = write_message("outputs", {"a": array}, binary=True)
    assert list(read_message("outputs", body, header_size(body))["a"]) == items


@given(st.binary(max_size=60), st.integers(-1, 80))
def test_bytes_of_any_kind_are_an_error_and_nothing_else(body, size):
    with pytest.raises(CodecError):
        read_message("inputs", body, size)


@given(st.data())
def test_a_message_with_changed_bytes_is_read_or_refused(data):
    body = bytearray(write_message("inputs", {"a": np.arange(4.0), "b": np.arange(3)}, binary=True))
    size = header_size(body)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    try:
        found = read_message("inputs", bytes(body), size)
    except CodecError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())
