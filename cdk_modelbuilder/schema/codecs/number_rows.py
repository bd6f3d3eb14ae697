"""Numbers as CSV: rows to text, and text to rows."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, List, Sequence

from .payload_errors import CodecError

CSV = "text/csv"
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.ASCII | re.IGNORECASE)
_WORDS = {"": None, "nan": None, "true": True, "false": False}


def write_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows of bool, int or float as CSV."""
    return "".join(",".join(map(repr, row)) + "\n" for row in rows).lower().encode("ascii")


def read_rows(body: Any, header: str = "") -> List[List[Any]]:
    """The rows in ``body``: bool, int, float, or None for an empty cell or NaN. Raises CodecError.

    ``header`` says whether the first row names the columns, ``present`` or ``absent``; else it does if none of its
    cells is a number.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(bytes(body).decode("utf-8-sig"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None
    if rows and (header == "present" or (header != "absent" and not any(map(_is_number, rows[0])))):
        rows = rows[1:]
    if not rows:
        raise CodecError("expected rows of numbers, got a CSV without a row.")
    return [[_number(cell) for cell in row] for row in rows]


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
