"""NumPy's dates and durations as JSON: ISO 8601 text, and whole numbers of the unit; NaT is null."""

from __future__ import annotations

import re
from typing import Any, Dict

import numpy as np

from .number_schema import number_schema
from .payload_errors import CodecError

# NumPy itself would also take "", "today" and "now".
_ISO = re.compile(r"[+-]?\d{4,9}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,18})?)?)?)?)?)?")
_OFFSET = re.compile(r"(?:Z|z|([+-])(\d\d):?(\d\d))$")


def times_to_plain(array: Any) -> Any:
    """Nested lists for an array of dtype datetime64 or timedelta64."""
    written: Any = np.datetime_as_string(array) if array.dtype.kind == "M" else array.astype("i8")
    filled = np.asarray(written).astype(object)
    filled[np.isnat(array)] = None
    return filled.tolist()


def times_from_plain(value: Any, dtype: Any) -> Any:
    """The array for nested lists. Raises CodecError; a moment with an offset from UTC is taken as UTC."""
    items = np.asarray(value, dtype=object)
    read = _moment if dtype.kind == "M" else _count
    read_items = [None if item is None else read(item) for item in items.flat]
    texts = np.asarray(["NaT" if item is None else item for item in read_items], dtype=object).reshape(items.shape)
    if dtype.kind == "m":
        return texts.astype(dtype)
    exact = texts.astype("U").astype("M8") if texts.size else texts.astype(dtype)
    cast = exact.astype(dtype)
    finer = (cast.astype(exact.dtype) != exact) & ~np.isnat(exact)
    if finer.any():
        raise CodecError(f"{exact[finer].flat[0]} is finer, or further away, than {dtype} can hold.")
    return cast


def times_schema(dtype: Any) -> Dict[str, Any]:
    """JSON Schema of one of these values."""
    unit = np.datetime_data(dtype)[0]
    if dtype.kind == "m":
        return {**number_schema("i", 8), "type": ["integer", "null"], "description": f"duration, unit {unit}"}
    form = "date" if unit in ("D", "M", "Y", "W") else "date-time"
    return {"type": ["string", "null"], "format": form, "description": f"ISO 8601, unit {unit}"}


def _moment(item: Any) -> str:
    if isinstance(item, str) and len(item) < 64:
        offset = _OFFSET.search(item) if "T" in item or " " in item else None
        text = item[: offset.start()] if offset else item
        if _ISO.fullmatch(text):
            if offset is None or offset.group(1) is None:
                return text
            minutes = int(offset.group(2)) * 60 + int(offset.group(3))
            shift = np.timedelta64(minutes if offset.group(1) == "-" else -minutes, "m")
            return str(np.datetime64(text) + shift)
    raise CodecError(f"expected a moment as ISO 8601 text, got {str(item)[:60]!r}.")


def _count(item: Any) -> int:
    if type(item) is float and item.is_integer():
        item = int(item)
    if type(item) is not int:
        raise CodecError(f"expected a duration as a whole number, got {str(item)[:60]!r}.")
    return item
