"""Small Arrow and Parquet bodies that stand for far more memory than they hold are refused before they take it."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.schema.codecs import CodecError, codec_class, decode

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402 - it may not be installed

from cdk_modelbuilder.schema.codecs.arrow_format import ARROW_STREAM, PARQUET, read_table, write_table  # noqa: E402

LONG = 1 << 18
ROWS = 1000
MOST_MIB = 110  # the limit, and what pyarrow takes for itself; the bombs are of 250 MiB, and as much again as objects


def dictionary(kind, value=b"x" * LONG):
    return pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), pa.array([value], kind))


def as_parquet(column, **options):
    sink = pa.BufferOutputStream()
    options = {"compression": "snappy", "dictionary_pagesize_limit": 4 << 20, "write_statistics": False, **options}
    parquet.write_table(pa.table({"a": column}), sink, **options)
    return sink.getvalue().to_pybytes()


def as_stream(column):
    return bytes(write_table(pa.table({"a": column}), ARROW_STREAM))


def views():
    polars = pytest.importorskip("polars")
    texts = polars.Series(["x" * LONG]).gather([0] * ROWS).to_arrow(compat_level=polars.CompatLevel.newest())
    assert texts.type == pa.string_view()
    return texts


def shared_prefixes():
    texts = pa.array([f"{'x' * LONG}{at:04}" for at in range(ROWS)])
    return as_parquet(texts, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY")


def long_lists():
    offsets = pa.array([0, 1 << 25], pa.int32())
    return as_parquet(pa.ListArray.from_arrays(offsets, pa.array(np.zeros(1 << 25, "i8"))))


BOMBS = {
    "dictionary of large_binary": (ARROW_STREAM, lambda: as_stream(dictionary(pa.large_binary()))),
    "dictionary of fixed_size_binary": (ARROW_STREAM, lambda: as_stream(dictionary(pa.binary(LONG)))),
    "dictionary of large_string": (ARROW_STREAM, lambda: as_stream(dictionary(pa.large_string(), "x" * LONG))),
    "list of dictionary": (
        ARROW_STREAM,
        lambda: as_stream(
            pa.ListArray.from_arrays(pa.array([0, ROWS], pa.int32()), dictionary(pa.string(), "x" * LONG))
        ),
    ),
    "views of one place": (ARROW_STREAM, lambda: as_stream(views())),
    "Parquet of string": (PARQUET, lambda: as_parquet(pa.array(["x" * LONG] * ROWS))),
    "Parquet of large_string": (PARQUET, lambda: as_parquet(pa.array(["x" * LONG] * ROWS, pa.large_string()))),
    "Parquet of large_binary": (PARQUET, lambda: as_parquet(pa.array([b"x" * LONG] * ROWS, pa.large_binary()))),
    "Parquet of fixed_size_binary": (PARQUET, lambda: as_parquet(pa.array([b"x" * LONG] * ROWS, pa.binary(LONG)))),
    "Parquet of list of string": (PARQUET, lambda: as_parquet(pa.array([["x" * LONG]] * ROWS))),
    "Parquet of struct of binary": (PARQUET, lambda: as_parquet(pa.array([{"b": b"x" * LONG}] * ROWS))),
    "Parquet of shared prefixes": (PARQUET, shared_prefixes),
    "Parquet of a long list": (PARQUET, long_lists),
}


def codecs():
    """Those that would make something of such columns."""
    pandas_codec, arrow_codec = codec_class("pandas"), codec_class("pyarrow")
    return {
        "pandas text": pandas_codec(pandas_codec.describe(pd.DataFrame({"a": ["x"]}))),
        "pandas number": pandas_codec(pandas_codec.describe(pd.DataFrame({"a": [1.5]}))),
        "lists of text": arrow_codec(arrow_codec.describe(pa.table({"a": [["x"]]}))),
        "text": arrow_codec(arrow_codec.describe(pa.table({"a": pa.array(["x"], pa.large_string())}))),
        "bytes": arrow_codec(arrow_codec.describe(pa.table({"a": pa.array([b"x"], pa.large_binary())}))),
    }


def decode_them(folder: str) -> None:
    """Run in a process of its own, whose peak of memory is that of the decoders."""
    opened = codecs()
    for kind in (ARROW_STREAM, PARQUET):  # what is loaded at first use is not the bombs'
        table = pa.table({"a": ["x"]})
        read_table(bytes(write_table(table, kind)), kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in sorted(Path(folder).iterdir()):
        body, kind = path.read_bytes(), ARROW_STREAM if path.suffix == ".arrow" else PARQUET
        for name, codec in opened.items():
            try:
                decode(codec, body, kind)
            except CodecError:
                pass
            else:
                sys.stdout.write(f"{path.stem} was taken for {name}\n")
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        if taken > MOST_MIB:
            sys.stdout.write(f"{path.stem} took {taken} MiB\n")
            return


def test_bombs_are_refused_before_they_take_memory(tmp_path):
    for name, (kind, make) in BOMBS.items():
        (tmp_path / f"{name}.{'arrow' if kind == ARROW_STREAM else 'parquet'}").write_bytes(make())
    code = f"from tests.schema.test_arrow_bombs import decode_them; decode_them({str(tmp_path)!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == ""


def test_a_footer_that_says_less_than_its_pages():
    """A reader goes by the counts in the pages, so these are counted too."""
    body = as_parquet(pa.array([[0] * (1 << 22)], pa.list_(pa.int64())), data_page_size=1 << 30)
    footer = parquet.ParquetFile(pa.BufferReader(body)).metadata.row_group(0).column(0)
    assert footer.num_values == 1 << 22

    def varint(number):
        zigzag, out = number << 1, b""
        while zigzag > 127:
            out, zigzag = out + bytes([zigzag & 127 | 128]), zigzag >> 7
        return out + bytes([zigzag])

    said = b"\x16" + varint(1 << 22)
    assert said in body[-2000:]
    at = body.rindex(said)
    less = body[:at] + b"\x16" + varint((1 << 21) + 1) + body[at + len(said) :]
    assert len(less) == len(body)
    with pytest.raises(CodecError, match="too many for its"):
        read_table(less, PARQUET)


@pytest.mark.parametrize("kind", [ARROW_STREAM, PARQUET])
def test_many_columns_that_are_each_below_the_limit(kind):
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 60, pa.int8()), pa.array(["x" * (1 << 17)]))
    table = pa.table({f"c{at}": texts for at in range(20)})
    body = bytes(write_table(table, kind)) if kind == ARROW_STREAM else as_parquet_table(table)
    within = len(body) * 64 + (16 << 20) > 20 * 60 << 17
    if within:
        assert read_table(body, kind).num_rows == 60
    else:
        with pytest.raises(CodecError, match="too many for its"):
            read_table(body, kind)


def as_parquet_table(table):
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="snappy", dictionary_pagesize_limit=4 << 20, write_statistics=False)
    return sink.getvalue().to_pybytes()


def test_categories_stay_what_they_are_however_long_and_often():
    long = "x" * 1000
    frame = pd.DataFrame({"a": pd.Categorical.from_codes([0, 1] * 100_000, [long, "y"])})
    pandas_codec = codec_class("pandas")
    codec = pandas_codec(pandas_codec.describe(frame))
    body = codec.encode(frame, ARROW_STREAM)
    pd.testing.assert_frame_equal(decode(codec, bytes(body), ARROW_STREAM), frame)
    chunks = pa.table(
        {"a": pa.chunked_array([pa.array(["y"]).dictionary_encode(), pa.array([long]).dictionary_encode()])}
    )
    found = decode(codec, bytes(write_table(chunks, ARROW_STREAM)), ARROW_STREAM)
    assert found["a"].tolist() == ["y", long]


@pytest.mark.parametrize("kind", [ARROW_STREAM, PARQUET])
def test_dictionaries_inside_of_lists_and_structs_are_read(kind):
    table = pa.table({"a": pa.array([["x", "y"], None, []]), "b": pa.array([{"t": "x"}, None, {"t": None}])})
    coded = pa.table(
        {
            "a": pa.array([["x", "y"], None, []], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
            "b": pa.array([{"t": "x"}, None, {"t": None}], pa.struct([("t", pa.dictionary(pa.int8(), pa.string()))])),
        }
    )
    arrow_codec = codec_class("pyarrow")
    codec = arrow_codec(arrow_codec.describe(table))
    assert decode(codec, bytes(write_table(table, kind)), kind).equals(table)
    if kind == ARROW_STREAM:
        assert decode(codec, bytes(write_table(coded, kind)), kind).equals(table)


@pytest.mark.parametrize(
    "options",
    [
        {"row_group_size": 7},
        {"data_page_version": "2.0", "data_page_size": 50},
        {"dictionary_pagesize_limit": 10, "compression": "none"},
        {"use_dictionary": False, "write_page_checksum": True, "write_page_index": True},
        {"use_dictionary": False, "column_encoding": {"i": "DELTA_BINARY_PACKED", "f": "BYTE_STREAM_SPLIT"}},
    ],
    ids=str,
)
def test_parquet_as_others_write_it_is_read(options):
    table = pa.table(
        {
            "i": range(100),
            "f": np.arange(100.0),
            "s": [f"text {at % 7}" for at in range(100)],
            "l": [["a", None], [], None, ["b"]] * 25,
            "t": [{"k": "v"}, None] * 50,
            "b": pa.array([b"ab", None] * 50, pa.binary(2)),
        }
    )
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, **{"compression": "snappy", **options})
    arrow_codec = codec_class("pyarrow")
    assert decode(arrow_codec(arrow_codec.describe(table)), sink.getvalue().to_pybytes(), PARQUET).equals(table)


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_parquet_of_text_by_differences_is_refused_in_words(encoding):
    with pytest.raises(CodecError, match=f"encoded as {encoding}"):
        read_table(as_parquet(pa.array(["x", "y"]), use_dictionary=False, column_encoding=encoding), PARQUET)


def test_a_column_of_another_type_is_told_before_anything_is_resolved():
    pandas_codec = codec_class("pandas")
    codec = pandas_codec(pandas_codec.describe(pd.DataFrame({"a": [1.5]})))
    with pytest.raises(CodecError, match="column 'a': expected float64, got string"):
        decode(codec, as_stream(pa.array(["x"]).dictionary_encode()), ARROW_STREAM)
