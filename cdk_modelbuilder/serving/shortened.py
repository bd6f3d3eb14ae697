"""Bounds texts that may echo a whole request, for error messages and the log."""

from __future__ import annotations

MESSAGE_CHARACTERS = 2000
TRACEBACK_CHARACTERS = 20_000


def shortened(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """``text``, with its middle left out where it is longer than ``limit``: both ends say something.

    >>> shortened("expected a number, got 1234567890", 17)
    'expecte...4567890'
    """
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
