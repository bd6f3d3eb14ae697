"""Whether the first row of a table in CSV names its columns."""

from __future__ import annotations

from typing import Sequence

PRESENT, ABSENT = "present", "absent"


def has_header(first_row: Sequence[str], names: Sequence[str], parameter: str) -> bool:
    """Whether it does: as the parameter ``header`` of the content type says, else if its cells are just the names.

    Where all names look like numbers, a row of numbers could be either, so without the parameter it is none.
    """
    if parameter in (PRESENT, ABSENT):
        return parameter == PRESENT
    return sorted(first_row) == sorted(names) and not all(map(_is_number, names))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
