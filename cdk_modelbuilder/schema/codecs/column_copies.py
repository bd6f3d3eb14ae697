"""Columns of a table that lies row by row in memory, each in one piece."""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np

_ROWS = 4096


def in_one_piece(columns: Sequence[Any]) -> List[Any]:
    """Series of one length; instead of those whose numbers do not lie side by side, arrays in which they do.

    They are copied together, a few rows at a time: each line of memory is then fetched once, not once for each column.
    """
    scattered = {at: column.to_numpy() for at, column in enumerate(columns) if _is_scattered(column)}
    copies = {at: np.empty(len(values), values.dtype) for at, values in scattered.items()}
    for start in range(0, len(columns[0]) if scattered else 0, _ROWS):
        rows = slice(start, start + _ROWS)
        for at, values in scattered.items():
            copies[at][rows] = values[rows]
    return [copies.get(at, column) for at, column in enumerate(columns)]


def _is_scattered(column: Any) -> bool:
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "biuf":
        return False
    values = column.to_numpy()
    return bool(values.strides[0] != values.itemsize)
