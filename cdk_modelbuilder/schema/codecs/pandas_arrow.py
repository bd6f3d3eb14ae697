"""pandas tables as Arrow tables and back, by the schema's description of each column and without a copy of numbers."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .arrow_format import plain_column
from .arrow_values import items_of
from .pandas_columns import restored, text_dtype
from .payload_errors import CodecError, shown


def as_arrow(name: str, column: Any, described: Dict[str, Any]) -> Any:
    """A Series as an Arrow array. Raises CodecError."""
    try:
        array = _as_arrow(column, described)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise (
            error
            if isinstance(error, CodecError)
            else CodecError(f"column {shown(name)} cannot be written: {str(error)[:200]}.")
        ) from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _as_arrow(column: Any, described: Dict[str, Any]) -> Any:
    kind = described["kind"]
    if kind == "number":
        values = np.asarray(column)
        return pa.array(values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("=")))
    if kind == "complex":
        pairs = np.stack((np.real(column), np.imag(column)), axis=-1).astype(float)
        return pa.FixedSizeListArray.from_arrays(pa.array(pairs.reshape(-1)), 2)
    if kind == "category":
        if not isinstance(column.dtype, pd.CategoricalDtype):  # as most have it at hand: text
            column = pd.Series(restored(column.tolist(), described))
        categories = column.cat.categories
        values = pa.array(categories.to_numpy(), None if len(categories) else pa.string(), from_pandas=True)
        codes = column.cat.codes.to_numpy()
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), values, ordered=bool(column.cat.ordered))
    if kind == "period":
        return pa.array([None if item is pd.NaT else str(item) for item in column], pa.string())
    return pa.array(column, from_pandas=True)


def from_arrow(column: Any, described: Dict[str, Any], body: Any) -> Any:
    """A column of an Arrow table as an array for a Series. Raises CodecError."""
    kind = described["kind"]
    whole = _taken_over(column, described)
    if whole is not None:
        return whole
    got = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not _fits(got, described):
        raise CodecError(f"column {shown(described['name'])}: expected {described['dtype']}, got {got}.")
    array = plain_column(column)
    if pa.types.is_null(got):
        return restored([None] * len(array), described)
    if kind in ("number", "nullable"):
        if array.null_count == 0:
            return restored(_numbers_of(array, body), described)
        if kind == "number" and described["dtype"].startswith("float"):
            return restored(array.to_numpy(zero_copy_only=False), described)
        return restored(items_of(array), described)
    if _is_time(got, kind):
        return restored(array.to_numpy(zero_copy_only=False), described)
    return restored(items_of(array), described)


def _fits(got: Any, described: Dict[str, Any]) -> bool:
    kind = described["kind"]
    if pa.types.is_null(got):
        return True
    if kind in ("number", "nullable"):
        if pa.types.is_boolean(got):
            return "bool" in described["dtype"]
        return bool(pa.types.is_integer(got) or pa.types.is_floating(got))
    if kind == "complex":
        return bool(pa.types.is_fixed_size_list(got)) and got.list_size == 2
    return kind != "object" and not pa.types.is_nested(got)


def _is_time(got: Any, kind: str) -> bool:
    if kind == "datetime":
        return bool(pa.types.is_timestamp(got) or pa.types.is_date(got))
    return kind == "duration" and bool(pa.types.is_duration(got))


def _taken_over(column: Any, described: Dict[str, Any]) -> Any:
    """Text and categories without a look at each item; None where that cannot be."""
    kind = described["kind"]
    if kind == "category" and pa.types.is_dictionary(column.type) and column.num_chunks:
        return _categories_of(column.unify_dictionaries().combine_chunks(), described)
    if kind == "string" and text_dtype(described) != "object" and column.type in (pa.string(), pa.large_string()):
        try:
            return text_dtype(described).__from_arrow__(column)
        except (ValueError, TypeError, NotImplementedError):  # pandas before 2.1, of large_string
            return None
    return None


def _categories_of(array: Any, described: Dict[str, Any]) -> Any:
    """A dictionary-encoded array as a Categorical, item by item only in its dictionary."""
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array  # before pyarrow 15
    used = set(pc.unique(array.indices).to_pylist())
    items = items_of(array.dictionary)  # one that is no category matters only where it is used
    known = restored([item if at in used else None for at, item in enumerate(items)], described)
    places = array.indices.cast(pa.int64()).fill_null(len(known)).to_numpy()
    return pd.Categorical.from_codes(np.append(known.codes, known.codes.dtype.type(-1))[places], dtype=known.dtype)


def _numbers_of(array: Any, body: Any) -> Any:
    """The numbers of an array without nulls: where it lies in a body that can be written to, as a view of that."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    if dtype.kind == "b":
        return array.to_numpy(zero_copy_only=False)
    whole = pa.py_buffer(body)
    buffer = array.buffers()[1]
    start = 0 if buffer is None else buffer.address - whole.address + array.offset * dtype.itemsize
    end = start + len(array) * dtype.itemsize
    if buffer is not None and 0 <= start <= end <= whole.size and not memoryview(body).readonly and len(array):
        return np.frombuffer(body, dtype, len(array), start)
    return array.to_numpy(zero_copy_only=False).copy()
