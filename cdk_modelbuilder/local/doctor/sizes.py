"""Sizes in words."""

from __future__ import annotations

MEBI = 1 << 20
GIBI = 1 << 30


def size_text(count: int) -> str:
    """A number of bytes for people.

    >>> size_text(5 << 20), size_text(3 << 29)
    ('5 MiB', '1.5 GiB')
    """
    return f"{count / GIBI:.1f} GiB" if count >= GIBI else f"{count / MEBI:.0f} MiB"
