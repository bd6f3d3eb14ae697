"""pandas tables as Arrow tables and back, by the schema's description of each column and without a copy of numbers."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
import pandas as pd
import pyarrow as pa

from .arrow_format import plain_column
from .arrow_values import items_of
from .pandas_columns import restored
from .payload_errors import CodecError


def as_arrow(name: str, column: Any, described: Dict[str, Any]) -> Any:
    """A Series as an Arrow array."""
    kind = described["kind"]
    if kind == "number":
        values = np.asarray(column)
        return pa.array(values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("=")))
    if kind == "complex":
        pairs = np.stack((np.real(column), np.imag(column)), axis=-1).astype(float)
        return pa.FixedSizeListArray.from_arrays(pa.array(pairs.reshape(-1)), 2)
    if kind == "category":
        categories = column.cat.categories
        values = pa.array(categories.to_numpy(), from_pandas=True)
        codes = column.cat.codes.to_numpy()
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), values, ordered=bool(column.cat.ordered))
    if kind == "period":
        return pa.array([None if item is pd.NaT else str(item) for item in column], pa.string())
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise CodecError(f"column {name!r} cannot be written: {error}.") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def from_arrow(column: Any, described: Dict[str, Any], body: Any) -> Any:
    """A column of an Arrow table as an array for a Series. Raises CodecError."""
    kind = described["kind"]
    whole = _taken_over(column, described)
    if whole is not None:
        return whole
    array = plain_column(column)
    got = array.type
    if pa.types.is_null(got):
        return restored([None] * len(array), described)
    numeric = pa.types.is_integer(got) or pa.types.is_floating(got) or pa.types.is_boolean(got)
    if kind in ("number", "nullable"):
        is_truth = pa.types.is_boolean(got)
        if not numeric or (is_truth and "bool" not in described["dtype"]):
            raise CodecError(f"column {described['name']!r}: expected {described['dtype']}, got {got}.")
        if array.null_count == 0:
            return restored(_numbers_of(array, body), described)
        if kind == "number" and described["dtype"].startswith("float"):
            return restored(array.to_numpy(zero_copy_only=False), described)
        return restored(items_of(array), described)
    if kind in ("datetime", "duration"):
        fits = pa.types.is_timestamp(got) or pa.types.is_date(got) if kind == "datetime" else pa.types.is_duration(got)
        if fits:
            return restored(array.to_numpy(zero_copy_only=False), described)
    if kind == "complex" and pa.types.is_fixed_size_list(got) and got.list_size == 2:
        return restored(items_of(array), described)
    if kind in ("string", "category", "period", "datetime", "duration") and not pa.types.is_nested(got):
        return restored(items_of(array), described)
    raise CodecError(f"column {described['name']!r}: expected {described['dtype']}, got {got}.")


def _taken_over(column: Any, described: Dict[str, Any]) -> Any:
    """Text and categories without a look at each item; None where that cannot be."""
    kind = described["kind"]
    if kind == "category" and pa.types.is_dictionary(column.type) and column.num_chunks == 1:
        return _categories_of(column.chunk(0), described)
    if kind == "string" and described["dtype"] != "object" and column.type in (pa.string(), pa.large_string()):
        try:
            return pd.api.types.pandas_dtype(described["dtype"]).__from_arrow__(column)
        except (ValueError, TypeError, NotImplementedError):  # pandas before 2.1, of large_string
            return None
    return None


def _categories_of(array: Any, described: Dict[str, Any]) -> Any:
    """A dictionary-encoded array as a Categorical, item by item only in its dictionary; None if one is no category."""
    try:
        known = restored(items_of(array.dictionary), described)
    except CodecError:  # which matters where it is used
        return None
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


def names_of(columns: List[Dict[str, Any]]) -> List[str]:
    """The columns' names as text, as Arrow and CSV have them."""
    return ["" if column["name"] is None else str(column["name"]) for column in columns]
