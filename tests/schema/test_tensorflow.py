"""Tensors of TensorFlow come back as they were, in every dtype, layout and content type; no body does harm."""

from __future__ import annotations

import json
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import numpy as np  # noqa: E402

from cdk_modelbuilder.schema.codecs import CodecError, decode  # noqa: E402
from cdk_modelbuilder.schema.codecs.tensorflow_tensors import CODEC  # noqa: E402
from tests.schema.codec_checks import (  # noqa: E402
    CSV,
    JSON,
    NPY,
    SAFETENSORS,
    codec_of,
    documents,
    is_valid,
    refused,
    spoiled,
    takes_or_refuses,
    through,
)

NAMES = ["bool", *(f"{sign}int{size}" for sign in ("", "u") for size in (2, 4, 8, 16, 32, 64))]
NAMES += ["float16", "bfloat16", "float32", "float64", "float8_e5m2", "float8_e4m3fn", "complex64", "complex128"]


def filled(name, shape):
    numbers = np.arange(math.prod(shape)).reshape(shape) % 2
    if name == "string":
        return tf.constant(np.where(numbers, b"text", b"\xff\0"), tf.string)
    return tf.convert_to_tensor(numbers.astype(tf.as_dtype(name).as_numpy_dtype))


def same(found, expected):
    assert found.dtype == expected.dtype
    if isinstance(expected, tf.RaggedTensor):
        assert isinstance(found, tf.RaggedTensor)
        for one, other in zip(found.nested_row_splits, expected.nested_row_splits, strict=True):
            same(one, other)
        same(found.flat_values, expected.flat_values)
    elif isinstance(expected, tf.SparseTensor):
        assert isinstance(found, tf.SparseTensor)
        for name in ("indices", "values", "dense_shape"):
            same(getattr(found, name), getattr(expected, name))
    else:
        assert tf.is_tensor(found)
        assert not isinstance(found, tf.Variable)
        assert found.shape == expected.shape
        one, other = np.asarray(found.numpy()), np.asarray(expected.numpy())
        assert one.tolist() == other.tolist() if one.dtype == object else one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", [*NAMES, "string"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (0, 3), (2, 0)], ids=str)
def test_every_dtype_and_shape_in_every_content_type(name, shape):
    tensor = filled(name, shape)
    codec = codec_of(CODEC, tensor)
    assert codec.content_types[0] == (JSON if name == "string" else SAFETENSORS)
    for content_type in codec.content_types:
        if content_type != CSV or math.prod(shape):
            for body_type in (bytes, bytearray, memoryview):
                same(through(codec, tensor, content_type, body_type), tensor)


def test_every_dtype_has_its_content_types():
    offered = {name: codec_of(CODEC, filled(name, (2, 2))).content_types for name in [*NAMES, "string"]}
    assert offered["float32"] == (SAFETENSORS, NPY, JSON, CSV)
    assert offered["bfloat16"] == offered["float8_e5m2"] == (SAFETENSORS, JSON, CSV)
    assert offered["complex64"] == (SAFETENSORS, NPY, JSON)
    assert offered["string"] == (JSON,)


NUMBERS = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "float64": st.floats(),
    "float32": st.floats(width=32),
    "complex128": st.complex_numbers(),
    "string": st.binary(max_size=5),
}


@given(st.sampled_from(sorted(NUMBERS)), st.integers(0, 4), st.integers(0, 3), st.data())
@settings(max_examples=200, deadline=None)
def test_any_tensor_comes_back(name, rows, columns, data):
    items = data.draw(st.lists(NUMBERS[name], min_size=rows * columns, max_size=rows * columns))
    array = np.empty(len(items), object) if name == "string" else np.zeros(len(items), name)
    array[:] = items
    tensor = tf.convert_to_tensor(array.reshape(rows, columns), name)
    codec = codec_of(CODEC, tensor)
    for content_type in codec.content_types:
        if content_type == CSV and not items:
            continue
        found = through(codec, tensor, content_type)
        if content_type == SAFETENSORS or name in ("string", "int64", "uint64"):
            same(found, tensor)
        else:
            assert found.dtype == tensor.dtype
            np.testing.assert_array_equal(found.numpy(), tensor.numpy())


def test_text_and_bytes_in_json():
    tensor = tf.constant(["ä", b"\xff", ""])
    codec = codec_of(CODEC, tensor)
    assert codec.encode(tensor, JSON) == '["ä",{"b64":"/w=="},""]'.encode()
    assert decode(codec, b'[{"b64": "YQ=="}]', JSON).numpy().tolist() == [b"a"]
    for document in ('[{"b64": "?"}]', "[1]", "[null]", '[{"b64": "YQ==", "x": 1}]', '["\\ud800"]'):
        refused(codec, document.encode(), JSON, "expected text, or an object")


@pytest.mark.parametrize("wrapper", ["instances", "inputs"])
def test_the_json_of_tensorflow_serving(wrapper):
    codec = codec_of(CODEC, tf.zeros([1, 2]))
    body = json.dumps({"signature_name": "serving_default", wrapper: [[1, 2.5]]}).encode()
    assert decode(codec, body, JSON).numpy().tolist() == [[1, 2.5]]


def test_variables_come_back_as_tensors():
    variable = tf.Variable([[1.0, 2.0]])
    for content_type in (SAFETENSORS, JSON, CSV, NPY):
        same(through(codec_of(CODEC, variable), variable, content_type), variable.read_value())


RAGGED = {
    "one axis": tf.ragged.constant([[1, 2], [], [3]]),
    "two axes": tf.ragged.constant([[[1.5], []], [], [[2.5, math.inf]]]),
    "inner": tf.RaggedTensor.from_row_lengths(tf.zeros([3, 2], tf.bfloat16), [1, 2]),
    "short splits": tf.RaggedTensor.from_row_lengths(tf.constant([1, 2]), tf.constant([2, 0])),
    "empty": tf.ragged.constant([], ragged_rank=1, dtype=tf.float32),
    "text": tf.ragged.constant([["a", b"\xff"], []]),
}
SPARSE = {
    "matrix": tf.SparseTensor([[0, 1], [1, 2]], [1.0, 2.0], [2, 3]),
    "unordered": tf.SparseTensor([[1, 2], [0, 1], [0, 1]], [1, 2, 3], [2, 3]),
    "no value": tf.SparseTensor(np.zeros((0, 2), "i8"), np.zeros(0, "f4"), [0, 3]),
    "complex": tf.SparseTensor([[0]], [1 + 2j], [1]),
    "sparse text": tf.SparseTensor([[0]], [b"\xff"], [1]),
}


@pytest.mark.parametrize("tensor", [*RAGGED.values(), *SPARSE.values()], ids=[*RAGGED, *SPARSE])
def test_ragged_and_sparse_tensors(tensor):
    codec = codec_of(CODEC, tensor)
    assert codec.content_types == ((JSON,) if tensor.dtype == tf.string else (SAFETENSORS, JSON))
    for content_type in codec.content_types:
        for body_type in (bytes, bytearray, memoryview):
            same(through(codec, tensor, content_type, body_type), tensor)


def test_how_ragged_and_sparse_tensors_stand_in_json():
    ragged, sparse = RAGGED["two axes"], SPARSE["matrix"]
    assert codec_of(CODEC, ragged).encode(ragged, JSON) == b"[[[1.5],[]],[],[[2.5,1e999]]]"
    assert json.loads(codec_of(CODEC, sparse).encode(sparse, JSON)) == {
        "indices": [[0, 1], [1, 2]],
        "values": [1, 2],
        "dense_shape": [2, 3],
    }


@pytest.mark.parametrize(
    ("sample", "document", "match"),
    [
        ("two axes", "[[1]]", "nested 3 deep, got something else on axis 2"),
        ("two axes", "[1]", "nested 3 deep, got something else on axis 1"),
        ("two axes", '[[["a"]]]', "expected numbers"),
        ("two axes", "[[[[1]]]]", "got an array"),
        ("inner", "[[[1, 2, 3]]]", r"shape \(\*, 2\)"),
        ("one axis", "null", "null on axis 0"),
        ("matrix", '{"indices": [[0, 3]], "values": [1], "dense_shape": [2, 3]}', "inside of shape"),
        ("matrix", '{"indices": [[-1, 0]], "values": [1], "dense_shape": [2, 3]}', "inside of shape"),
        ("matrix", '{"indices": [[0]], "values": [1], "dense_shape": [2, 3]}', r"shape \(\*, 2\)"),
        ("matrix", '{"indices": [], "values": [1], "dense_shape": [2, 3]}', "2 indices .* for each value"),
        ("matrix", '{"indices": [], "values": [], "dense_shape": [2, 4]}', r"shape \(\*, 3\), got \(2, 4\)"),
        ("matrix", '{"indices": [], "values": [], "dense_shape": [-2, 3]}', r"shape \(\*, 3\)"),
        ("matrix", '{"indices": [], "values": [], "dense_shape": [100000000, 3]}', "rows are too many"),
        ("matrix", "[[0, 1]]", "object with indices, values, dense_shape"),
    ],
)
def test_documents_that_make_no_tensor_are_refused(sample, document, match):
    refused(codec_of(CODEC, {**RAGGED, **SPARSE}[sample]), document.encode(), JSON, match)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"row_splits_0": np.array([0, 3, 2])}, "row splits 0 to rise from 0 to"),
        ({"row_splits_0": np.array([1, 3])}, "row splits 0 to rise from 0 to"),
        ({"row_splits_0": np.array([0, 9])}, "row splits 0 to rise from 0 to"),
        ({"row_splits_0": np.array([], "i8")}, "on one axis"),
        ({"row_splits_0": np.array([0.0, 3.0])}, "int32 or int64 on one axis, got float64"),
        ({"flat_values": np.zeros(4, "f4")}, "row splits 1 to rise from 0 to 4"),
        ({"flat_values": np.zeros((3, 1), "f4")}, r"shape \(\*,\)"),
    ],
)
def test_row_splits_are_not_believed(change, match):
    from cdk_modelbuilder.schema.codecs.array_numbers import read_arrays, write_arrays

    tensor = RAGGED["two axes"]
    codec = codec_of(CODEC, tensor)
    parts, metadata = read_arrays(codec.encode(tensor, SAFETENSORS))
    refused(codec, write_arrays({**parts, **change}, metadata), SAFETENSORS, match)
    del parts["row_splits_1"]
    refused(codec, write_arrays(parts, metadata), SAFETENSORS, "as row_splits_0, row_splits_1, flat_values")


def test_tensors_that_cannot_be_sent_say_what_can():
    with pytest.raises(CodecError, match="symbolic"):
        CODEC.describe(tf.keras.Input((3,)))
    with pytest.raises(CodecError, match="dequantize"):
        CODEC.describe(tf.zeros([1], tf.qint8))
    seen = []

    @tf.function
    def traced(tensor):
        try:
            CODEC.describe(tensor)
        except CodecError as error:
            seen.append(str(error))
        return tensor

    traced(tf.zeros([1]))
    assert "symbolic" in seen[0]
    assert CODEC.describe(np.zeros(3)) is None


def test_what_does_not_fit_is_refused_in_words():
    codec = codec_of(CODEC, tf.zeros([1, 2]))
    assert "got ndarray; tf.convert_to_tensor() makes one" in codec.difference(np.zeros((1, 2)))
    assert "expected a dense tensor, got a ragged one" in codec.difference(RAGGED["one axis"])
    assert "(*, 2), got (1, 3)" in codec.difference(tf.zeros([1, 3]))
    assert "float32, got string" in codec.difference(tf.constant([["a", "b"]]))
    assert "float32, got complex64" in codec.difference(tf.zeros([1, 2], tf.complex64))
    assert codec.difference(tf.zeros([1, 2], tf.int8)) is None
    refused(codec, b"[[1, 2, 3]]", JSON, r"shape \(\*, 2\), got \(1, 3\)")
    refused(codec, b"[[1, 1e39]]", JSON, "numbers from")
    refused(codec, b"[[1, null, 3]]", JSON, r"\(1, 3\)")
    for dtype, value in (("float64", 1e300), ("complex64", 1)):
        other = tf.constant([[1, value]], dtype)
        refused(codec, codec_of(CODEC, other).encode(other, SAFETENSORS), SAFETENSORS, "expected")
    tiny = codec_of(CODEC, filled("int4", (2,)))
    refused(tiny, b"[8]", JSON, "expected whole numbers from -8 to 7, got 8")
    assert decode(tiny, b"[-8, 7]", JSON).numpy().astype("i8").tolist() == [-8, 7]


SAMPLES = {
    **{name: filled(name, (1, 2)) for name in ("float32", "int4", "bool", "bfloat16", "complex64", "string")},
    "scalar": tf.constant(1.5),
    **{name: RAGGED[name] for name in ("one axis", "inner", "text")},
    **{name: SPARSE[name] for name in ("matrix", "sparse text")},
}


@pytest.mark.parametrize("tensor", SAMPLES.values(), ids=list(SAMPLES))
def test_no_bytes_do_harm(tensor):
    codec = codec_of(CODEC, tensor)

    @given(st.data())
    @settings(max_examples=200, deadline=None, database=None)
    def throw(data):
        content_type = data.draw(st.sampled_from(codec.content_types))
        found = takes_or_refuses(codec, data.draw(spoiled([bytes(codec.encode(tensor, content_type))])), content_type)
        if found is not None:
            codec.encode(found, JSON)

    throw()


@pytest.mark.parametrize("tensor", SAMPLES.values(), ids=list(SAMPLES))
def test_json_schema(tensor):
    codec = codec_of(CODEC, tensor)
    for value in (codec.example(), tensor):
        assert codec.difference(value) is None
        assert is_valid(codec, json.loads(codec.encode(value, JSON)))
    assert not is_valid(codec, [[[["a", 1]]]])
    if isinstance(tensor, tf.SparseTensor):
        return

    @given(documents(codec.json_schema()))
    @settings(max_examples=100, deadline=None, database=None)
    def read(document):
        codec.from_plain(document)

    read()


def test_summaries():
    assert codec_of(CODEC, tf.zeros([2, 3])).summary() == "TensorFlow tensor (*, 3) float32"
    assert codec_of(CODEC, RAGGED["inner"]).summary() == "TensorFlow ragged tensor (*, *, 2) bfloat16"
