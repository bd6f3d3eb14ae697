"""Whatever is in a table or a tree, it comes back as it was, in every content type that promises so."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from cdk_modelbuilder import SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode
from tests.payloads.equality import same

CSV = "text/csv"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
LABELS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)  # NumPy cuts zeros off the end
NANOSECONDS = st.integers(-(2**63) + 1, 2**63 - 1)
MICROSECONDS = st.integers(-(2**55), 2**55)  # years 828 to 3111


def comes_back(sample: object, *, but: str = "") -> None:
    """``sample`` survives each content type that it is written in, with a schema that was made from it."""
    codec = SchemaBuilder(sample, sample).input_codec
    assert codec.difference(sample) is None
    for content_type in codec.written_types:
        if content_type != but:
            body = codec.encode(sample, content_type)
            found = decode(codec, bytearray(body), codec.label(content_type, body))
            assert same(found, sample), (content_type, found)


def zoned(values: np.ndarray) -> pd.Series:
    return pd.Series(values.astype("M8[us]")).dt.tz_localize("UTC").dt.tz_convert("Asia/Kathmandu")


def with_missing(dtype: str, values: st.SearchStrategy) -> tuple:
    return st.none() | values, lambda found: pd.array(found, dtype=dtype)


COLUMNS = {
    "whole": (st.integers(-(2**63), 2**63 - 1), lambda found: np.array(found, "i8")),
    "small": (st.integers(0, 255), lambda found: np.array(found, "u1")),
    "real": (st.floats(), lambda found: np.array(found, "f8")),
    "short": (st.floats(width=32), lambda found: np.array(found, "f4")),
    "truth": (st.booleans(), lambda found: np.array(found, "?")),
    "text": (TEXTS.filter(bool), lambda found: pd.array(found, dtype="str")),
    "maybe text": (st.none() | TEXTS.filter(bool), lambda found: pd.array(found, dtype="string")),
    "maybe whole": with_missing("Int64", st.integers(-(2**63), 2**63 - 1)),
    "maybe small": with_missing("UInt8", st.integers(0, 255)),
    "maybe truth": with_missing("boolean", st.booleans()),
    "moment": (NANOSECONDS, lambda found: np.array(found, "M8[ns]")),
    "coarse moment": (st.integers(-(2**31), 2**31), lambda found: np.array(found, "M8[s]")),
    "zoned": (MICROSECONDS, lambda found: zoned(np.array(found, "i8"))),
    "span": (st.integers(-(2**62), 2**62), lambda found: np.array(found, "m8[ns]")),
    "month": (st.integers(-12_000, 12_000), lambda found: pd.PeriodIndex.from_ordinals(found, freq="M").array),
    "town": (
        st.sampled_from(["Oslo", "Ulm", None]),
        lambda found: pd.Categorical(found, categories=["Oslo", "Łódź", "Ulm"]),
    ),
    "grade": (st.sampled_from([1, 3]), lambda found: pd.Categorical(found, categories=[1, 2, 3], ordered=True)),
}
INDEXES = {
    "numbers": (st.integers(-(2**63), 2**63 - 1), lambda found: pd.Index(found, name="id", dtype="int64")),
    "texts": (TEXTS, lambda found: pd.Index(found, dtype="str")),
    "moments": (NANOSECONDS, lambda found: pd.Index(np.array(found, "M8[ns]"), name="at")),
}


@st.composite
def frames(draw, indexes=(None,)):
    rows = draw(st.integers(1, 5))
    chosen = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=6, unique=True))

    def made(kind):
        values, make = kind
        return make(draw(st.lists(values, min_size=rows, max_size=rows)))

    columns = {name: pd.Series(made(COLUMNS[name])) for name in chosen}
    names = draw(st.lists(TEXTS, min_size=len(chosen), max_size=len(chosen), unique=True))
    frame = pd.DataFrame(columns).set_axis(pd.Index(names, dtype="str"), axis=1)
    index = draw(st.sampled_from(indexes))
    return frame if index is None else frame.set_index(made(INDEXES[index]))


@given(frames())
@settings(deadline=None, max_examples=150)
def test_pandas_frames(frame):
    comes_back(frame)


@given(frames(indexes=tuple(INDEXES)))
@settings(deadline=None, max_examples=60)
def test_pandas_frames_with_an_index(frame):
    comes_back(frame, but=CSV)


def polars_dtypes() -> list:
    pl = pytest.importorskip("polars")
    return [
        *(pl.Int8, pl.Int64, pl.UInt16, pl.UInt64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary),
        *(pl.Date, pl.Time, pl.Datetime("us"), pl.Datetime("ms", "Europe/Paris"), pl.Duration("ms"), pl.Categorical),
        *(pl.Enum(["low", "high"]), pl.Decimal(20, 3), pl.List(pl.Int32), pl.Struct({"x": pl.Float64, "y": pl.String})),
    ]


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_polars_frames(data):
    parametric = pytest.importorskip("polars.testing.parametric")
    frame = data.draw(
        parametric.dataframes(max_cols=5, min_cols=1, min_size=1, max_size=5, allowed_dtypes=polars_dtypes())
    )
    has_empty_text = any((column == "").any() for column in frame if str(column.dtype) == "String")
    comes_back(frame, but=CSV if has_empty_text else "")


DTYPES = st.sampled_from([*map(np.dtype, ("f8", "f4", "f2", "i8", "u1", "?", "c16", "m8[s]", ">i4"))])
SHAPES = nst.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)
NUMBERS = nst.arrays(DTYPES, SHAPES)
MOMENTS = nst.arrays("i8", SHAPES, elements=st.integers(-62_135_596_800_000, 253_402_300_799_999))  # years 1 to 9999
WORDS = st.lists(LABELS, min_size=1, max_size=3).map(np.array)  # as wide as the longest, as JSON makes them
ARRAYS = NUMBERS | MOMENTS.map(lambda found: found.view("M8[ms]")) | WORDS
ZONES = st.just(dt.UTC) | st.integers(-1400, 1400).map(lambda found: dt.timezone(dt.timedelta(minutes=found)))
LEAVES = st.one_of(
    ARRAYS,
    st.datetimes(),
    st.datetimes(timezones=ZONES),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.binary(max_size=6),
    st.uuids(),
    TEXTS,
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.booleans(),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(TEXTS, inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=6,
)


@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=3))
@settings(deadline=None, max_examples=300)
def test_trees(tree):
    comes_back(tree)


@given(st.lists(ARRAYS, min_size=1, max_size=4) | st.lists(st.decimals(allow_nan=False), min_size=1, max_size=4))
@settings(deadline=None, max_examples=100)
def test_lists(items):
    comes_back(items)


@pytest.mark.parametrize("text", ["x\ry", "\r", "\ufeffa", "'", ' "x" ', "a\nb", "\x85", "\0"])
def test_characters_that_csv_has_a_meaning_for(text):
    comes_back(pd.DataFrame({text: [text, "b"]}))
    name = text.replace("\0", "zero")  # at which polars itself gives up
    comes_back(pytest.importorskip("polars").DataFrame({name: [text, "b"], "": [1, 2]}))


def test_numbers_of_every_length():
    for digits in range(1, 400, 7):
        comes_back({"number": 10**digits + 1, "exact": decimal.Decimal(f"1.{'3' * digits}")})
