"""What goes through a codec comes back as it was; what cannot is refused in words."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import (
    Codec,
    CodecError,
    Marshaller,
    UnfitPredictionError,
    UnsupportedMediaTypeError,
    decode,
    open_codec,
    open_schema,
)
from cdk_modelbuilder.schema.schema_builder import MAX_SAMPLE_ROWS, SchemaBuilder, derive_codec, schema_json

NPY, JSON, CSV = "application/x-npy", "application/json", "text/csv"
PLAIN_DTYPES = "?bBhHiIlLefdFD"


def codec_of(sample: object) -> Codec:
    """The codec as the container has it: made from the JSON in schema.json, not from the sample."""
    derived = derive_codec(sample, "sample")
    return open_codec(json.loads(json.dumps({"codec": derived.name, "spec": derived.spec})))


def through(sample: object, content_type: str, value: object = None) -> object:
    codec = codec_of(sample)
    assert content_type in codec.content_types
    body = codec.encode(sample if value is None else value, content_type)
    return decode(codec, body, codec.label(content_type, body))


def same_array(found: object, expected: np.ndarray) -> None:
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", PLAIN_DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (0, 3)], ids=str)
def test_arrays_of_every_plain_dtype_in_every_content_type(kind, shape):
    array = (np.arange(math.prod(shape)).reshape(shape) % 2).astype(kind)
    for content_type in codec_of(array).content_types:
        if shape != (0, 3) or content_type != CSV:  # no row says nothing of columns
            same_array(through(array, content_type), array)


@pytest.mark.parametrize("kind", [kind for kind in PLAIN_DTYPES if kind not in "lL"] + ["int64", "uint64"])
def test_scalars_stay_scalars(kind):
    scalar = np.dtype(kind).type(1)
    for content_type in codec_of(scalar).content_types:
        found = through(scalar, content_type)
        assert type(found) is type(scalar)
        assert found == scalar


@given(nst.arrays(st.sampled_from([np.dtype(kind) for kind in PLAIN_DTYPES]), nst.array_shapes(max_dims=3, max_side=4)))
@settings(max_examples=60, deadline=None)
def test_any_array_comes_back_bit_for_bit_as_npy(array):
    found = through(array, NPY)
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())


@given(
    nst.arrays(st.sampled_from([np.dtype(kind) for kind in "?bBhHiIlLfd"]), nst.array_shapes(max_dims=2, max_side=4))
)
@settings(max_examples=60, deadline=None)
def test_any_numbers_come_back_as_json_and_csv(array):
    for content_type in (JSON, CSV):
        same_array(through(array, content_type), array)


# NumPy strips trailing NULs by itself; a NUL inside is not to be had in CSV before Python 3.11.
CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=4), st.sampled_from([NPY, JSON, CSV]))
@settings(max_examples=100, deadline=None)
def test_any_text_comes_back(rows, content_type):
    for sample in (np.array(rows), np.array([row[0] for row in rows])):
        np.testing.assert_array_equal(through(sample, content_type), sample)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["2020-01-01", "NaT"], dtype="M8[ns]"),
        np.array([1, 2], dtype="m8[s]"),
        np.array([1.5, 2.5], dtype=">f8"),
        np.array([1.5], dtype=np.longdouble),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, [2.0, 3.0])], dtype=[("a", "i4"), ("b", "f8", (2,))]),
        np.array([(1, (2.0,))], dtype=[("a", "i4"), ("b", [("c", "f8")])]),
        np.array([(1,)], dtype=[(("title", "a"), "i4")]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_dtypes_that_go_as_npy(array):
    for content_type in codec_of(array).content_types:
        same_array(through(array, content_type), array)


@pytest.mark.parametrize("content_type", [NPY, JSON, CSV])
def test_bytes_arrays(content_type):
    array = np.array([b"a", b"bc\xff"])
    np.testing.assert_array_equal(through(array, content_type), array)


@pytest.mark.parametrize("content_type", [NPY, JSON, CSV])
def test_nan_and_infinity(content_type):
    array = np.array([[np.nan, 1.0], [np.inf, -np.inf]])
    if content_type == JSON:
        document = codec_of(array).encode(array, JSON)
        assert document == b"[[null,1.0],[1e999,-1e999]]"
    np.testing.assert_array_equal(through(array, content_type), array)


def refused(codec: Codec, body: bytes, content_type: str, match: str) -> None:
    with pytest.raises(CodecError, match=match):
        decode(codec, body, content_type)


def test_a_whole_number_never_becomes_another_one():
    whole, small, truth = codec_of(np.array([1, 2])), codec_of(np.array([1], "u1")), codec_of(np.array([True]))
    assert decode(whole, b"[1.0, 2]", JSON).tolist() == [1, 2]
    refused(whole, b"[1.5]", JSON, "1.5 is not a value of int64")
    refused(whole, b"1.5\n", CSV, "int64")
    refused(whole, b"[1e999]", JSON, "no regular array of int64")
    large = codec_of(np.array([1], dtype="u8"))
    assert decode(large, b"[0, 18446744073709551615]", JSON).tolist() == [0, 2**64 - 1]
    refused(whole, b"[9223372036854775808]", JSON, "int64")
    refused(whole, b"[null]", JSON, "int64")
    refused(small, b"[256]", JSON, "uint8")
    refused(small, b"[-1]", JSON, "uint8")
    refused(small, npy(np.array([300], "u2")), NPY, "300 is not a value of uint8")
    refused(truth, b"[2]", JSON, "2 is not a value of bool")
    assert decode(truth, b"[1, 0]", JSON).tolist() == [True, False]


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def test_numbers_never_become_text_nor_text_numbers():
    text, number = codec_of(np.array(["a"])), codec_of(np.array([1.0]))
    refused(text, npy(np.array([1.5])), NPY, "expected dtype <U1, got float64")
    refused(number, npy(np.array(["1"])), NPY, "expected dtype float64")
    refused(number, b'["1"]', JSON, "got text")
    assert decode(text, b'["longer than the sample"]', JSON).tolist() == ["longer than the sample"]


@pytest.mark.parametrize(
    ("body", "content_type", "match"),
    [
        (b"[[1, 2], [3]]", JSON, "no regular array"),
        (b"[[1, 2]]", JSON, r"expected an array of shape \(\*, 3\), got \(1, 2\)"),
        (b"[1, 2, 3]", JSON, r"got \(3,\)"),
        (b"[[NaN, 1, 2]]", JSON, "NaN is not JSON"),
        (b"{}", JSON, "instances, inputs, data"),
        (b"[" * 100_000, JSON, "nested too deeply"),
        (b"[[1,2,3]", JSON, "not valid JSON"),
        (b"\xff", JSON, "not UTF-8"),
        (b"1,2\n", CSV, r"got \(1, 2\)"),
        (b"1,2,3\n4,5\n", CSV, "different lengths"),
        (b"1,x,3\n", CSV, "does not hold"),
        (b"a,b,c\n", CSV, "no row"),
        (b"", CSV, "no row"),
        (b"", NPY, "magic number"),
        (b"cos\nsystem\n(S'true'\ntR.", NPY, "magic number"),
        (b"PK\x03\x04", NPY, "magic number"),
    ],
    ids=repr,
)
def test_bodies_that_do_not_fit(body, content_type, match):
    refused(codec_of(np.zeros((2, 3))), body[:200_000], content_type, match)


def test_an_npy_of_objects_is_never_unpickled():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}, None], dtype=object), allow_pickle=True)
    refused(codec_of(np.zeros(2)), buffer.getvalue(), NPY, "never unpickled")


def test_an_npy_that_promises_more_than_it_holds():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 3), }"
    for size in (10**6, 10**12, 10**18, 10**30):
        text = (header % size).ljust(117) + b"\n"
        body = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(48)
        refused(codec_of(np.zeros((2, 3))), body, NPY, "not a .npy array")


@pytest.mark.parametrize(
    "header", [b"(" * 9000, b"-" * 9000 + b"1", b"{'descr': '\\d'", b"'''", b"\xff", b"    x\n  y", b"{1:2"]
)
def test_an_npy_with_a_header_that_python_cannot_parse(header):
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    refused(codec_of(np.zeros(2)), body, NPY, "not a .npy array")


def test_a_header_line_is_passed_over_and_a_bad_row_is_not():
    codec = codec_of(np.zeros((2, 2)))
    assert decode(codec, b"a,b\n1,2\n", CSV).tolist() == [[1, 2]]
    assert decode(codec, b"\xef\xbb\xbf1,2\r\n3,\r\n", CSV)[0].tolist() == [1, 2]
    refused(codec, b"1,oops\n2,3\n", CSV, "does not hold")
    truths = codec_of(np.array([[True, False]]))
    assert decode(truths, b"x,y\ntrue,0\nFALSE,1\n", CSV).tolist() == [[True, False], [False, True]]
    refused(truths, b"true,2\n", CSV, "neither true nor false")


@pytest.mark.parametrize("name", ["instances", "inputs", "data"])
def test_wrappers_around_an_array(name):
    body = json.dumps({name: [[1, 2]], "parameters": {}}).encode()
    assert decode(codec_of(np.zeros((1, 2))), body, JSON).tolist() == [[1, 2]]


def test_labels_that_a_classifier_keeps_as_objects():
    codec = codec_of(np.array(["no", "yes"]))
    assert codec.encode(np.array(["yes", "maybe"], dtype=object), JSON) == b'["yes","maybe"]'
    with pytest.raises(CodecError):
        codec.encode(np.array([object()]), NPY)
    with pytest.raises(CodecError, match="no regular array"):
        codec.encode([[1, 2], [3]], JSON)


MIXED = pd.DataFrame(
    {
        "age": [1, 2],
        "weight": [1.5, np.nan],
        "name": ["x", "NA"],
        "member": [True, False],
        "small": np.array([1, 200], dtype="uint8"),
        "since": pd.to_datetime(["2020-01-01T00:00:00.000000", "2021-06-01T12:30:00.123456"]),
        "zoned": pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True).tz_convert("Europe/Paris"),
        "span": pd.to_timedelta(["1s", "2 days"]),
        "town": pd.Categorical(["Rome", "Oslo"], categories=["Oslo", "Rome", "Ulm"]),
        "grade": pd.Categorical([2, 1], categories=[1, 2, 3], ordered=True),
        "count": pd.array([1, None], dtype="Int64"),
        "maybe": pd.array([True, None], dtype="boolean"),
    }
)


@pytest.mark.parametrize("content_type", [JSON, CSV])
@pytest.mark.parametrize("column", [*MIXED.columns, None])
def test_columns_of_every_kind(column, content_type):
    frame = MIXED if column is None else MIXED[[column]]
    pd.testing.assert_frame_equal(through(frame, content_type), frame)


@pytest.mark.parametrize("content_type", [JSON, CSV])
@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({0: [1, 2], 1: [0.5, 1e-320]}),
        pd.DataFrame({"a": [np.inf, -np.inf, np.nan, 0.1 + 0.2]}),
        pd.DataFrame({"text": ["01", "1e5", "true", "NaN", "null", "None", "N/A", " x ", 'a"b,c\nd']}),
        pd.DataFrame({"text": ["a\rb", "\r\n"], "n": [1, 2]}),
        pd.DataFrame({"objects": pd.Series(["x", "y"], dtype=object)}),
        pd.DataFrame({"missing": pd.array([2**62 + 1, None], dtype="Int64")}),
        pd.DataFrame({"f": pd.Series([0.1], dtype="float32")}),
        pd.DataFrame({"big": [2**62 + 1, -(2**63)]}),
        pd.DataFrame({"a,b": [1], 'q"': [2], "é": [3]}),
    ],
    ids=lambda frame: "-".join(map(str, frame.columns)),
)
def test_frames(frame, content_type):
    pd.testing.assert_frame_equal(through(frame, content_type), frame)


@pytest.mark.parametrize("content_type", [JSON, CSV])
@pytest.mark.parametrize("name", ["target", 0, None])
@pytest.mark.parametrize("values", [[1, 2], [0.5, np.nan], ["a", "b"]], ids=str)
def test_series_with_and_without_a_name(values, name, content_type):
    series = pd.Series(values, name=name)
    pd.testing.assert_series_equal(through(series, content_type), series)


def test_an_index_survives_in_json():
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    pd.testing.assert_frame_equal(through(frame, JSON), frame)


CELL_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=6)


@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=True), CELL_TEXT, st.booleans()),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([JSON, CSV]),
)
@settings(max_examples=100, deadline=None)
def test_any_rows_come_back(rows, content_type):
    frame = pd.DataFrame(rows, columns=["i", "f", "t", "b"])
    pd.testing.assert_frame_equal(through(frame, content_type), frame, check_exact=True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"columns": ["b", "a"], "data": [["x", 1], ["y", 2]]}',
        b'{"instances": {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}}',
        b'{"instances": [{"b": "x", "a": 1}, {"a": 2, "b": "y"}]}',
        b'[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
        b'[[1, "x"], [2, "y"]]',
    ],
)
def test_json_tables_in_four_shapes(body):
    expected = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pd.testing.assert_frame_equal(decode(codec_of(expected), body, JSON), expected)


@pytest.mark.parametrize(
    "body", [b"a,b\n1,x\n2,y\n", b"b,a\nx,1\ny,2\n", b"1,x\n2,y\n", b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n"]
)
def test_csv_tables_with_and_without_a_header(body):
    expected = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pd.testing.assert_frame_equal(decode(codec_of(expected), body, CSV), expected)


@pytest.mark.parametrize(
    ("body", "content_type", "match"),
    [
        (b'[{"a": 1}]', JSON, r"missing: \['b'\]"),
        (b'[{"a": 1, "b": "x", "c": 2}]', JSON, r"unexpected: \['c'\]"),
        (b'{"columns": ["a", "a"], "data": [[1, 2]]}', JSON, "expected the columns"),
        (b'{"columns": [{}, []], "data": [[1, 2]]}', JSON, "expected the columns|no table"),
        (b'{"columns": 5, "data": 6}', JSON, "a list of records"),
        (b'{"columns": ["a", "b"], "data": [[1, "x"]], "index": [1, 2, 3]}', JSON, "as many index entries as rows: 1"),
        (b"[[1]]", JSON, "rows of 2 values, got 1 values in row 0"),
        (b"5", JSON, "expected"),
        (b'[["one", "x"]]', JSON, r"column 'a': expected numbers \(int64\), got text"),
        (b'[[1.5, "x"]]', JSON, "column 'a': 1.5 is not a value of int64"),
        (b'[[{}, "x"]]', JSON, "column 'a' does not hold int64"),
        (b"[[1, 2]]", JSON, "column 'b': expected text, got 2"),
        (b"a,b\n1.5,x\n", CSV, "column 'a': 1.5 is not a value of int64"),
        (b"a,b\n,x\n", CSV, "column 'a': (nan is not a value of int64|int64 cannot hold missing values)"),
        (b"1,x,9\n", CSV, "expected 2 columns, got 3"),
        (b"a,b\n0,1,x\n", CSV, "expected 2 columns, got 3"),
        (b"a,b\n1,x\n1,x,3\n", CSV, "not CSV"),
        (b"", CSV, "no row"),
        (b"\xff", CSV, "not CSV in UTF-8"),
    ],
    ids=repr,
)
def test_tables_that_do_not_fit(body, content_type, match):
    refused(codec_of(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})), body, content_type, match)


@pytest.mark.parametrize("body", [b'[["Paris", 1]]', b'[["Rome", 9]]'])
def test_a_value_outside_of_the_categories_is_told_and_not_made_missing(body):
    refused(codec_of(MIXED[["town", "grade"]]), body, JSON, "is none of its categories")


UNICODE = st.text(st.characters(blacklist_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | UNICODE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UNICODE, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(JSON_VALUES.filter(lambda value: not isinstance(value, str)))
def test_any_json_value_comes_back(value):
    found = through(value, JSON)
    assert found == value
    assert type(found) is type(value) or isinstance(value, float)


def test_numpy_inside_json_and_missing_numbers():
    codec = codec_of({"a": [1.0]})
    assert (
        codec.encode({"a": np.array([1.5, np.nan, np.inf]), "b": np.int64(3)}, JSON) == b'{"a":[1.5,null,1e999],"b":3}'
    )
    assert decode(codec, b'{"a":[1e999]}', JSON) == {"a": [math.inf]}
    assert through((1, 2), JSON) == (1, 2)
    refused(codec, b"[1]", JSON, "expected a JSON object, got a JSON array")
    loop: list = []
    loop.append(loop)
    for bad in (loop, {1, 2}, "\ud800", object(), [float("nan"), object()], np.datetime64("2020")):
        with pytest.raises(CodecError):
            codec.encode(bad, JSON)


@given(UNICODE, st.sampled_from(["text/plain", JSON]))
def test_any_text_is_text(text, content_type):
    assert through("sample", content_type, text) == text if text else True
    codec = codec_of("sample")
    assert decode(codec, codec.encode(text, content_type), content_type) == text


def test_text_that_is_none():
    codec = codec_of("sample")
    refused(codec, b"\xff", "text/plain", "not UTF-8 text")
    refused(codec, b"5", JSON, "expected a JSON string")
    for content_type in codec.content_types:
        with pytest.raises(CodecError):
            codec.encode("\ud800", content_type)
    with pytest.raises(CodecError, match="surrogate"):
        decode(codec, "\ud800", "text/plain")


@given(st.binary())
def test_bytes_are_left_alone(data):
    codec = codec_of(b"sample")
    for kind in (bytes, bytearray, memoryview):
        assert codec.encode(kind(data), "application/octet-stream") == data
    assert decode(codec, memoryview(data), "image/png") == data
    with pytest.raises(CodecError, match="expected bytes, got str"):
        codec.encode("text", "application/octet-stream")


SAMPLES = {
    "float matrix": np.zeros((2, 2)),
    "int vector": np.zeros(2, dtype=int),
    "truths": np.array([True]),
    "text": np.array(["a"]),
    "bytes array": np.array([b"a"]),
    "scalar": np.float64(1),
    "dates": np.array(["2020"], "M8[D]"),
    "records": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "frame": MIXED,
    "numbered frame": pd.DataFrame({0: [1], 1: ["x"]}),
    "series": pd.Series([1.5]),
    "json object": {"a": 1},
    "json array": [1],
    "string": "x",
    "bytes": b"x",
}
BODIES = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda data: b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.lists(st.lists(JSON_VALUES, max_size=3), max_size=3).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["columns", "data", "index", "instances", "inputs"]), JSON_VALUES).map(
        lambda value: json.dumps(value).encode()
    ),
    st.lists(st.dictionaries(st.sampled_from(["age", "0", "1", "town", "a"]), JSON_VALUES), max_size=2).map(
        lambda value: json.dumps(value).encode()
    ),
    st.text(st.sampled_from('a1,."\n\r0;éx-eE \t'), max_size=30).map(str.encode),
    st.lists(JSON_VALUES, min_size=12, max_size=12).map(
        lambda row: json.dumps({"columns": list(MIXED.columns), "data": [row]}).encode()
    ),
    nst.arrays(nst.scalar_dtypes(), nst.array_shapes(max_dims=3, max_side=3)).map(npy),
)


@pytest.mark.filterwarnings("ignore")  # pandas guesses at dates; in a container nobody listens
@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_whatever_the_bytes_a_decoder_gives_a_value_or_a_codec_error(name, data):
    codec = codec_of(SAMPLES[name])
    content_type = data.draw(st.sampled_from([item for item in codec.content_types if "*" not in item]))
    body = data.draw(BODIES)
    try:
        value = decode(codec, body, content_type)
    except CodecError:
        return
    assert codec.difference(value) is None


def test_a_content_type_that_is_not_read():
    codec = codec_of(np.zeros(2))
    for wrong in ("image/png", "text", "application/x-npy2", ";", "*/*"):
        with pytest.raises(UnsupportedMediaTypeError, match="Send one of: application/x-npy") as caught:
            decode(codec, b"", wrong)
        assert caught.value.http_status == 415
    assert decode(codec, b"[1, 2]", "Application/JSON; charset=UTF-8").tolist() == [1, 2]
    assert decode(codec, npy(np.zeros(2)), None).tolist() == [0, 0]
    assert decode(codec, npy(np.zeros(2)), "").tolist() == [0, 0]


class Custom:
    pass


def refusal(sample: object) -> SchemaError:
    with pytest.raises(SchemaError) as caught:
        SchemaBuilder(sample, [1])
    with pytest.raises(SchemaError, match="sample_output"):
        SchemaBuilder([1], sample)
    assert caught.value.what.startswith("sample_input")
    assert len(caught.value.remedy) > 20
    return caught.value


def test_samples_that_are_refused_say_what_to_give_instead():
    import xgboost

    assert "test_codecs.Custom" in str(refusal(Custom()))
    assert "made from" in refusal(xgboost.DMatrix(np.zeros((2, 2)))).remedy
    assert "astype(str)" in str(refusal(np.array(["a", None], dtype=object)))
    assert "rename" in str(refusal(pd.DataFrame([[1, 2]], columns=["a", "a"])))
    assert "rename" in str(refusal(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))))
    assert "rename it" in str(refusal(pd.DataFrame({1.5: [1]})))
    assert "convert them to text" in str(refusal(pd.DataFrame({"a": pd.cut([1, 2, 3], 2)})))
    for sample in ({1, 2}, [Custom()], {"a": Custom()}, "\ud800".encode):
        refusal(sample)


def test_a_schema_holds_no_value_of_the_samples(tmp_path):
    secrets = SchemaBuilder(pd.DataFrame({"iban": ["DE44-secret"], "n": [123456789]}), {"k": "v-secret"})
    text = json.dumps(schema_json(secrets.marshaller))
    assert "secret" not in text
    assert "123456789" not in text
    assert "iban" in text
    (tmp_path / "schema.json").write_text(text)
    opened = open_schema(str(tmp_path / "schema.json"))
    assert isinstance(opened, Marshaller)
    frame = opened.decode_request('[["x", 1]]', JSON)
    assert frame.to_dict("list") == {"iban": ["x"], "n": [1]}
    assert opened.encode_response({"a": 1}, None) == (b'{"a":1}', JSON)


def test_large_samples_are_cut():
    builder = SchemaBuilder(np.zeros((MAX_SAMPLE_ROWS + 5, 2)), pd.Series(np.zeros(MAX_SAMPLE_ROWS + 5)))
    assert len(builder.sample_input) == len(builder.sample_output) == MAX_SAMPLE_ROWS
    assert repr(builder) == "SchemaBuilder(input=NumPy array (*, 2) float64, output=pandas Series)"


def test_masked_arrays_are_refused_with_the_way_out():
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    for call in (lambda: derive_codec(masked, "sample"), lambda: codec_of(np.zeros(2)).difference(masked)):
        with pytest.raises((SchemaError, CodecError), match="filled"):
            call()


def test_floats_that_are_whole_are_integers_in_every_content_type():
    codec = codec_of(np.array([1, 2]))
    for body, content_type in ((npy(np.array([1.0, 2.0])), NPY), (b"[1.0, 2.0]", JSON), (b"1.0\n2.0\n", CSV)):
        assert decode(codec, body, content_type).tolist() == [1, 2]
    refused(codec, npy(np.array([1.5])), NPY, "1.5 is not a value of int64")
    refused(codec, npy(np.array([np.nan])), NPY, "nan is not a value of int64")
    refused(codec, b"1.5\n", CSV, "int64")


@pytest.mark.parametrize(
    ("axes", "shape"), [((), [2, 3]), ((0,), [None, 3]), ((1,), [2, None]), ((0, 1), [None, None])]
)
def test_free_axes_are_those_that_are_named(axes, shape):
    assert SchemaBuilder(np.zeros((2, 3)), {"x": [np.zeros((2, 3))]}, free_axes=axes).input_codec.spec["shape"] == shape


@pytest.mark.parametrize(
    ("sample", "prediction"),
    [
        (np.zeros((2, 3)), np.zeros((2, 2))),
        (np.zeros(1), np.array(["a"])),
        ([1.0], {"a": 1}),
        (np.array([1]), np.array([1.5])),
        ("text", None),
        ("text", b"hello"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    ],
)
def test_predictions_that_do_not_fit_are_the_models_fault(sample, prediction):
    marshaller = SchemaBuilder([1], sample).marshaller
    with pytest.raises(UnfitPredictionError, match="the model's prediction does not fit") as caught:
        marshaller.encode_response(prediction, None)
    assert caught.value.http_status == 500
