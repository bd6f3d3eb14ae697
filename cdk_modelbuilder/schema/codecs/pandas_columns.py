"""One column of a pandas table: how its values look in JSON, and how its dtype is restored exactly."""

from __future__ import annotations

import math
import re
from typing import Any, Dict, List

import numpy as np
import pandas as pd

from .exact_cast import exact_cast, unchanged
from .json_values import is_plain
from .number_schema import number_schema
from .payload_errors import CodecError, shown

_ISO = re.compile(
    r"[+-]?\d{4,9}(-?\d\d(-?\d\d([Tt ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?)?)?)? ?([Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII
)
_TIMES = {"datetime": str, "duration": str, "period": str}


def describe_column(name: Any, column: Any) -> Dict[str, Any]:
    """The spec of a Series (or of an index level), without its values. Raises CodecError."""
    if name is not None and not (isinstance(name, str) or type(name) is int):
        raise CodecError(f"the column name {name!r} is neither text nor an integer: rename it.")
    dtype = column.dtype
    described: Dict[str, Any] = {"name": name, "dtype": str(dtype), "kind": _kind_of(name, column)}
    if described["kind"] == "category":
        if not all(isinstance(item, (str, int, float, np.generic)) for item in dtype.categories):
            raise CodecError(f"the categories of column {name!r} are neither text nor numbers: convert them to text.")
        described.update(
            categories=plain_values(dtype.categories.to_series()),
            categories_dtype=str(dtype.categories.dtype),
            ordered=bool(dtype.ordered),
        )
    return described


def _kind_of(name: Any, column: Any) -> str:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    if isinstance(dtype, (pd.IntervalDtype, pd.SparseDtype)):
        raise CodecError(f"column {name!r} is of dtype {dtype}, which has no codec: convert it (for example to float).")
    kind = getattr(dtype, "kind", "O")
    if kind in "Mm":
        return "datetime" if kind == "M" else "duration"
    if kind in "biufc":
        return "nullable" if pd.api.types.is_extension_array_dtype(dtype) else "complex" if kind == "c" else "number"
    if pd.api.types.is_string_dtype(column) and not _holds_others(column):
        return "string"
    if not all(is_plain(item) for item in column.to_list() if not _is_missing(item)):
        raise CodecError(f"column {name!r} holds Python objects that JSON has no form for: convert it.")
    return "object"


def _holds_others(column: Any) -> bool:
    return column.dtype == object and not all(isinstance(item, str) for item in column if not _is_missing(item))


def _is_missing(item: Any) -> bool:
    return item is None or item is pd.NA or item is pd.NaT or (isinstance(item, float) and math.isnan(item))


def plain_values(column: Any) -> List[Any]:
    """The values of a Series as JSON values; missing ones as None."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf" and isinstance(column.dtype, np.dtype):
        return list(column.tolist())
    if kind == "c":
        return [[item.real, item.imag] for item in column.tolist()]
    if kind == "M":
        column = in_whole_minutes(column)
    return [None if _is_missing(item) else _plain_item(item) for item in column.tolist()]


def in_whole_minutes(column: Any) -> Any:
    """Moments in UTC where their offset has seconds, as zones had it once: ISO 8601 has no form for +05:41:16."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        return column
    offsets = (column.dt.tz_localize(None) - column.dt.tz_convert(None)).dropna()
    return column.dt.tz_convert("UTC") if (offsets.dt.seconds % 60).any() else column


def _plain_item(item: Any) -> Any:
    if isinstance(item, pd.Period):
        return str(item)
    return item.isoformat() if hasattr(item, "isoformat") else item


def restored(values: Any, described: Dict[str, Any]) -> Any:
    """An array for a Series, of the described dtype, from JSON values, or from an array of numbers, text or times.

    Raises CodecError, naming the column.
    """
    try:
        return _restored(values, described)
    except CodecError as error:
        raise CodecError(f"column {shown(described['name'])}: {error}") from None
    except Exception as error:  # noqa: BLE001 - pandas raises what it likes for values of odd types
        text = str(error).split("\n", 1)[0]
        raise CodecError(
            f"column {shown(described['name'])} does not hold {described['dtype']}: {text[:200]}."
        ) from None


def _restored(values: Any, described: Dict[str, Any]) -> Any:
    kind, dtype = described["kind"], described["dtype"]
    if kind == "number":
        return _numbers(values, np.dtype(dtype))
    if kind == "nullable":
        return _nullable(values, dtype)
    if kind == "complex":
        pairs = np.asarray([[None, None] if item is None else item for item in values], dtype=float).reshape(-1, 2)
        return (pairs[:, 0] + 1j * pairs[:, 1]).astype(dtype)
    if kind == "category":
        return _categories(values, described)
    if kind in _TIMES:
        return _times(values, kind, dtype)
    if kind == "string":
        odd = [item for item in values if not isinstance(item, str) and not _is_missing(item)]
        if odd:
            raise CodecError(f"expected text, got {shown(odd[0])}.")
        found = text_dtype(described)
        return pd.array(values, dtype=found) if found != "object" else np.asarray(values, dtype=object)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def text_dtype(described: Dict[str, Any]) -> Any:
    """The dtype of a column of text here: what pandas 3 calls "str" is to pandas 2 NumPy's, which knows no missing."""
    found = pd.api.types.pandas_dtype(described["dtype"])
    return np.dtype(object) if isinstance(found, np.dtype) else found


def _numbers(values: Any, dtype: Any) -> Any:
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind in "US" or array.ndim != 1:
        raise CodecError(f"expected numbers ({dtype}), got {'text' if array.ndim == 1 else 'lists'}.")
    if dtype.kind == "b" and array.dtype.kind != "b" and array.size and not set(np.unique(array)) <= {0, 1}:
        raise CodecError(f"expected truth values, got {shown(array[0])}.")
    if array.dtype.kind in "biu" or (array.dtype.kind == "f" and dtype.kind == "f"):
        return exact_cast(array, dtype)
    if array.size == 0:
        return np.empty(0, dtype)
    if array.dtype.kind == "O" and any(isinstance(item, str) for item in array):
        raise CodecError(f"expected numbers ({dtype}), got text.")
    if dtype.kind in "biu" and any(_is_missing(item) for item in array):
        raise CodecError(f"{dtype} cannot hold missing values.")
    # From the values, not from `array`: NumPy reads a list of small and very large integers as floats.
    return unchanged(array, np.asarray(values, dtype=dtype))


def _nullable(values: Any, dtype: str) -> Any:
    target = pd.api.types.pandas_dtype(dtype)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        if target.kind == "f":
            exact_cast(values, target.numpy_dtype)
        return pd.array(values, dtype=dtype)
    items = [pd.NA if _is_missing(item) else item for item in values]
    odd = [item for item in items if isinstance(item, (str, list, dict))]
    if odd:
        raise CodecError(f"expected numbers ({dtype}), got {shown(odd[0])}.")
    if target.kind == "f":  # pandas would make an infinity of what is too large
        exact_cast(np.array([math.nan if item is pd.NA else item for item in items], "f8"), target.numpy_dtype)
    return pd.array(items, dtype=dtype)


def _categories(values: Any, described: Dict[str, Any]) -> Any:
    index = pd.Index(restored(described["categories"], _of_categories(described)), dtype=described["categories_dtype"])
    column = pd.Series(list(values), dtype=object)
    known = column.isna() | column.isin(list(index))
    if not known.all():
        raise CodecError(f"{shown(column[~known].iloc[0])} is none of its categories.")
    return pd.Categorical(column, dtype=pd.CategoricalDtype(index, described["ordered"]))


def _of_categories(described: Dict[str, Any]) -> Dict[str, Any]:
    values = described["categories"]
    kind = "string" if all(isinstance(item, str) for item in values) and values else "object"
    if values and all(isinstance(item, (int, float)) for item in values) and described["categories_dtype"] != "object":
        kind = "number"
    return {
        "name": described["name"],
        "dtype": described["categories_dtype"] if kind == "number" else "object",
        "kind": kind,
    }


def _times(values: Any, kind: str, dtype: str) -> Any:
    if not isinstance(values, np.ndarray):
        odd = [item for item in values if not isinstance(item, str) and not _is_missing(item)]
        if odd:
            raise CodecError(f"expected {kind}s as text, got {shown(odd[0])}.")
        # pandas itself would also take "now" and "today".
        odd = [item for item in values if kind == "datetime" and isinstance(item, str) and not _ISO.fullmatch(item)]
        if odd:
            raise CodecError(f"expected ISO 8601 text, got {shown(odd[0])}.")
    if kind == "period":
        return pd.array(values, dtype=dtype)
    if kind == "duration":
        return _finer_kept(pd.Series(pd.to_timedelta(values)), dtype)
    if isinstance(values, np.ndarray):
        return _finer_kept(pd.Series(pd.to_datetime(values, utc="," in dtype)), dtype)
    # Where the column has no zone, what has an offset is moved to UTC.
    moments = pd.Series(pd.to_datetime(values, utc=True, format="ISO8601"))
    return _finer_kept(moments if "," in dtype else moments.dt.tz_localize(None), dtype)


def _finer_kept(column: Any, dtype: str) -> Any:
    cast = column.astype(dtype)
    other = (cast.astype(column.dtype) != column) & column.notna()
    if other.any():
        raise CodecError(f"{column[other].iloc[0]} is finer than {dtype} can hold.")
    return cast.array


def column_schema(described: Dict[str, Any]) -> Dict[str, Any]:
    """JSON Schema of one value of the column."""
    kind = described["kind"]
    if kind == "number":
        dtype = np.dtype(described["dtype"])
        return number_schema(dtype.kind, dtype.itemsize)
    if kind == "nullable":
        sample = pd.array([], dtype=described["dtype"]).dtype
        schema = number_schema(sample.kind, sample.itemsize if sample.kind != "b" else 1)
        return {"anyOf": [schema, {"type": "null"}]}
    if kind == "category":
        return {"enum": [*described["categories"], None]}
    if kind == "complex":
        return {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
    if kind == "object":
        return {}
    if kind == "string":
        return {"type": ["string", "null"]}
    words = {"datetime": "ISO 8601 date and time", "duration": "ISO 8601 duration", "period": "period"}[kind]
    return {"type": ["string", "null"], "format": {"datetime": "date-time"}.get(kind, kind), "description": words}


def example_values(described: Dict[str, Any]) -> List[Any]:
    """One JSON value that the column takes, in a list."""
    kind = described["kind"]
    if kind == "category":
        return [described["categories"][0] if described["categories"] else None]
    if kind in ("number", "nullable"):
        return [0 if "bool" not in described["dtype"] else False]
    samples = {
        "datetime": "2020-01-31T12:00:00" + ("+00:00" if "," in described["dtype"] else ""),
        "duration": "P0DT1H0M0S",
        "period": "2020-01",
    }
    return [{"complex": [0.0, 0.0], "string": "text"}.get(kind, samples.get(kind))]
