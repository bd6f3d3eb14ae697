"""JSON Schema of one number or text inside an array or a column."""

from __future__ import annotations

from typing import Any, Dict

_LARGEST_FLOAT = {2: 65519.99999999999, 4: 3.4028235677973362e38, 8: 1.7976931348623157e308}
"""Bytes of a float -> the largest number that is rounded to a finite one."""


def number_schema(kind: str, item_size: int) -> Dict[str, Any]:
    """The schema for an item of a NumPy kind (``b``, ``i``, ``u``, ``f``, ``U``, ``S``, ``T``) of so many bytes."""
    if kind in "UT":
        return {"type": "string"}
    if kind == "S":
        return {"type": "string", "pattern": "^[\\u0000-\\u00ff]*$", "description": "bytes, as Latin-1 text"}
    if kind == "b":
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]}
    if kind == "f":
        largest = _LARGEST_FLOAT[item_size]
        return {"type": ["number", "boolean", "null"], "minimum": -largest, "maximum": largest}
    bits = 8 * item_size
    low, high = (0, 2**bits - 1) if kind == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {"type": ["integer", "boolean"], "minimum": low, "maximum": high}
