"""Tensors of torch come back as they were, in every dtype, layout and content type; no body does harm."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from cdk_modelbuilder.schema.codecs import CodecError, decode  # noqa: E402
from cdk_modelbuilder.schema.codecs.torch_dtypes import DTYPES, cast  # noqa: E402
from cdk_modelbuilder.schema.codecs.torch_tensors import CODEC  # noqa: E402
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

# torch warns once a process of what is in beta.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1))
    torch.zeros(1, dtype=torch.complex32)
LAYOUTS = ["coo", "csr", "csc", "bsr", "bsc"]


def bits(tensor):
    return tensor.contiguous().view(torch.uint8) if tensor.ndim else tensor.reshape(1).view(torch.uint8)


def same(found, expected):
    assert type(found) is torch.Tensor
    assert (found.dtype, found.shape, found.layout) == (expected.dtype, expected.shape, expected.layout)
    assert found.device.type == "cpu"
    assert not found.requires_grad
    if found.layout == torch.strided:
        assert torch.equal(bits(found), bits(expected))
        return
    if found.layout == torch.sparse_coo:
        assert found.is_coalesced() == expected.is_coalesced()
        pairs = [(found._indices(), expected._indices()), (found._values(), expected._values())]
    else:
        names = (
            ["crow_indices", "col_indices"] if "sparse_csr" in str(found.layout) or "bsr" in str(found.layout) else []
        )
        names = names or ["ccol_indices", "row_indices"]
        pairs = [(getattr(found, name)(), getattr(expected, name)()) for name in [*names, "values"]]
    for one, other in pairs:
        same(one, other)


def filled(dtype, shape):
    count = math.prod(shape)
    numbers = torch.arange(count, dtype=torch.float64).reshape(shape) % 3
    if dtype == torch.float8_e8m0fnu:
        return (2**numbers).to(dtype)
    if dtype.is_complex:
        return torch.complex(numbers, -numbers).to(dtype)
    return numbers.to(torch.int64).to(dtype) if dtype == torch.bool else numbers.to(dtype)


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (0, 3), (0,), (2, 0)], ids=str)
def test_every_dtype_and_shape_in_every_content_type(name, shape):
    tensor = filled(DTYPES[name], shape)
    codec = codec_of(CODEC, tensor)
    assert codec.content_types[0] == SAFETENSORS
    for content_type in codec.content_types:
        if content_type != CSV or tensor.numel():  # no row says nothing of columns
            for body_type in (bytes, bytearray, memoryview):
                found = through(codec, tensor, content_type, body_type)
                same(found, tensor)
                found.zero_()


def test_every_dtype_has_its_content_types():
    offered = {name: codec_of(CODEC, filled(dtype, (2, 2))).content_types for name, dtype in DTYPES.items()}
    assert offered["float32"] == (SAFETENSORS, NPY, JSON, CSV)
    assert offered["bfloat16"] == (SAFETENSORS, JSON, CSV)
    assert offered["complex64"] == (SAFETENSORS, NPY, JSON)
    assert offered["complex32"] == (SAFETENSORS, JSON)
    assert codec_of(CODEC, torch.zeros(2, 2, 2)).content_types == (SAFETENSORS, NPY, JSON)


@pytest.mark.parametrize("name", [name for name, dtype in DTYPES.items() if dtype != torch.bool])
def test_the_bits_of_every_number_survive(name):
    dtype = DTYPES[name]
    patterns = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16)
    tensor = patterns.view(torch.uint8).repeat(8).view(dtype)
    same(through(codec_of(CODEC, tensor), tensor, SAFETENSORS), tensor)


@pytest.mark.parametrize("name", ["float16", "bfloat16", *(name for name in DTYPES if name.startswith("float8"))])
@pytest.mark.parametrize("content_type", [JSON, CSV])
def test_every_small_float_survives_as_text(name, content_type):
    raw = (
        torch.arange(256, dtype=torch.uint8)
        if "8" in name
        else torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16)
    )
    tensor = raw.view(DTYPES[name])
    found = through(codec_of(CODEC, tensor), tensor, content_type)
    one, other = found.double(), tensor.double()
    assert torch.equal(one.isnan(), other.isnan())
    kept = ~other.isnan()
    assert torch.equal(one[kept], other[kept])
    assert torch.equal(one[kept].signbit(), other[kept].signbit())


NUMBERS = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint8": st.integers(0, 255),
    "bool": st.booleans(),
    "float64": st.floats(),
    "float32": st.floats(width=32),
    "float16": st.floats(width=16),
    "complex64": st.complex_numbers(width=64),
    "complex128": st.complex_numbers(),
}


@given(st.sampled_from(sorted(NUMBERS)), st.integers(0, 4), st.integers(0, 3), st.data())
@settings(max_examples=300, deadline=None)
def test_any_tensor_comes_back(name, rows, columns, data):
    items = data.draw(st.lists(NUMBERS[name], min_size=rows * columns, max_size=rows * columns))
    tensor = torch.tensor(items, dtype=DTYPES[name]).reshape(rows, columns)
    codec = codec_of(CODEC, tensor)
    same(through(codec, tensor, SAFETENSORS), tensor)
    for content_type in codec.content_types[1:]:
        if content_type == CSV and not items:
            continue
        found = through(codec, tensor, content_type)
        assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
        one, other = (torch.view_as_real(item) if item.is_complex() else item for item in (found, tensor))
        assert torch.equal(one.isnan(), other.isnan())
        assert torch.equal(bits(one[~other.isnan()]), bits(other[~other.isnan()]))


@pytest.mark.parametrize(
    "name", [name for name, dtype in DTYPES.items() if dtype.is_floating_point or dtype.is_complex]
)
def test_the_largest_numbers_are_numbers(name):
    limits = torch.finfo(DTYPES[name])
    tensor = torch.tensor([limits.min, limits.max], dtype=torch.float64).to(DTYPES[name])
    codec = codec_of(CODEC, tensor)
    for content_type in codec.content_types:
        same(through(codec, tensor, content_type), tensor)
    assert is_valid(codec, json.loads(codec.encode(tensor, JSON)))


def test_how_numbers_stand_in_json():
    special = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    assert codec_of(CODEC, special).encode(special, JSON) == b"[null,1e999,-1e999,-0.0]"
    short = torch.tensor([0.1])
    assert codec_of(CODEC, short).encode(short, JSON) == b"[0.1]"
    pairs = torch.tensor([complex(math.inf, math.nan)])
    assert codec_of(CODEC, pairs).encode(pairs, JSON) == b"[[1e999,null]]"
    assert through(codec_of(CODEC, pairs), pairs, JSON)[0].real == math.inf


@pytest.mark.parametrize("wrapper", ["instances", "inputs", "data"])
def test_json_inside_an_object(wrapper):
    codec = codec_of(CODEC, torch.zeros(1, 2))
    found = decode(codec, json.dumps({wrapper: [[1, 2]], "signature_name": "x"}).encode(), JSON)
    assert found.tolist() == [[1, 2]]
    refused(codec, b'{"other": [[1, 2]]}', JSON, "exactly one of instances, inputs, data")
    refused(codec, b'{"inputs": [[1, 2]], "data": [[1, 2]]}', JSON, "exactly one of")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(12.0)[::2],
        torch.zeros(1).expand(4),
        torch.ones(2, requires_grad=True),
        torch.nn.Parameter(torch.ones(2)),
        torch.ones(2, requires_grad=True) * 2,
        torch.tensor([1 + 2j]).conj(),
        torch.tensor([1 + 2j]).conj().imag,
        torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.ones(2, 2).to_mkldnn(),
    ],
    ids=["transposed", "strided", "expanded", "leaf", "parameter", "graph", "conj", "neg", "channels_last", "mkldnn"],
)
def test_tensors_that_need_settling(tensor):
    codec = codec_of(CODEC, tensor)
    dense = tensor.detach().to_dense() if tensor.is_mkldnn else tensor.detach()
    for content_type in codec.content_types:
        found = through(codec, tensor, content_type)
        assert torch.equal(found, dense)
        assert found.is_contiguous()
        assert not found.requires_grad


def test_a_body_that_can_be_written_to_is_not_copied():
    tensor = torch.arange(8, dtype=torch.float32)
    codec = codec_of(CODEC, tensor)
    for content_type in (SAFETENSORS, NPY):
        body = bytearray(codec.encode(tensor, content_type))
        found = codec.decode(body, content_type)
        found[0] = 7.0
        assert torch.frombuffer(body, dtype=torch.float32, offset=len(body) - 32)[0] == 7.0


def test_numbers_inside_of_a_larger_body_are_aligned():
    tensor = torch.arange(3, dtype=torch.float64)
    body = bytearray(b"x") + codec_of(CODEC, tensor).encode(tensor, SAFETENSORS)
    found = codec_of(CODEC, tensor).decode(memoryview(body)[1:], SAFETENSORS)
    assert found.data_ptr() % 8 == 0
    same(found, tensor)


def sparse(layout, dtype, *, batch=()):
    dense = torch.zeros(*batch, 4, 6, dtype=torch.float64)
    dense[..., 0, 1], dense[..., 2, 3], dense[..., 3, 5] = 1, 2, 1
    kept = {} if layout in ("coo", "csr", "csc") else {"blocksize": (2, 3)}
    converted = getattr(dense, f"to_sparse_{layout}")(**kept) if layout != "coo" else dense.to_sparse()
    if layout == "coo":
        return torch.sparse_coo_tensor(converted.indices(), converted.values().to(dtype), dense.shape).coalesce()
    plain, other = ("crow_indices", "col_indices") if layout[-1] == "r" else ("ccol_indices", "row_indices")
    parts = (getattr(converted, plain)(), getattr(converted, other)(), converted.values().to(dtype))
    return torch.sparse_compressed_tensor(*parts, dense.shape, layout=converted.layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "name", ["bool", "int8", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
)
def test_sparse_layouts(layout, name):
    if layout == "coo" and name == "bool":
        pytest.skip("torch cannot sum truth values")
    tensor = sparse(layout, DTYPES[name])
    codec = codec_of(CODEC, tensor)
    assert codec.content_types == (SAFETENSORS, JSON)
    for content_type in codec.content_types:
        for body_type in (bytes, bytearray, memoryview):
            same(through(codec, tensor, content_type, body_type), tensor)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sparse_tensors_of_more_axes(layout):
    tensor = sparse(layout, torch.float32, batch=(3,))
    for content_type in (SAFETENSORS, JSON):
        same(through(codec_of(CODEC, tensor), tensor, content_type), tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.sparse_coo_tensor([[1, 0, 1]], [1.0, 2.0, 3.0], (2,)),
        torch.sparse_coo_tensor([[1, 0]], [[1.0, 2.0], [3.0, 4.0]], (2, 2)),
        torch.sparse_coo_tensor(torch.zeros(2, 0), [], (0, 3)),
        torch.tensor(3.0).to_sparse(),
        torch.sparse_coo_tensor([[0]], [1.0], (2,), requires_grad=True),
        torch.sparse_coo_tensor(torch.tensor([[0]]), torch.tensor([1 + 2j]).conj(), (2,)),
    ],
    ids=["repeated", "hybrid", "empty", "scalar", "gradient", "conj"],
)
def test_odd_coo_tensors(tensor):
    for content_type in (SAFETENSORS, JSON):
        found = through(codec_of(CODEC, tensor), tensor, content_type)
        assert torch.equal(found.to_dense(), tensor.detach().to_dense())
        assert found._nnz() == tensor._nnz()
        assert found.is_coalesced() == tensor.is_coalesced()


def test_indices_of_32_bits():
    rows, columns = torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32)
    tensor = torch.sparse_csr_tensor(rows, columns, [1.0, 2.0], (2, 2))
    for content_type in (SAFETENSORS, JSON):
        same(through(codec_of(CODEC, tensor), tensor, content_type), tensor)


COO = {"size": [2, 3], "indices": [[0, 1], [1, 2]], "values": [1, 2]}
CSR = {"size": [2, 3], "crow_indices": [0, 1, 2], "col_indices": [0, 2], "values": [1, 2]}


@pytest.mark.parametrize(
    ("layout", "change", "match"),
    [
        ("coo", {"indices": [[0, 2], [1, 2]]}, "size is 2 but found index 2"),
        ("coo", {"indices": [[0, -1], [1, 2]]}, "negative index"),
        ("coo", {"indices": [[0, 1]]}, r"indices: expected an array of shape \(2, 2\), got \(1,\) and more axes"),
        ("coo", {"indices": [[0], [1]]}, r"indices: expected an array of shape \(2, 2\), got \(2, 1\)"),
        ("coo", {"indices": [[1, 0], [1, 2]], "is_coalesced": True}, "uncoalesced"),
        ("coo", {"size": [2, 4]}, r"size to be \(\*, 3\)"),
        ("coo", {"size": [2.0, 3]}, r"size to be \(\*, 3\)"),
        ("coo", {"size": [1 << 62, 3]}, "too many items"),
        ("coo", {"size": [1 << 40, 3]}, "rows are too many for 2 values"),
        ("coo", {"size": None}, "null on axis 0"),
        ("coo", {"values": [1, "a"]}, "got text"),
        ("coo", {"values": [1, 1e39]}, "numbers from"),
        ("csr", {"crow_indices": [0, 2, 1]}, "nnz"),
        ("csr", {"crow_indices": [0, 5, 2]}, "make no sparse_csr"),
        ("csr", {"crow_indices": [0, 1]}, "crow_indices of shape"),
        ("csr", {"col_indices": [0, 3]}, "col_indices"),
        ("csr", {"col_indices": [0, -1]}, "col_indices"),
        ("csr", {"col_indices": [0, 1 << 70]}, "whole numbers"),
        ("csr", {"values": [1]}, "values of shape"),
        ("csr", {"size": [1 << 40, 3]}, "crow_indices of shape"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_parts_that_make_no_tensor_are_refused(layout, change, match):
    tensor = torch.zeros(2, 3).to_sparse() if layout == "coo" else torch.zeros(2, 3).to_sparse_csr()
    codec = codec_of(CODEC, tensor)
    valid = COO if layout == "coo" else CSR
    assert decode(codec, json.dumps(valid).encode(), JSON)._nnz() == 2
    refused(codec, json.dumps({**valid, **change}).encode(), JSON, match)


def test_a_sparse_tensor_is_no_dense_one():
    dense, loose = torch.zeros(2, 3), torch.zeros(2, 3).to_sparse()
    assert "layout sparse_coo, got strided" in codec_of(CODEC, loose).difference(dense)
    assert "layout strided, got sparse_coo" in codec_of(CODEC, dense).difference(loose)
    refused(codec_of(CODEC, loose), codec_of(CODEC, dense).encode(dense, SAFETENSORS), SAFETENSORS, "got strided")
    refused(codec_of(CODEC, dense), codec_of(CODEC, loose).encode(loose, SAFETENSORS), SAFETENSORS, "one tensor")
    refused(codec_of(CODEC, loose), b"[]", JSON, "object with size, indices, values")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_cannot_be_sent_say_what_can():
    for sample, way_out in [
        (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8), "dequantize"),
        (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "to_padded_tensor"),
        (torch.empty(2, device="meta"), "meta device"),
        (torch.empty(2, dtype=torch.bits8), "bool, uint8"),
        (torch.masked.masked_tensor(torch.ones(2), torch.tensor([True, False])), "to_tensor"),
    ]:
        with pytest.raises(CodecError, match=way_out):
            CODEC.describe(sample)
    assert CODEC.describe([1.0]) is None


def test_what_may_be_coerced_is():
    codec = codec_of(CODEC, torch.zeros(1, dtype=torch.float32))
    for given_ in ([1], [1.0], [True]):
        same(decode(codec, json.dumps(given_).encode(), JSON), torch.ones(1))
    for dtype in (torch.int64, torch.uint64, torch.bool, torch.float64, torch.bfloat16):
        other = torch.ones(1, dtype=dtype)
        for content_type in (SAFETENSORS, NPY) if dtype != torch.bfloat16 else (SAFETENSORS,):
            body = codec_of(CODEC, other).encode(other, content_type)
            same(decode(codec, body, content_type), torch.ones(1))
            assert codec.encode(other, JSON) == b"[1.0]"
    whole = codec_of(CODEC, torch.zeros(1, dtype=torch.int8))
    assert decode(whole, b"[1.0]", JSON).tolist() == [1]
    assert decode(codec_of(CODEC, torch.tensor([True])), b"[0, 1.0]", JSON).tolist() == [False, True]


@pytest.mark.parametrize(
    ("source", "value", "target"),
    [
        ("float32", 1.0, "int64"),
        ("complex64", 1, "float32"),
        ("int8", 1, "bool"),
        ("int64", 300, "uint8"),
        ("int64", -1, "uint64"),
        ("uint64", 2**64 - 1, "int64"),
        ("uint64", 2**64 - 1, "int8"),
        ("uint64", 70000, "uint16"),
        ("float64", 1e300, "float32"),
        ("float32", 1e30, "float16"),
        ("int64", 70000, "float16"),
        ("float32", 500.0, "float8_e4m3fn"),
        ("float32", math.inf, "float8_e4m3fn"),
        ("float32", -1.0, "float8_e8m0fnu"),
        ("complex128", 1e300, "complex64"),
        ("float64", 1e300, "complex64"),
    ],
)
def test_no_number_becomes_another(source, value, target):
    tensor = torch.tensor([1, value], dtype=DTYPES[source])
    codec = codec_of(CODEC, torch.zeros(1).to(DTYPES[target]))
    with pytest.raises(CodecError, match="expected"):
        cast(tensor, DTYPES[target])
    refused(codec, codec_of(CODEC, tensor).encode(tensor, SAFETENSORS), SAFETENSORS, "expected")


def test_infinities_and_nan_stay_what_they_are():
    wide = torch.tensor([math.inf, -math.inf, math.nan, 65504.0], dtype=torch.float64)
    assert cast(wide, torch.float16).double().tolist()[:2] == [math.inf, -math.inf]
    assert cast(wide.to(torch.complex128), torch.complex32).real.double().tolist()[0] == math.inf


@pytest.mark.parametrize(
    ("body", "content_type", "match"),
    [
        (b"[[1, 2, 3]]", JSON, r"shape \(\*, 2\), got \(1, 3\)"),
        (b"[1, 2]", JSON, r"shape \(\*, 2\), got a number on axis 1"),
        (b"[[1, 2], [1]]", JSON, "lists of 1 and 2 items on axis 1"),
        (b"[[[1], [2]]]", JSON, "got an array"),
        (b'[["1", "2"]]', JSON, "expected numbers from .* got text"),
        (b"[[1, 1e39]]", JSON, "3.4028235e.38, got 1e.39"),
        (b"[[1, 1" + b"0" * 400 + b"]]", JSON, "got a larger one"),
        (b"1", JSON, "got a number on axis 0"),
        (b"null", JSON, "got null on axis 0"),
        (b"1,2\n3\n", CSV, "2 cells in each row, got 1 in row 2"),
        (b"1,2,3\n", CSV, r"shape \(\*, 2\), got \(1, 3\)"),
        (b"1,x\n", CSV, "cell 'x'"),
        (b"1,1_0\n", CSV, "cell '1_0'"),
        (b"a,b\n", CSV, "CSV without a row"),
        (b"\xff", CSV, "UTF-8"),
        (b"junk", SAFETENSORS, "safetensors"),
        (b"junk", NPY, "npy"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(body, content_type, match):
    refused(codec_of(CODEC, torch.zeros(1, 2)), body, content_type, match)


def test_csv_with_and_without_a_header():
    codec = codec_of(CODEC, torch.zeros(1, 2))
    for body, header in [
        (b"a,b\n1,2\n", ""),
        (b"1,2\n", ""),
        (b"5,6\n1,2\n", "; header=present"),
        (b'"1","2"\r\n', ""),
    ]:
        assert decode(codec, body, f"text/csv{header}").tolist() == [[1, 2]]
    assert torch.equal(decode(codec, b",nan\n", CSV).isnan(), torch.tensor([[True, True]]))
    flat = codec_of(CODEC, torch.zeros(3))
    assert decode(flat, b"1,2,3\n", CSV).tolist() == decode(flat, b"1\n2\n3\n", CSV).tolist() == [1, 2, 3]
    assert decode(codec_of(CODEC, torch.tensor([True])), b"True\nfalse\n1\n", CSV).tolist() == [True, False, True]


def test_bytes_that_are_no_truth_values_are_refused():
    tensor = torch.tensor([True, False])
    for content_type in (SAFETENSORS, NPY):
        body = codec_of(CODEC, tensor).encode(tensor, content_type)
        body[-1] = 2
        refused(codec_of(CODEC, tensor), body, content_type, "truth values")


def test_files_of_the_reference_library_are_read_and_it_reads_ours():
    reference = pytest.importorskip("safetensors.torch")
    for name in reference._TYPES.values():
        tensor = filled(name, (2, 3))
        codec = codec_of(CODEC, tensor)
        same(codec.decode(reference.save({"any name": tensor}), SAFETENSORS), tensor)
        same(reference.load(bytes(codec.encode(tensor, SAFETENSORS)))["tensor"], tensor)


SAMPLES = {
    "float32": torch.tensor([[1.5, math.nan]]),
    "int8": torch.tensor([1, -2], dtype=torch.int8),
    "bool": torch.tensor([True]),
    "bfloat16": torch.ones(1, 2, 1, dtype=torch.bfloat16),
    "e8m0": torch.ones(2).to(torch.float8_e8m0fnu),
    "complex": torch.ones(1, 1, dtype=torch.complex64),
    "scalar": torch.tensor(1, dtype=torch.uint16),
    "none": torch.zeros(0, 2),
}
SPARSE = {layout: sparse(layout, torch.float32) for layout in LAYOUTS}


@pytest.mark.parametrize("tensor", [*SAMPLES.values(), *SPARSE.values()], ids=[*SAMPLES, *SPARSE])
def test_no_bytes_do_harm(tensor):
    codec = codec_of(CODEC, tensor)

    @given(st.data())
    @settings(max_examples=300, deadline=None, database=None)
    def throw(data):
        content_type = data.draw(st.sampled_from(codec.content_types))
        found = takes_or_refuses(codec, data.draw(spoiled([bytes(codec.encode(tensor, content_type))])), content_type)
        if found is not None:
            codec.encode(found, JSON)
            if found.layout != torch.strided and found.numel() < 10_000:
                found.to_dense()  # reads every index

    throw()


@pytest.mark.parametrize("tensor", SAMPLES.values(), ids=list(SAMPLES))
def test_every_document_that_fits_the_json_schema_is_read(tensor):
    codec = codec_of(CODEC, tensor)

    @given(documents(codec.json_schema()))
    @settings(max_examples=100, deadline=None, database=None)
    def read(document):
        codec.from_plain(document)

    read()


@pytest.mark.parametrize("tensor", [*SAMPLES.values(), *SPARSE.values()], ids=[*SAMPLES, *SPARSE])
def test_examples_and_what_is_written_fit_the_json_schema(tensor):
    codec = codec_of(CODEC, tensor)
    for value in (codec.example(), tensor):
        assert codec.difference(value) is None
        assert is_valid(codec, json.loads(codec.encode(value, JSON)))


@pytest.mark.parametrize(
    "document",
    ["[[1]]", "[1, 2]", "[[1, 2, 3]]", '[["a", 1]]', "[[1, 1e39]]", "{}", '{"data": [[1]]}', "null", "[[1, [2]]]"],
)
def test_the_json_schema_and_the_codec_refuse_the_same(document):
    codec = codec_of(CODEC, torch.zeros(1, 2))
    assert not is_valid(codec, json.loads(document))
    refused(codec, document.encode(), JSON, "expected")


def test_summaries():
    assert codec_of(CODEC, torch.zeros(2, 3)).summary() == "torch tensor (*, 3) float32"
    assert codec_of(CODEC, sparse("csr", torch.float64)).summary() == "sparse csr torch tensor (*, 6) float64"


def test_numpy_is_not_needed():
    script = (
        "import sys, warnings; warnings.simplefilter('ignore'); sys.modules['numpy'] = None\n"
        "import torch\n"
        "from cdk_modelbuilder.schema.codecs.torch_tensors import CODEC\n"
        "x = torch.arange(6.).reshape(2, 3); c = CODEC(CODEC.describe(x))\n"
        "for t in ('application/x-safetensors', 'application/json', 'text/csv'):\n"
        "    assert torch.equal(c.decode(bytearray(c.encode(x, t)), t), x)\n"
        "assert c.needs('application/x-npy') == 'numpy'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
