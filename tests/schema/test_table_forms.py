"""Forms of tables that people send: each is read as what it means, or refused in words."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.schema.codecs import CodecError, codec_class, decode, open_codec
from cdk_modelbuilder.schema.codecs.payload_errors import listed, shown
from cdk_modelbuilder.schema.codecs.table_json import names_text
from cdk_modelbuilder.schema.schema_builder import derive_codec

JSON, CSV = "application/json", "text/csv"
ARROW = "application/vnd.apache.arrow.stream"


def codec_of(sample):
    derived = derive_codec(sample, "sample")
    return open_codec(json.loads(json.dumps({"codec": derived.name, "spec": derived.spec})))


def read(sample, body, content_type=JSON):
    return decode(codec_of(sample), body if isinstance(body, bytes) else json.dumps(body).encode(), content_type)


def through(codec, value, content_type):
    body = bytes(codec.encode(value, content_type))
    return decode(codec, body, codec.label(content_type, body))


# A schema of pandas 3, read by pandas 2


@pytest.fixture
def pandas_2(monkeypatch):
    """As pandas 2 has it: "str" is NumPy's, and its texts are objects."""
    real = pd.api.types.pandas_dtype
    monkeypatch.setattr(pd.api.types, "pandas_dtype", lambda name: np.dtype("U") if name == "str" else real(name))


@pytest.mark.parametrize("content_type", [JSON, CSV, ARROW])
def test_text_of_pandas_3_is_objects_where_str_is_numpys(content_type, pandas_2):
    if content_type == ARROW:
        pytest.importorskip("pyarrow")
    pandas_codec = codec_class("pandas")
    columns = [{"name": "a", "dtype": "str", "kind": "string"}, {"name": "n", "dtype": "int64", "kind": "number"}]
    index = [{"name": None, "dtype": "range", "kind": "number"}]
    codec = pandas_codec({"kind": "frame", "columns": columns, "index": index})
    frame = pd.DataFrame({"a": pd.Series(["x", None], dtype=object), "n": [1, 2]})
    found = through(codec, frame, content_type)
    assert found["a"].dtype == object
    assert found["a"].tolist()[0] == "x"
    assert found["a"].isna().tolist() == [False, True]


# Categories

TOWNS = pd.DataFrame({"town": pd.Categorical(["Oslo", "Ulm"])})


@pytest.mark.parametrize("content_type", [JSON, CSV, ARROW])
def test_plain_text_goes_where_the_sample_had_categories(content_type):
    if content_type == ARROW:
        pytest.importorskip("pyarrow")
    found = through(codec_of(TOWNS), pd.DataFrame({"town": ["Ulm", None, "Oslo"]}), content_type)
    assert found["town"].dtype == TOWNS["town"].dtype
    assert found["town"].isna().tolist() == [False, True, False]


def test_text_that_is_no_category_is_told_by_the_client():
    pytest.importorskip("pyarrow")
    with pytest.raises(CodecError, match="'town': 'Rome' is none of its categories"):
        codec_of(TOWNS).encode(pd.DataFrame({"town": ["Rome"]}), ARROW)


@pytest.mark.parametrize("values", [[1, "b", None], [], [True, False], [1.5, 2.0]], ids=str)
def test_categories_of_every_kind_come_back_in_each_type_that_is_offered(values):
    frame = pd.DataFrame({"c": pd.Categorical(values)})
    codec = codec_of(frame)
    for content_type in codec.written_types:
        pd.testing.assert_frame_equal(through(codec, frame, content_type), frame)


# Headers of CSV

NUMBERED = pd.DataFrame(np.arange(8).reshape(2, 4))


@pytest.mark.parametrize("name", ["pandas", "pyarrow", "polars"])
def test_a_row_of_numbers_is_no_header_of_numbered_columns(name):
    sample = NUMBERED.set_axis(list("0123"), axis=1)
    if name != "pandas":
        pa = pytest.importorskip("pyarrow")
        sample = pa.table({str(at): [1] for at in range(4)})
    if name == "polars":
        sample = pytest.importorskip("polars").from_arrow(sample)
    codec = codec_of(sample)
    body = b"1,0,3,2\n5,6,7,8\n"
    assert len(decode(codec, body, CSV)) == 2
    swapped = decode(codec, body, f"{CSV}; header=present")
    assert len(swapped) == 1
    assert (swapped["0"].to_pylist() if name == "pyarrow" else list(swapped["0"])) == [6]
    assert codec.label(CSV, b"") == "text/csv; header=present"
    assert len(through(codec, sample, CSV)) == len(sample)


@pytest.mark.parametrize("name", ["pandas", "pyarrow"])
def test_a_cell_that_is_a_name_makes_no_header(name):
    sample = pd.DataFrame({"a": ["x"], "b": ["y"]})
    if name == "pyarrow":
        sample = pytest.importorskip("pyarrow").table({"a": ["x"], "b": ["y"]})
    assert len(read(sample, b"a,q\nr,s\n", CSV)) == 2
    assert len(read(sample, b"b,a\nr,s\n", CSV)) == 1
    with pytest.raises(CodecError, match=r"missing: \['b'\]; unexpected: \['q'\]"):
        read(sample, b"a,q\nr,s\n", f"{CSV}; header=present")


def test_a_series_without_a_name_says_that_it_has_no_header():
    codec = codec_of(pd.Series([1, 2]))
    assert codec.label(CSV, b"") == "text/csv; header=absent"
    assert through(codec, pd.Series([1, 2]), CSV).tolist() == [1, 2]


# Messages


def test_messages_show_a_piece_of_what_was_sent():
    for value in ("x" * 10_000, list(range(10_000)), {str(at): at for at in range(10_000)}, ["x" * 1000] * 1000):
        assert len(shown(value)) <= 103
    assert shown("Rome") == "'Rome'"
    assert listed(list(range(30))).endswith("18, 19, ... 10 more]")
    with pytest.raises(CodecError) as caught:
        read(pd.DataFrame({"a": ["x"]}), [[list(range(100_000))]])
    assert len(str(caught.value)) < 300


def test_many_names_are_compared_at_once_and_few_of_them_told():
    names = [f"feature_{at}" for at in range(200_000)]
    text = names_text(names, [*names[1:], "other"])
    assert "missing: ['feature_0']; unexpected: ['other']" in text
    assert len(text) < 1000


# Values


def test_values_inside_of_structs_and_lists_come_back_from_json():
    pa = pytest.importorskip("pyarrow")
    for kind, values in (
        (pa.struct([("d", pa.date32())]), [{"d": dt.date(2020, 1, 1)}, None, {"d": None}]),
        (pa.list_(pa.timestamp("us")), [[dt.datetime(2020, 1, 1), None], None, []]),  # noqa: DTZ001 - a wall clock's
        (pa.list_(pa.binary()), [[b"x", None], None, []]),
        (pa.large_list(pa.binary(2)), [[b"xy"], None]),
        (pa.list_(pa.duration("s"), 2), [[dt.timedelta(1), None], None]),
        (pa.struct([("l", pa.list_(pa.binary()))]), [{"l": [b"x"]}, None]),
    ):
        table = pa.table({"a": pa.array(values, kind)})
        assert through(codec_of(table), table, JSON).equals(table), kind


@pytest.mark.parametrize("text", ["now", "today", "NaT", ""])
def test_words_are_no_moments(text):
    with pytest.raises(CodecError, match="expected ISO 8601 text"):
        read(pd.DataFrame({"at": pd.to_datetime(["2020-01-01"])}), [[text]])


def test_moments_with_an_offset_are_moved_to_utc():
    sample = pd.DataFrame({"at": pd.to_datetime(["2020-01-01"])})
    found = read(sample, [["2020-01-01T12:00:00+02:00"], ["2020-01-01"], [None]])
    assert found["at"].dtype == sample["at"].dtype
    assert found["at"].tolist()[:2] == [pd.Timestamp("2020-01-01T10:00"), pd.Timestamp("2020-01-01")]
    assert found["at"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("dtype", ["Float32", "float[pyarrow]"])
def test_no_nullable_number_becomes_an_infinity(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    sample = pd.DataFrame({"a": pd.array([1.5, None], dtype=dtype), "b": [1, 2]})
    assert read(sample, [[2, 1], [None, 1]])["a"].tolist() == [2.0, pd.NA]
    for body, kind in (([[1e300, 1]], JSON), (b"a,b\n1e300,1\n", CSV)):
        with pytest.raises(CodecError, match="beyond what float32 can hold"):
            read(sample, body, kind)


def test_no_number_of_arrow_becomes_an_infinity():
    pa = pytest.importorskip("pyarrow")
    for wide, narrow, value in (
        (pa.float64(), pa.float32(), 1e300),
        (pa.float64(), pa.float16(), 1e6),
        (pa.list_(pa.float64()), pa.list_(pa.float32()), [1e300]),
    ):
        sample = pa.table({"a": pa.array([None], narrow)})
        sent = pa.table({"a": pa.array([value], wide)})
        for body, kind in (([[value]], JSON), (bytes(codec_of(sent).encode(sent, ARROW)), ARROW)):
            with pytest.raises(CodecError, match="too large"):
                read(sample, body, kind)


def test_whole_numbers_in_csv_may_be_written_as_floats():
    pa = pytest.importorskip("pyarrow")
    sample = pa.table({"a": [1], "b": ["x"]})
    for text, number in (("1.0", 1), ("9007199254740993.0", 9007199254740993), ("1e3", 1000), (" 3 ", 3), ("-2", -2)):
        assert read(sample, f"a,b\n{text},x\n".encode(), CSV)["a"].to_pylist() == [number]
    for text in ("1.5", "1e999999999", "nan", "one"):
        with pytest.raises(CodecError, match="column 'a'"):
            read(sample, f"a,b\n{text},x\n".encode(), CSV)


# JSON of tables

PERSON = pd.DataFrame({"age": [1], "job": ["x"]})


@pytest.mark.parametrize(
    "body",
    [
        json.loads(PERSON.to_json()),
        {"age": 1, "job": "x"},
        {"data": [[1, "x"]]},
        {"data": [{"age": 1, "job": "x"}]},
        {"instances": {"age": {"0": 1}, "job": {"0": "x"}}},
        {"dataframe_split": json.loads(PERSON.to_json(orient="split"))},
    ],
    ids=json.dumps,
)
def test_one_row_in_each_shape_of_json(body):
    pd.testing.assert_frame_equal(read(PERSON, body), PERSON)


def test_labels_of_rows_are_the_index():
    found = read(PERSON, json.loads(PERSON.set_axis([7]).to_json()))
    pd.testing.assert_frame_equal(found, PERSON.set_axis([7]))


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ({"instances": [[1, "x"]], "data": [[1, "x"]]}, "expected one of instances, data"),
        ({"instances": {"inputs": [[1, "x"]]}}, r"unexpected: \['inputs'\]"),
        ({"data": [[1, "x"]], "index": [5]}, "expected the columns"),
        ({"age": {"0": 1}, "job": {"1": "x"}}, "the same labels of rows"),
        ({"age": 1}, r"missing: \['job'\]"),
        ({"age": 1, "job": "x", "pay": 2}, r"unexpected: \['pay'\]"),
    ],
)
def test_json_that_could_be_mistaken_is_refused(body, match):
    with pytest.raises(CodecError, match=match):
        read(PERSON, body)


def test_a_column_that_is_called_like_a_wrapper_is_a_column():
    frame = pd.DataFrame({"data": [1, 2]})
    pd.testing.assert_frame_equal(read(frame, {"data": [1, 2]}), frame)


def test_rows_without_columns_are_kept():
    frame = pd.DataFrame(index=pd.RangeIndex(3))
    assert codec_of(frame).content_types == (JSON,)
    pd.testing.assert_frame_equal(through(codec_of(frame), frame, JSON), frame, check_column_type=False)


@pytest.mark.parametrize("content_type", [JSON, ARROW])
def test_several_levels_of_an_index_where_the_sample_had_none(content_type):
    if content_type == ARROW:
        pytest.importorskip("pyarrow")
    frame = PERSON.set_axis(pd.MultiIndex.from_tuples([("x", 1)]))
    pd.testing.assert_frame_equal(through(codec_of(PERSON), frame, content_type), frame)
    with pytest.raises(CodecError, match="different numbers of levels"):
        read(PERSON, {"columns": ["age", "job"], "data": [[1, "x"]] * 2, "index": [["x", 1], ["y"]]})
