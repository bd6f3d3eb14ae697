"""Rows of numbers as text through orjson, all at once and not value by value: JSON's nested lists, and CSV."""

from __future__ import annotations

import re
from typing import Any, FrozenSet, Optional

import numpy as np

from .json_text import write_array

try:
    import orjson
except ImportError:  # a container that does not bring it
    orjson = None  # type: ignore[assignment]

WITH_ALL_DIGITS = frozenset(("float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))))
NUMBERS = WITH_ALL_DIGITS | {"bool", "float16", "float32"}
_WHOLE_ZERO = re.compile(rb"-0(?!\.)")
_NUMBER_BYTES = b"0123456789+-.eE, \t\r\n"


def array_rows(array: Any) -> Optional[bytes]:
    """An array as nested lists in JSON, with every digit of its floats as float64; None if that takes a slower way."""
    is_short = array.dtype.kind == "f" and array.dtype.itemsize < 8
    return write_array(array.astype("f8") if is_short else array)  # type: ignore[no-any-return]


def frame_rows(frame: Any, dtypes: FrozenSet[str]) -> Optional[bytes]:
    """The rows of a DataFrame as lists in JSON; None if it holds an infinity, or a dtype that is none of ``dtypes``."""
    found = set(map(str, frame.dtypes))
    if orjson is None or not frame.size or not found <= dtypes:
        return None
    if len(found) == 1:
        return array_rows(frame.to_numpy())
    columns = [frame.iloc[:, at].to_numpy() for at in range(frame.shape[1])]
    if any(column.dtype.kind == "f" and np.isinf(column).any() for column in columns):
        return None
    return orjson.dumps(list(zip(*(column.tolist() for column in columns))))  # noqa: B905 - Python 3.8


def rows_as_csv(rows: bytes, missing: bytes) -> bytes:
    """Rows of numbers in JSON, at least one of at least one number, as CSV with ``missing`` for null."""
    return rows[2:-2].replace(b"],[", b"\n").replace(b"null", missing) + b"\n"


def array_from_csv(body: bytes, header: str, kind: str) -> Any:
    """The numbers in CSV as an array of two axes, of float64 or of a dtype for integers, as ``kind`` is ``f`` or not.

    None if that takes a slower way: where a number is not written as JSON would write it.
    """
    lines = body.strip(b"\r\n").replace(b"\r\n", b"\n")
    columns = None
    if header == "present":
        names, _, lines = lines.partition(b"\n")
        if b'"' in names or b"\r" in names:  # the row may end elsewhere
            return None
        columns = names.count(b",") + 1
    if orjson is None or kind not in "iuf" or lines.translate(None, _NUMBER_BYTES) or _is_odd(lines):
        return None
    try:
        rows = orjson.loads(b"[[" + lines.replace(b"\n", b"],[") + b"]]")
        array = np.asarray(rows, "f8" if kind == "f" else None)
    except (ValueError, OverflowError):
        return None
    if array.ndim != 2 or not array.size or array.dtype.kind not in ("f" if kind == "f" else "iu"):
        return None
    return array if columns in (None, array.shape[1]) else None


def _is_odd(lines: bytes) -> bool:
    """Whether JSON would read something in there otherwise: a row's end, or -0, which has no sign as a whole number."""
    zeros = (match.start() for match in _WHOLE_ZERO.finditer(lines))
    return b"\r" in lines or any(lines[max(at - 1, 0) : at] not in (b"e", b"E") for at in zeros)
