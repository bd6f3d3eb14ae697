"""Places inside of a tree: how they are written, and how an error tells them."""

from __future__ import annotations

import re
from typing import List, Optional

from .payload_errors import CodecError

_ESCAPES = {"~": "~0", "/": "~1", "\r": "~2", "\n": "~3"}  # a part's name stands in a line of its own
_EMPTY = "~4"
_MEANT = {**{escape: character for character, escape in _ESCAPES.items()}, _EMPTY: ""}
_ESCAPED = str.maketrans(_ESCAPES)


class At:
    """Adds the place to the message of a CodecError raised inside."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, UnicodeDecodeError):
            raise CodecError(at(self._path, "the part is not UTF-8 text.")) from None
        if isinstance(error, CodecError) and self._path and not getattr(error, "is_placed", False):
            placed = type(error)(at(self._path, str(error)))
            placed.is_placed = True  # type: ignore[attr-defined]
            raise placed from None


def join(path: str, step: str) -> str:
    """The place of ``step`` below ``path``: a JSON Pointer without its first slash, and with more escapes."""
    step = step.translate(_ESCAPED) or _EMPTY
    return f"{path}/{step}" if path else step


def steps_of(path: str) -> List[str]:
    """The steps that :func:`join` made ``path`` of."""
    return [re.sub("~[0-4]", lambda found: _MEANT[found.group()], step) for step in path.split("/")]


def is_index(step: str) -> bool:
    """Whether a step may lead into a list."""
    return len(step) < 10 and step.isascii() and step.isdigit()


def at(path: str, message: str) -> str:
    """``message`` with its place."""
    return f"at {path}: {message}" if path else message


def names_differ(expected: List[str], got: List[str], path: str, what: str) -> Optional[str]:
    """How names differ, in words; None if they are the same."""
    if expected == got:
        return None
    wanted, found = set(expected), set(got)
    missing = [name for name in expected if name not in found][:10]
    extra = [name for name in got if name not in wanted][:10]
    if not missing and not extra:
        return None
    parts = [f"missing: {missing}"] * bool(missing) + [f"unexpected: {extra}"] * bool(extra)
    more = ", ..." if len(expected) > 20 else ""
    return at(path, f"expected the {what} {expected[:20]}{more}; {'; '.join(parts)}.")
