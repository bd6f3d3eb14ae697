"""Columns of Arrow tables that become pandas' without a look at each item."""

from __future__ import annotations

import pandas as pd
import pytest

pa = pytest.importorskip("pyarrow")

from cdk_modelbuilder.schema.codecs import CodecError, codec_class  # noqa: E402 - after the check for pyarrow
from cdk_modelbuilder.schema.codecs.arrow_format import ARROW_STREAM, write_table  # noqa: E402

FRAME = pd.DataFrame(
    {
        "ordered": pd.Categorical(["x", None, "z", "x"], categories=["z", "y", "x"], ordered=True),
        "numbers": pd.Categorical([1, 2, None, 1]),
        "text": ["a", None, "é", ""],
        "nullable": pd.array(["a", pd.NA, "b", ""], dtype="string"),
    }
)


def codec_of(frame):
    pandas_codec = codec_class("pandas")
    return pandas_codec(pandas_codec.describe(frame))


@pytest.mark.parametrize("rows", [4, 1, 0])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_text_and_categories_come_back_and_can_be_written_to(rows, kind):
    codec, frame = codec_of(FRAME), FRAME.iloc[:rows]
    found = codec.decode(kind(codec.encode(frame, ARROW_STREAM)), ARROW_STREAM)
    pd.testing.assert_frame_equal(found, frame)
    if rows:
        found.loc[0, "text"], found.loc[0, "ordered"] = "other", "y"
        assert found.loc[0, ["text", "ordered"]].tolist() == ["other", "y"]


def sent(dictionary, places):
    array = pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), pa.array(dictionary))
    body = bytearray(write_table(pa.table({"ordered": array}), ARROW_STREAM))
    return codec_of(FRAME[["ordered"]]).decode(body, ARROW_STREAM)["ordered"]


def test_a_dictionary_of_another_order_with_a_null_and_a_stranger_that_no_row_names():
    column = sent(["x", None, "z", "stranger"], [0, 1, 2, None])
    assert column.dtype == FRAME["ordered"].dtype
    assert column.isna().tolist() == [False, True, False, True]
    assert column.dropna().tolist() == ["x", "z"]
    assert sent(["z", None, "x"], [1, 2]).cat.codes.tolist() == [-1, 2]


def test_a_stranger_that_a_row_names_is_refused():
    with pytest.raises(CodecError, match="'stranger' is none of its categories"):
        sent(["x", "stranger"], [0, 1])


def test_text_that_is_not_utf_8_is_refused():
    frame = FRAME[["text"]]
    codec = codec_of(frame)
    body = bytearray(codec.encode(frame, ARROW_STREAM)).replace("é".encode(), b"\xff\xfe")
    with pytest.raises(CodecError, match=r"UTF-?8"):
        codec.decode(body, ARROW_STREAM)
