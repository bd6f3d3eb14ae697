"""Strict mode for TensorFlow Serving: the REST API's rules for JSON, and a SavedModel behind the Python service."""

from __future__ import annotations

import json

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.local.starting import start_process
from cdk_modelbuilder.local.strict.tfs_tensors import RestError, read_order, write_answer
from tests.conftest import MASTER_KEY
from tests.local.strict.requests import Asked, ask

JSON = "application/json"
ONE = {"x": "float32"}
TWO = {"x": "float32", "n": "int64"}


@given(
    hnp.arrays(
        st.sampled_from(["f4", "f8", "i1", "i4", "i8", "u1", "u4", "u8", "?"]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
    )
)
def test_arrays_come_back_as_they_went(array):
    dtype, data = array.dtype.name, json.loads(json.dumps({"inputs": array.tolist(), "signature_name": "s"}))
    read = read_order(data, {"x": dtype})["x"]
    written = json.loads(json.dumps(write_answer({"y": (dtype, read)}, by_rows=False)))["outputs"]
    np.testing.assert_array_equal(np.array(written, array.dtype), array)
    rows = read_order({"instances": array.tolist()}, {"x": dtype})["x"]
    answer = write_answer({"y": (dtype, rows)}, by_rows=True)
    np.testing.assert_equal(answer, {"predictions": array.tolist()})  # NaN equals NaN here


@pytest.mark.parametrize(
    ("order", "types", "wanted"),
    [
        ({"inputs": 1.5}, ONE, {"x": 1.5}),
        ({"inputs": []}, ONE, {"x": []}),  # of one axis, whatever it had
        ({"inputs": {"x": [1, 2], "n": [3]}}, TWO, {"x": [1, 2], "n": [3]}),
        ({"inputs": {"x": [1], "n": 1, "more": 1}}, TWO, {"x": [1], "n": 1}),
        ({"instances": [{"x": 1, "n": 2}, {"n": 4, "x": 3}]}, TWO, {"x": [1, 3], "n": [2, 4]}),
        ({"inputs": ["a", {"b64": "/w=="}]}, {"s": "string"}, {"s": ["a", b"\xff"]}),
        ({"inputs": {"b64": "/w=="}}, {"s": "string"}, {"s": b"\xff"}),
    ],
)
def test_requests_that_fit(order, types, wanted):
    assert read_order(order, types) == wanted


@pytest.mark.parametrize(
    ("order", "types", "words", "status"),
    [
        ({}, ONE, "Missing 'inputs' or 'instances' key", 400),
        ({"inputs": 1, "instances": [1]}, ONE, "only one of", 400),
        ({"inputs": [[1], [1, 2]]}, ONE, "unexpected size: 2 at level: 1 expected size: 1", 400),
        ({"inputs": [[1], 2]}, ONE, "found at incorrect level: 2", 400),
        ({"inputs": [1, [2]]}, ONE, "list at unexpected level: 1 expected < 1", 400),
        ({"inputs": ["1"]}, ONE, 'JSON Value: "1" Type: String is not of expected type: float', 400),
        ({"inputs": [True]}, ONE, "Type: True is not of expected type: float", 400),
        ({"inputs": [None]}, ONE, "Type: Null", 400),
        ({"inputs": [1.5]}, {"n": "int32"}, "Type: Number is not of expected type: int32", 400),
        ({"inputs": [1 << 31]}, {"n": "int32"}, "not of expected type: int32", 400),
        ({"inputs": [-1]}, {"n": "uint64"}, "not of expected type: uint64", 400),
        ({"inputs": [1]}, {"h": "float16"}, "Conversion of JSON Value: 1 to type: half", 501),
        ({"inputs": [{"b64": "?"}]}, {"s": "string"}, "Unable to base64 decode", 400),
        ({"inputs": [{"b64": "YQ==", "x": 1}]}, {"s": "string"}, "not formatted correctly for base64", 400),
        ({"inputs": {"x": 1}}, TWO, "Missing named input: n", 400),
        ({"inputs": [1]}, TWO, "inputs is a plain value/list", 400),
        ({"instances": 1}, ONE, "to be an list/array", 400),
        ({"instances": []}, ONE, "No values in", 400),
        ({"instances": [1]}, TWO, "instances is a plain list", 400),
        ({"instances": [{"x": 1}]}, TWO, "keys must be equal to: n,x", 400),
        ({"instances": [[1], [1, 2]]}, ONE, r"Expecting shape \[1\] but got: \[2\]", 400),
    ],
)
def test_requests_that_are_refused(order, types, words, status):
    with pytest.raises(RestError, match=words) as caught:
        read_order(order, types)
    assert caught.value.status == status


def test_answers_that_json_has_a_place_for_or_not():
    both = {"a": ("float32", [[1.0], [2.0]]), "b": ("int64", [3, 4])}
    assert write_answer(both, by_rows=False) == {"outputs": {"a": [[1.0], [2.0]], "b": [3, 4]}}
    assert write_answer(both, by_rows=True) == {"predictions": [{"a": [1.0], "b": 3}, {"a": [2.0], "b": 4}]}
    assert write_answer({"t": ("string", [b"a"])}, by_rows=False) == {"outputs": ["a"]}
    assert write_answer({"t_bytes": ("string", b"\xff")}, by_rows=False) == {"outputs": {"b64": "/w=="}}
    for outputs, words in [
        ({"h": ("float16", [1.0])}, "tensor type: half"),
        ({"s": ("float32", 1.0)}, "has no shape information"),
        ({"a": ("float32", [1.0]), "b": ("float32", [1.0, 2.0])}, "inconsistent batch sizes"),
    ]:
        with pytest.raises(RestError, match=words):
            write_answer(outputs, by_rows=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    pytest.importorskip("tensorflow", exc_type=ImportError)
    keras = pytest.importorskip("keras", exc_type=ImportError)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,), name="features"), keras.layers.Dense(2, activation="softmax")])
    X = np.arange(6, dtype="f4").reshape(3, 2)
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(X, model.predict(X, verbose=0)),
        model_path=tmp_path_factory.mktemp("tfs") / "net",
        model_server="tensorflow_serving",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/tfs:2.21",
        signing_key=MASTER_KEY,
        dependencies={"auto": False},
    ).build(), model


def _asked(body: bytes, **headers: str) -> Asked:
    return Asked("asked", body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.slow
def test_a_saved_model_answers_behind_the_python_service(bundle):
    bundle, model = bundle
    process = start_process(bundle, strict=True, signing_key=MASTER_KEY)
    try:
        row = b"[[1.0,2.0]]"
        answered = ask(process.url, _asked(row, Content_Type=JSON))
        expected = model.predict(np.array([[1.0, 2.0]], "f4"), verbose=0)
        assert (answered.status, answered.content_type) == (200, JSON)
        np.testing.assert_allclose(json.loads(answered.body), expected, rtol=1e-5)
        for asked, status, words in [
            (_asked(row, Content_Type="image/png"), 500, "is not supported"),
            (_asked(row, Accept="image/png"), 500, "names nothing that can be sent"),
            (_asked(b"[]"), 500, "TensorFlow Serving answered 400"),
            (_asked(row, X_Amzn_SageMaker_Custom_Attributes="tfs-model-name=other"), 500, r"Latest(other)"),
            (_asked(row, X_Amzn_SageMaker_Custom_Attributes="tfs-model-version=1"), 200, "["),
            (_asked(row, X_Amzn_SageMaker_Custom_Attributes="tfs-method=guess"), 400, "invalid tfs-method"),
            (Asked("get", method="GET"), 200, "{}"),
            (Asked("ping", method="GET", path="/ping"), 200, ""),
            (Asked("post", b"", path="/ping"), 405, '{"title": "405 Method Not Allowed"}'),
            (Asked("post", b"", {"Accept": "text/xml"}, path="/ping"), 405, "<error><title>405"),
            (Asked("root", method="GET", path="/"), 404, '{"error": "Not Found"}'),
        ]:
            found = ask(process.url, asked)
            assert found.status == status, (asked, found)
            assert words in found.body.decode()
    finally:
        process.stop()
