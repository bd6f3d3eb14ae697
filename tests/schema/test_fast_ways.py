"""What goes through orjson at once comes out as what goes the slow way, value by value."""

from __future__ import annotations

import gc
import json
import threading
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import CodecError, codec_class, json_text, rows_text
from cdk_modelbuilder.schema.codecs.collector_pause import collector_paused
from cdk_modelbuilder.schema.codecs.column_copies import in_one_piece
from cdk_modelbuilder.schema.schema_builder import with_free_axes

CELLS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(
        ["-0", "+1", "-0.0", "1e-05", "1e999", ".5", "5.", "01", "", " 1", "1 ", "\t", "nan", "-", "e", "1e"]
    ),
    st.text("0123456789+-.eE, \t\r\n", max_size=24),
)
LONG = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,45})?(e-?[0-9]{1,2})?", fullmatch=True)


def both_ways(read):
    results = []
    for module in (rows_text.orjson, None):
        with mock.patch.object(rows_text, "orjson", module):
            try:
                results.append(read())
            except CodecError:
                results.append(None)
    return results


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1"])
@example(rows=["0.0,\r0", "0.0,0.0"], end="\n", header="; header=present")
@example(rows=["a,b,c", "0.0,0.0"], end="\n", header="; header=present")
@example(rows=['"a\n",b', "0.0,0.0"], end="\n", header="; header=present")
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2).map(",".join), min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\n \n"]),
    header=st.sampled_from(["", "; header=present", "; header=absent"]),
)
def test_csv_is_read_alike(dtype, rows, end, header):
    from cdk_modelbuilder.schema.codecs.marshaller import decode

    numpy_codec = codec_class("numpy")
    codec = numpy_codec(with_free_axes(numpy_codec.describe(np.zeros((1, 2), dtype)), frozenset((0,))))
    body = end.join(rows).encode()
    fast, slow = both_ways(lambda: decode(codec, body, f"text/csv{header}"))
    np.testing.assert_array_equal(fast, slow)
    if fast is not None and dtype.startswith("f"):
        np.testing.assert_array_equal(np.signbit(fast), np.signbit(slow))


@given(texts=st.lists(LONG, max_size=5))
def test_json_numbers_are_read_as_the_standard_library_reads_them(texts):
    body = f"[{','.join(texts)}]".encode()
    found, expected = json_text.read_json(body), json.loads(body)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize("dtypes", [["f8", "f8"], ["f4", "f4"], ["i8", "f8"], ["u8", "?"], ["f2", "i1"]])
@pytest.mark.parametrize("content_type", ["application/json", "text/csv"])
@pytest.mark.parametrize("special", [0, np.nan, np.inf])
def test_tables_survive_both_ways_of_writing(dtypes, content_type, special):
    pairs = enumerate(dtypes)
    frame = pd.DataFrame({f'"{at}",': np.asarray([0, 1, 1e-5 if "f" in name else 2], name) for at, name in pairs})
    if special and dtypes[0].startswith("f"):
        frame.iloc[1, 0] = special
    pandas_codec = codec_class("pandas")
    codec = pandas_codec(pandas_codec.describe(frame))
    for body in both_ways(lambda: codec.encode(frame, content_type)):
        pd.testing.assert_frame_equal(codec.decode(body, content_type), frame, check_exact=True)


def test_a_single_column_keeps_its_missing_rows_in_csv():
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0]})
    pandas_codec = codec_class("pandas")
    codec = pandas_codec(pandas_codec.describe(frame))
    pd.testing.assert_frame_equal(codec.decode(codec.encode(frame, "text/csv"), "text/csv"), frame)


def test_scattered_columns_are_copied_and_others_are_not():
    frame = pd.DataFrame(np.arange(30_000.0).reshape(10_000, 3), copy=False)
    columns = [frame[0], frame[2], pd.Series(np.arange(10_000)), pd.Series(["a"] * 10_000)]
    found = in_one_piece(columns)
    np.testing.assert_array_equal(found[0], frame[0])
    np.testing.assert_array_equal(found[1], frame[2])
    assert found[0].flags.c_contiguous
    assert found[2] is columns[2]
    assert found[3] is columns[3]


def test_the_collector_is_paused_by_any_number_of_threads_and_goes_on_afterwards():
    barrier = threading.Barrier(4)
    seen = []

    def work():
        with collector_paused():
            barrier.wait(10)
            seen.append(gc.isenabled())
            barrier.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 4
    assert gc.isenabled()


def test_a_collector_that_the_user_has_switched_off_stays_off():
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
