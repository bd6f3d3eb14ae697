"""Numbers as CSV: rows to text, and text to rows."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, List, Optional, Sequence, Tuple

from .nested_numbers import fits, shape_text
from .payload_errors import CodecError

CSV = "text/csv"
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.ASCII | re.IGNORECASE)
_WORDS = {"": None, "nan": None, "true": True, "false": False}


def write_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows of bool, int or float as CSV."""
    return "".join(",".join(map(repr, row)) + "\n" for row in rows).lower().encode("ascii")


def read_rows(body: Any, header: str, wanted: Sequence[Optional[int]]) -> Tuple[List[Any], Tuple[int, ...]]:
    """The cells in ``body`` row by row, as bool, int, float, or None for an empty one or NaN; and their shape.

    Args:
        body: CSV in UTF-8.
        header: Whether the first row names the columns: ``present`` or ``absent``; else it does if none of its cells is
            a number.
        wanted: The shape to fit, of one axis or two (None: any size). For one axis, a row will do for a column.

    Raises CodecError.
    """
    items: List[Any] = []
    rows, columns = 0, -1
    try:
        for row in csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")):
            if not row:
                continue
            if columns < 0:
                columns = len(row)
                if header == "present" or (header != "absent" and not any(map(_is_number, row))):
                    continue
            if len(row) != columns:
                raise CodecError(f"expected {columns} cells in each row, got {len(row)} in row {rows + 1}.")
            items.extend(map(_number, row))
            rows += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None
    if not rows:
        raise CodecError("expected rows of numbers, got a CSV without a row.")
    shape: Tuple[int, ...] = (rows, columns)
    if len(wanted) == 1 and 1 in shape:
        shape = (len(items),)
    if not fits(wanted, shape):
        raise CodecError(f"expected rows of shape {shape_text(wanted)}, got {shape_text(shape)}.")
    return items, shape


def _is_number(cell: str) -> bool:
    text = cell.strip().lower()
    return text in _WORDS or bool(_NUMBER.fullmatch(text))


def _number(cell: str) -> Any:
    text = cell.strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    raise CodecError(f"expected rows of numbers, got the cell {cell[:40]!r}.")
