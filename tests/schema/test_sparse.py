"""Sparse matrices of scipy come back as they were, in every format, dtype and content type; no body does harm."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sp = pytest.importorskip("scipy.sparse")

from cdk_modelbuilder.schema.codecs import CodecError, decode  # noqa: E402
from cdk_modelbuilder.schema.codecs.array_numbers import DTYPES, cast  # noqa: E402
from cdk_modelbuilder.schema.codecs.npz_format import read_npz  # noqa: E402
from cdk_modelbuilder.schema.codecs.sparse_matrices import CODEC  # noqa: E402
from tests.schema.codec_checks import (  # noqa: E402
    JSON,
    SAFETENSORS,
    codec_of,
    documents,
    is_valid,
    refused,
    spoiled,
    takes_or_refuses,
    through,
)

NPZ = "application/x-npz"
FORMATS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]
CLASSES = [f"{kind}_{family}" for kind in FORMATS for family in ("matrix", "array")]
NAMES = ["bool", *(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)), "float32", "float64"]
NAMES += ["complex64", "complex128"]
DENSE = np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 4, 5]])


def same(found, expected):
    assert type(found) is type(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.nnz == expected.nnz
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    names = {"dia": ["offsets", "data"], "coo": ["data"], "lil": [], "dok": []}
    for name in names.get(found.format, ["indptr", "indices", "data"]):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other[: len(one)])
    if found.format == "coo":
        for one, other in zip(found.coords, expected.coords, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    if found.format == "dok":
        assert dict(found.items()) == dict(expected.items())
    if found.format == "bsr":
        assert found.blocksize == expected.blocksize


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("name", NAMES)
def test_every_class_and_dtype_in_every_content_type(cls, name):
    matrix = getattr(sp, cls)(DENSE.astype(name))
    codec = codec_of(CODEC, matrix)
    assert codec.content_types == (SAFETENSORS, NPZ, JSON)
    for content_type in codec.content_types:
        for body_type in (bytes, bytearray, memoryview):
            found = through(codec, matrix, content_type, body_type)
            same(found, matrix)
            if hasattr(found, "data") and found.format not in ("lil", "dok"):
                found.data[:] = 0


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("shape", [(0, 3), (2, 3)], ids=str)
def test_matrices_without_a_value(cls, shape):
    if cls.startswith("bsr") and 0 in shape:
        matrix = getattr(sp, cls)(shape, blocksize=(1, 1))
    else:
        matrix = getattr(sp, cls)(shape)
    for content_type in (SAFETENSORS, NPZ, JSON):
        found = through(codec_of(CODEC, matrix), matrix, content_type)
        assert (type(found), found.shape, found.nnz) == (type(matrix), shape, 0)


@pytest.mark.parametrize(
    "array",
    [
        sp.coo_array(np.arange(8).reshape(2, 2, 2)),
        sp.coo_array(np.array([0, 1, 2])),
        sp.csr_array(np.array([0.0, 1.5, 2.0])),
        sp.dok_array(np.array([0.0, 1.5])),
    ],
    ids=["coo 3", "coo 1", "csr 1", "dok 1"],
)
def test_arrays_of_other_than_two_axes(array):
    for content_type in (SAFETENSORS, NPZ, JSON):
        same(through(codec_of(CODEC, array), array, content_type), array)


ODD = {
    "explicit zero": sp.csr_matrix((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2)),
    "unsorted": sp.csr_matrix((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2)),
    "repeated": sp.csr_array((np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 2])), shape=(1, 2)),
    "repeated by column": sp.csc_matrix((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1)),
    "repeated entries": sp.coo_matrix((np.array([1.0, 2.0]), ([1, 1], [0, 0])), shape=(2, 2)),
    "blocks": sp.bsr_matrix(np.kron(np.eye(2), np.ones((2, 3)))),
    "zero block": sp.bsr_array((np.zeros((1, 2, 2)), np.array([0]), np.array([0, 1])), shape=(2, 2)),
    "short diagonals": sp.dia_matrix((np.array([[1.0, 2.0]]), np.array([-1])), shape=(4, 4)),
    "nan": sp.csr_matrix(np.array([[np.nan, np.inf, -np.inf, -0.0]])),
}


@pytest.mark.parametrize("matrix", ODD.values(), ids=list(ODD))
def test_odd_matrices(matrix):
    for content_type in (SAFETENSORS, NPZ, JSON):
        same(through(codec_of(CODEC, matrix), matrix, content_type), matrix)


def test_indices_stay_as_wide_as_they_are():
    matrix = sp.csr_matrix(DENSE)
    matrix.indices, matrix.indptr = matrix.indices.astype("i8"), matrix.indptr.astype("i8")
    for content_type in (SAFETENSORS, NPZ):
        same(through(codec_of(CODEC, matrix), matrix, content_type), matrix)


def test_room_for_more_values_is_not_sent():
    matrix = sp.csr_matrix((np.ones(2), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    matrix.data, matrix.indices = np.ones(5), np.array([0, 1, 9, 9, 9])
    for content_type in (SAFETENSORS, NPZ, JSON):
        found = through(codec_of(CODEC, matrix), matrix, content_type)
        np.testing.assert_array_equal(found.toarray(), np.eye(2))


@st.composite
def matrices(draw):
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    cells = st.tuples(st.integers(0, max(rows - 1, 0)), st.integers(0, columns - 1))
    places = draw(st.lists(cells, max_size=6, unique=True)) if rows else []
    values = draw(st.lists(st.floats(), min_size=len(places), max_size=len(places)))
    coo = sp.coo_array(
        (np.array(values, "f8"), ([place[0] for place in places], [place[1] for place in places])),
        shape=(rows, columns),
    )
    return getattr(sp, draw(st.sampled_from([cls for cls in CLASSES if rows or "bsr" not in cls])))(coo)


@given(matrices())
@settings(max_examples=150, deadline=None)
def test_any_matrix_comes_back(matrix):
    codec = codec_of(CODEC, matrix)
    for content_type in codec.content_types:
        found = through(codec, matrix, content_type)
        assert (type(found), found.dtype, found.shape) == (type(matrix), matrix.dtype, matrix.shape)
        np.testing.assert_array_equal(found.toarray(), matrix.toarray())


def test_what_the_native_type_reads_is_a_view():
    matrix = sp.csr_matrix(DENSE.astype("f8"))
    body = bytearray(codec_of(CODEC, matrix).encode(matrix, SAFETENSORS))
    found = codec_of(CODEC, matrix).decode(body, SAFETENSORS)
    found.data[-1] = 77.0
    assert np.frombuffer(body[-8:])[0] == 77.0


@pytest.mark.parametrize("cls", CLASSES)
def test_dense_lists_are_read(cls):
    matrix = getattr(sp, cls)(DENSE.astype("f8"))
    codec = codec_of(CODEC, matrix)
    for document in (DENSE.tolist(), {"instances": DENSE.tolist()}, {"data": DENSE.tolist()}):
        found = decode(codec, json.dumps(document).encode(), JSON)
        assert type(found) is type(matrix)
        np.testing.assert_array_equal(found.toarray(), DENSE)
    assert decode(codec, b"[]", JSON).shape == (0, 4)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("other", ["csr_matrix", "csc_array", "coo_matrix", "bsr_matrix", "dia_array"])
def test_other_formats_are_converted(cls, other):
    wanted, given_ = getattr(sp, cls)(DENSE.astype("f8")), getattr(sp, other)(DENSE.astype("f4"))
    codec = codec_of(CODEC, wanted)
    for content_type in (SAFETENSORS, NPZ):
        body = codec_of(CODEC, given_).encode(given_, content_type)
        found = codec.decode(body, content_type)
        assert (type(found), found.dtype) == (type(wanted), np.dtype("f8"))
        np.testing.assert_array_equal(found.toarray(), DENSE)
    if wanted.format not in ("bsr", "dia"):
        assert codec.encode(given_, JSON) is not None
    elif given_.format != wanted.format:
        assert "asformat() makes one" in codec.difference(given_)


@pytest.mark.parametrize("cls", [name for name in CLASSES if name[:3] not in ("lil", "dok")])
def test_files_of_scipy_are_read_and_it_reads_ours(cls):
    matrix = getattr(sp, cls)(DENSE)
    codec = codec_of(CODEC, matrix)
    for compressed in (True, False):
        stream = io.BytesIO()
        sp.save_npz(stream, matrix, compressed=compressed)
        same(codec.decode(stream.getvalue(), NPZ), matrix)
    same(sp.load_npz(io.BytesIO(codec.encode(matrix, NPZ))), matrix)


def npz(**parts):
    stream = io.BytesIO()
    np.savez(stream, **parts)
    return stream.getvalue()


CSR = {
    "format": np.array(b"csr"),
    "shape": np.array([2, 3]),
    "indptr": np.array([0, 1, 2]),
    "indices": np.array([0, 2]),
}
CSR["data"] = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"indptr": np.array([0, 2, 1])}, "indptr to rise from 0 to 2 in 3 steps"),
        ({"indptr": np.array([0, 5, 2])}, "indptr to rise"),
        ({"indptr": np.array([1, 1, 2])}, "indptr to rise"),
        ({"indptr": np.array([0, 2])}, "indptr to rise"),
        ({"indptr": np.array([0, -1, 2])}, "indptr to rise"),
        ({"indptr": np.array([], "i8")}, "indptr to rise"),
        ({"indptr": np.array([0.0, 1.0, 2.0])}, "indptr of dtype int32 or int64, got float64"),
        ({"indices": np.array([0, 3])}, "indices from 0 to 2, got 3"),
        ({"indices": np.array([0, -1])}, "indices from 0 to 2, got -1"),
        ({"indices": np.array([0])}, "an index for each value"),
        ({"indices": np.array([[0, 2]])}, "an index for each value"),
        ({"data": np.array([1 + 2j, 2])}, "dtype float64, got complex128"),
        ({"data": np.array(["a", "b"])}, "dtype float64"),
        ({"shape": np.array([2, 4])}, r"shape \(\*, 3\), got \[2, 4\]"),
        ({"shape": np.array([2])}, r"shape \(\*, 3\)"),
        ({"shape": np.array([1 << 40, 3])}, "indptr to rise"),
        ({"shape": np.array([1 << 62, 3])}, "too many items"),
        ({"format": np.array("pickle")}, "parts of a csr matrix"),
        ({"format": np.array(b"\xff")}, "parts of a csr matrix"),
        ({"format": np.array([])}, "parts of a csr matrix"),
        ({"format": np.array(b"coo"), "coords": np.zeros((2, 3), "i4")}, "an index for each value"),
        ({"format": np.array(b"coo"), "coords": np.zeros((3, 2), "i4")}, "indices on 2 axes, got 3"),
        ({"format": np.array(b"coo"), "row": np.array([0, 9]), "col": np.array([0, 1])}, "axis 0 from 0 to 1, got 9"),
        ({"format": np.array(b"dia"), "offsets": np.array([0, 0])}, "each offset once"),
        ({"format": np.array(b"dia"), "offsets": np.array([1 << 40]), "data": np.ones((1, 3))}, "32 bits"),
        ({"format": np.array(b"bsr")}, "an index for each value"),
        ({"format": np.array(b"bsr"), "data": np.ones((2, 0, 1))}, "do not fill"),
        ({"format": np.array(b"bsr"), "data": np.ones((2, 1, 2))}, "do not fill"),
    ],
)
def test_parts_that_make_no_matrix_are_refused(change, match):
    codec = codec_of(CODEC, sp.csr_matrix(np.zeros((2, 3))))
    assert codec.decode(npz(**CSR), NPZ).nnz == 2
    refused(codec, npz(**{**CSR, **change}), NPZ, match)


def test_python_objects_are_never_unpickled():
    codec = codec_of(CODEC, sp.csr_matrix(np.zeros((2, 3))))
    refused(codec, npz(**{**CSR, "data": np.array([{}, {}], dtype=object)}), NPZ, "object")


def test_few_bytes_never_make_a_large_matrix():
    for cls in ("coo_matrix", "dok_array", "csc_matrix", "lil_array", "dia_matrix", "csr_array"):
        codec = codec_of(CODEC, getattr(sp, cls)((2, 3)))
        body = b'{"shape":[100000000,3],"row":[0],"col":[0],"data":[1]}'
        refused(codec, body, JSON, "rows are too many")
    wide = codec_of(CODEC, sp.dia_matrix((1, 1_000_000)))
    entries = {"shape": [1, 1_000_000], "row": [0] * 100, "col": list(range(100)), "data": [1] * 100}
    refused(wide, json.dumps(entries).encode(), JSON, "send its own parts")
    blocks = codec_of(CODEC, sp.bsr_matrix((3000, 3000), blocksize=(3000, 3000)))
    entries = {"shape": [3000, 3000], "row": [0], "col": [0], "data": [1]}
    refused(blocks, json.dumps(entries).encode(), JSON, "send its own parts")


def zipped(name="data.npy", content=b"", method=zipfile.ZIP_DEFLATED, **changes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, content)
    body = bytearray(stream.getvalue())
    for at, value in changes.get("patch", {}).items():
        place = body.index(b"PK\x01\x02") + at
        body[place : place + len(value)] = value
    return bytes(body)


def test_archives_are_bounded():
    header = io.BytesIO()
    np.save(header, np.zeros(0))
    bomb = zipped(content=bytes(200 << 20))
    with pytest.raises(CodecError, match="or over 7"):
        read_npz(bomb, ("data",))
    # The archive says 10 bytes, where 200 MiB would come out.
    with pytest.raises(CodecError):
        read_npz(zipped(content=bytes(200 << 20), patch={24: (10).to_bytes(4, "little")}), ("data",))
    with pytest.raises(CodecError, match="packed in another way"):
        read_npz(zipped(content=bytes(99), method=zipfile.ZIP_BZIP2), ("data",))
    with pytest.raises(CodecError, match="at most 100"):
        read_npz(b"PK\x01\x02" * 200, ("data",))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.npy", header.getvalue())
        archive.writestr("dato.npy", header.getvalue())
    with pytest.raises(CodecError, match="twice"):
        read_npz(stream.getvalue().replace(b"dato", b"data"), ("data",))
    assert read_npz(zipped(name="../../data.npy", content=header.getvalue()), ("data",)) == {}
    assert list(read_npz(zipped(content=header.getvalue()), ("data",))) == ["data"]


SAMPLES = {cls: getattr(sp, cls)(DENSE.astype("f4")) for cls in CLASSES if cls.endswith("matrix")}
SAMPLES |= {
    "1 axis": sp.csr_array(np.array([1, 2])),
    "3 axes": sp.coo_array(np.ones((1, 2, 2), "c8")),
    "bool": sp.coo_array([[True]]),
}


@pytest.mark.parametrize("matrix", SAMPLES.values(), ids=list(SAMPLES))
def test_no_bytes_do_harm(matrix):
    codec = codec_of(CODEC, matrix)

    @given(st.data())
    @settings(max_examples=300, deadline=None, database=None)
    def throw(data):
        content_type = data.draw(st.sampled_from(codec.content_types))
        valid = [bytes(codec.encode(matrix, content_type))]
        found = takes_or_refuses(codec, data.draw(spoiled(valid)), content_type)
        if found is not None and np.prod(found.shape) < 10_000:
            found.toarray()  # reads every index
            codec.encode(found, JSON)

    throw()


@pytest.mark.parametrize("matrix", SAMPLES.values(), ids=list(SAMPLES))
def test_json_schema(matrix):
    codec = codec_of(CODEC, matrix)
    for value in (codec.example(), matrix):
        assert codec.difference(value) is None
        assert is_valid(codec, json.loads(codec.encode(value, JSON)))
    assert not is_valid(codec, [[[["a"]]]])
    assert not is_valid(codec, {"shape": [1]})

    @given(documents({"anyOf": codec.json_schema()["anyOf"][1:]}))
    @settings(max_examples=100, deadline=None, database=None)
    def read(document):
        codec.from_plain(document)

    read()


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"null", "null on axis 0"),
        (b"[[1, 2]]", r"shape \(\*, 4\), got \(1, 2\)"),
        (b'{"shape": [1, 4]}', "data: expected an array"),
        (b'{"shape": [1, 4], "data": [1]}', "shape, row, col and data"),
        (b'{"shape": [1, 4], "row": [0], "col": [4], "data": [1]}', "axis 1 from 0 to 3, got 4"),
        (b'{"shape": [1, 4], "row": [0], "col": [1, 2], "data": [1]}', "an index for each value"),
        (b'{"shape": [1, 4], "row": [0.5], "col": [1], "data": [1]}', "row: expected whole numbers"),
        (b'{"shape": [1, 4], "row": [0], "col": [1], "data": ["a"]}', "data: expected numbers"),
        (b'{"shape": [-1, 4], "row": [], "col": [], "data": []}', r"shape \(\*, 4\)"),
    ],
)
def test_documents_that_do_not_fit_are_refused_in_words(body, match):
    refused(codec_of(CODEC, sp.csr_matrix(DENSE.astype("f8"))), body, JSON, match)


def test_what_is_not_a_sparse_matrix():
    codec = codec_of(CODEC, sp.csr_matrix(DENSE))
    assert CODEC.describe(DENSE) is None
    assert "got ndarray; csr_matrix() makes one" in codec.difference(DENSE)
    assert r"got (4, 3)" in codec.difference(sp.csr_matrix(DENSE[:, :3]))
    assert "dtype int64, got float64" in codec.difference(sp.csr_matrix(DENSE.astype("f8")))
    with pytest.raises(CodecError, match="astype"):
        CODEC.describe(sp.csr_matrix(DENSE.astype("longdouble")))
    assert codec.summary() == "scipy csr_matrix (*, 4) int64"


@pytest.mark.parametrize(
    ("source", "value", "target"),
    [
        ("float32", 1.0, "int64"),
        ("complex64", 1, "float32"),
        ("int8", 1, "bool"),
        ("int64", 300, "uint8"),
        ("int64", -1, "uint64"),
        ("uint64", 2**64 - 1, "int64"),
        ("float64", 1e300, "float32"),
        ("int64", 70000, "float16"),
        ("complex128", 1e300, "complex64"),
        ("float64", 1e300, "complex64"),
    ],
)
def test_no_number_becomes_another(source, value, target):
    with pytest.raises(CodecError, match="expected"):
        cast(np.array([1, value], source), DTYPES[target])
    assert cast(np.array([1, 1], source), np.dtype("complex128")).dtype == "complex128"


def test_columns_without_values_are_limited_where_each_takes_room():
    codec = CODEC({**codec_of(CODEC, sp.csc_array(DENSE)).spec, "shape": [None, None]})
    refused(codec, b'{"shape":[1,500000000],"row":[],"col":[],"data":[]}', JSON, "500000000 columns are too many")
