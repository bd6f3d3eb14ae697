"""What the fuzzer has found, once more: each of these raised something else than the documented error."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest

pytest.importorskip("pyarrow")  # which many of the bodies are made with

from cdk_modelbuilder.schema.codecs import CodecError
from tests.fuzz.bombs import bombs_for
from tests.fuzz.structures import write_arrow
from tests.fuzz.targets import ARROW_STREAM, CSV, JSON, NPY, NPZ, PARQUET, target
from tests.fuzz.watch import Memory


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that NumPy 1.16 reads no version 3
        np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["NumPy array of text", "NumPy array of integers", "NumPy array of durations"])
def test_more_axes_than_numpy_iterates(name):
    for item in ("1", '"a"', "null"):
        with pytest.raises(CodecError):
            target(name).read(b"[" * 50 + item.encode() + b"]" * 50, JSON)


def test_whole_numbers_where_durations_are_expected():
    found = target("NumPy array of durations").read(npy(np.array([1, 2])), NPY)
    assert found.tolist() == np.array([1, 2], "m8[s]").tolist()


def test_moments_that_python_has_no_value_for():
    pa = pytest.importorskip("pyarrow")
    for kind in (pa.timestamp("s"), pa.date32(), pa.duration("s")):
        column = pa.array([2**31 - 1 if kind == pa.date32() else 2**62] * 2, kind)
        with pytest.raises(CodecError, match="Python has no value for"):
            target("pandas DataFrame, empty text").read(
                write_arrow(pa.table({"a": column}), ARROW_STREAM), ARROW_STREAM
            )


def test_text_where_decimal_numbers_are_expected():
    pytest.importorskip("polars")
    polars = target("polars DataFrame")
    seed = next(seed for seed in polars.seeds if seed.content_type == CSV)
    with pytest.raises(CodecError, match="money"):
        polars.read(seed.body.replace(b"1.50", b"much"), CSV)


def test_decimal_numbers_of_a_scale_that_arrow_crashes_at():
    pa = pytest.importorskip("pyarrow")
    kind = pa.decimal128(38, 38)
    body = write_arrow(pa.table({"a": pa.array([None], kind)}), ARROW_STREAM)
    precision_and_scale = struct.pack("<ii", 38, 38)
    assert precision_and_scale in body
    for scale in (-754384896, -1, 39):
        with pytest.raises(CodecError, match="scale is out of range"):
            target("reader of Arrow stream").read(body.replace(precision_and_scale, struct.pack("<ii", 38, scale)), "")


def test_a_parquet_footer_that_pyarrow_ends_the_process_over():
    pa = pytest.importorskip("pyarrow")
    body = write_arrow(pa.table({"a": [1, 2]}), PARQUET)
    start = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    refused = 0
    for place in range(start, len(body) - 8):
        for byte in (0, body[place] ^ 1, body[place] ^ 16):
            try:
                target("reader of Parquet").read(body[:place] + bytes([byte]) + body[place + 1 :], PARQUET)
            except CodecError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli"])
def test_a_parquet_footer_says_what_pyarrow_reads_in_it(compression):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from cdk_modelbuilder.schema.codecs.parquet_footer import column_chunks

    sink = pa.BufferOutputStream()
    table = pa.table({"a": range(5000), "b": [{"x": [1.5]}] * 5000, "c": ["Ł"] * 5000})
    parquet.write_table(table, sink, compression=compression, row_group_size=3000)
    metadata = parquet.ParquetFile(pa.BufferReader(sink.getvalue())).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(metadata.num_columns)]
    expected = [(column.compression, column.total_uncompressed_size) for column in columns]
    found = [(chunk.compression, chunk.uncompressed_size) for chunk in column_chunks(sink.getvalue())]
    assert found == expected


def test_moments_that_python_has_no_value_for_are_not_written_either():
    pa = pytest.importorskip("pyarrow")
    table = target("pyarrow Table")
    seed = next(seed for seed in table.seeds if seed.content_type == ARROW_STREAM)
    whole = table.read(seed.body, ARROW_STREAM)
    at = pa.array([2**62, None], pa.timestamp("s", "UTC")).cast(pa.timestamp("us", "UTC"), safe=False)
    odd = whole.set_column(whole.column_names.index("at"), "at", at)
    table.write(odd, 0)


def test_a_text_that_utf8_cannot_write():
    texts = target("stream of texts")
    found = texts.read(b'"\\ud800"\n', "application/jsonl")
    for number in range(len(texts.seeds)):
        with pytest.raises(CodecError, match="surrogate"):
            texts.write(found, number)


def test_a_size_of_nothing_is_not_counted_through():
    header = b"{'descr': 'V0', 'fortran_order': False, 'shape': (2147483648, 2147483648), }"
    with pytest.raises(CodecError, match="announces an array of shape"):
        target("reader of npy").read(b"\x93NUMPY\x03\x00" + struct.pack("<I", len(header)) + header, NPY)


def test_field_names_beyond_latin_1():
    array = np.array([(1, 2.5)], [("Łódź", "i4"), ("b", "f8")])
    assert npy(array)[6] == 3
    found = target("reader of npy").read(bytearray(npy(array)), NPY)
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()


def test_an_archive_is_unpacked_once():
    # Its one member is 40 MiB of zeros, and there were two more copies of them on the way.
    body = bombs_for(NPZ)[1]
    memory = Memory()
    memory.reset()
    assert target("reader of npz").read(body, NPZ)["a"].nbytes == 40 << 20
    assert memory.taken() < 64 << 20


def test_a_part_for_a_field_of_what_came_as_a_list():
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: application/json\r\n\r\n[]\r\n'
    for name in (b"image", "\u00b2".encode(), b"0", b"99"):
        body = part % b"/" + part % name + b"--x--\r\n"
        with pytest.raises(CodecError):
            target("dict of arrays and scalars").read(body, "multipart/form-data; boundary=x")


def test_text_of_what_is_no_character():
    for dtype in ("<U2", ">U2", [("a", "i4"), ("b", "<U2", (2,))]):
        array = np.zeros(3, dtype)
        text = array if array.dtype.names is None else array["b"]
        text[...] = "\U0010ffff"
        assert np.array_equal(target("reader of npy").read(npy(array), NPY), array)
        broken = npy(array).replace(b"\xff\xff\x10\0", b"\xff\xff\x11\0").replace(b"\0\x10\xff\xff", b"\0\x11\xff\xff")
        with pytest.raises(CodecError, match="no character"):
            target("reader of npy").read(broken, NPY)


def test_a_column_of_nothing_where_lists_are_expected():
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("polars")
    body = write_arrow(pa.table({"tags": pa.nulls(2)}), ARROW_STREAM)
    assert target("polars DataFrame with lists").read(body, ARROW_STREAM)["tags"].to_list() == [None, None]


@pytest.mark.parametrize("name", [b"\xffame", b"\0ame"])
def test_names_of_items_that_polars_gives_up_at(name):
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("polars")
    kind = pa.list_(pa.field("name", pa.string()))
    body = write_arrow(pa.table({"tags": pa.array([["a"]], kind)}), ARROW_STREAM)
    with pytest.raises(CodecError):
        target("polars DataFrame with lists").read(body.replace(b"name", name), ARROW_STREAM)
