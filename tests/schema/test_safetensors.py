"""The safetensors format: what the reference library writes is read, what is written it reads, and no bytes do harm."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from cdk_modelbuilder.schema.codecs import CodecError
from cdk_modelbuilder.schema.codecs.safetensors_format import (
    ITEM_BITS,
    MAX_AXES,
    MAX_HEADER,
    RawTensor,
    read_safetensors,
    write_safetensors,
)

NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}
ARRAYS = nst.arrays(st.sampled_from(list(map(np.dtype, NAMES))), nst.array_shapes(min_dims=0, min_side=0, max_side=4))
NAMED = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), ARRAYS, max_size=4)
METADATA = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=5), st.text(st.characters(codec="utf-8"), max_size=5), max_size=3
)


def raw(array: np.ndarray) -> RawTensor:
    return RawTensor(NAMES[array.dtype.name], array.shape, np.ascontiguousarray(array).tobytes())


def header_and_data(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@given(NAMED, METADATA)
@settings(deadline=None)
def test_what_is_written_is_read(arrays, metadata):
    written = write_safetensors({name: raw(array) for name, array in arrays.items()}, metadata)
    tensors, found = read_safetensors(written)
    assert found == metadata
    assert list(tensors) == list(arrays)
    for name, array in arrays.items():
        assert (tensors[name].dtype, tensors[name].shape) == (NAMES[array.dtype.name], array.shape)
        assert bytes(tensors[name].data) == array.tobytes()


@given(NAMED, METADATA)
@settings(deadline=None)
def test_the_reference_reads_what_is_written(arrays, metadata):
    reference = pytest.importorskip("safetensors.numpy")
    arrays.pop("__metadata__", None)
    written = bytes(write_safetensors({name: raw(array) for name, array in arrays.items()}, metadata))
    found = reference.load(written)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@given(NAMED, METADATA)
@settings(deadline=None)
def test_what_the_reference_writes_is_read(arrays, metadata):
    reference = pytest.importorskip("safetensors.numpy")
    arrays.pop("__metadata__", None)
    tensors, found = read_safetensors(reference.save(arrays, metadata or None))
    assert found == metadata
    assert {name: (item.dtype, item.shape, bytes(item.data)) for name, item in tensors.items()} == {
        name: (NAMES[array.dtype.name], array.shape, array.tobytes()) for name, array in arrays.items()
    }


def test_every_dtype_is_one_of_the_reference():
    native = pytest.importorskip("safetensors")
    for name, bits in ITEM_BITS.items():
        written = bytes(write_safetensors({"x": RawTensor(name, (3,), bytes(3 * bits // 8))}, {}))
        ((_, entry),) = native.deserialize(written)
        assert (entry["dtype"], entry["shape"], len(entry["data"])) == (name, [3], 3 * bits // 8)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_are_views_of_the_body(kind):
    body = kind(write_safetensors({"x": RawTensor("U8", (3,), b"abc")}, {}))
    data = read_safetensors(body)[0]["x"].data
    assert data.obj is (body.obj if kind is memoryview else body)
    assert data.readonly == (kind is bytes)


def test_data_begin_where_their_items_are_aligned():
    for length in range(9):
        body = write_safetensors({"x" * length: RawTensor("F64", (1,), bytes(8))}, {})
        assert (len(body) - 8) % 8 == 0


ENTRY = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"", "cut short"),
        (b"\1\0\0\0\0\0\0", "cut short"),
        ((1 << 62).to_bytes(8, "little"), "cut short"),
        ((MAX_HEADER + 1).to_bytes(8, "little") + b" " * (MAX_HEADER + 1), "over 1 MiB"),
        (header_and_data(b"{"), "Expecting"),
        (header_and_data(b"\xff"), "decode"),
        (header_and_data(b"[]"), "not in the safetensors format"),
        (header_and_data(b"[" * 100_000), "not in the safetensors format"),
        (header_and_data({"x": 1}), "not in the safetensors format"),
        (header_and_data({"__metadata__": {"a": 1}}), "metadata is not text"),
        (header_and_data({"__metadata__": []}), "not in the safetensors format"),
        (header_and_data(b'{"x": 1, "x": 2}'), "twice"),
        (header_and_data({"x": {**ENTRY, "dtype": "F4"}}, b"ab"), "dtype 'F4'; known are BOOL"),
        (header_and_data({"x": {**ENTRY, "dtype": ["U8"]}}, b"ab"), "not in the safetensors format"),
        (header_and_data({"x": {**ENTRY, "shape": [3]}}, b"ab"), r"2 bytes, which do not make its shape \[3\]"),
        (header_and_data({"x": {**ENTRY, "shape": [-2, -1]}}, b"ab"), "no whole number"),
        (header_and_data({"x": {**ENTRY, "shape": [2.0]}}, b"ab"), "no whole number"),
        (header_and_data({"x": {**ENTRY, "shape": [True, 2]}}, b"ab"), "no whole number"),
        (header_and_data({"x": {**ENTRY, "shape": [2] + [1] * MAX_AXES}}, b"ab"), "over 64 axes"),
        (header_and_data({"x": {**ENTRY, "data_offsets": [2, 0]}}, b"ab"), "leaves a hole"),
        (header_and_data({"x": {**ENTRY, "data_offsets": [1, 3]}}, b"abc"), "leaves a hole"),
        (header_and_data({"x": ENTRY, "y": ENTRY}, b"ab"), "overlaps"),
        (header_and_data({"x": ENTRY}, b"a"), "cut short"),
        (header_and_data({"x": ENTRY}, b"abc"), "behind the last tensor"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_safetensors_file_is_refused_in_words(body, match):
    with pytest.raises(CodecError, match=match):
        read_safetensors(body)


def test_a_shape_of_huge_numbers_costs_nothing():
    sizes = [10**4000] * MAX_AXES
    with pytest.raises(CodecError, match="do not make its shape"):
        read_safetensors(header_and_data({"x": {**ENTRY, "shape": sizes}}, b"ab"))


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*ITEM_BITS, "F4"]) | JSON_LIKE,
        "shape": st.lists(st.integers(-1, 5) | JSON_LIKE, max_size=3) | JSON_LIKE,
        "data_offsets": st.lists(st.integers(-1, 9) | JSON_LIKE, max_size=3) | JSON_LIKE,
    },
)


@given(st.dictionaries(st.sampled_from(["x", "y", "__metadata__"]), ENTRIES | JSON_LIKE), st.binary(max_size=24))
@settings(max_examples=400, deadline=None)
def test_any_header_gives_tensors_or_the_one_error(header, data):
    try:
        tensors, _ = read_safetensors(header_and_data(header, data))
    except CodecError:
        return
    assert sum(len(tensor.data) for tensor in tensors.values()) == len(data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_tensors_or_the_one_error(data):
    valid = bytearray(
        write_safetensors({"x": RawTensor("U8", (3,), b"abc"), "y": RawTensor("F32", (1,), b"abcd")}, {"k": "v"})
    )
    if data.draw(st.booleans()):
        body = data.draw(st.binary(max_size=200))
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            valid[data.draw(st.integers(0, len(valid) - 1))] = data.draw(st.integers(0, 255))
        body = bytes(valid[: data.draw(st.integers(0, len(valid)))])
    with contextlib.suppress(CodecError):
        read_safetensors(body)
