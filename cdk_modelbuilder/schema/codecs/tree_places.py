"""Places inside of a tree: how they are written, and how an error tells them."""

from __future__ import annotations

from typing import List, Optional

from .payload_errors import CodecError


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
    """The place of ``step`` below ``path``, as a JSON Pointer without its first slash."""
    step = step.replace("~", "~0").replace("/", "~1")
    return f"{path}/{step}" if path else step


def at(path: str, message: str) -> str:
    """``message`` with its place."""
    return f"at {path}: {message}" if path else message


def names_differ(expected: List[str], got: List[str], path: str, what: str) -> Optional[str]:
    """How names differ, in words; None if they are the same."""
    missing = [name for name in expected if name not in got]
    extra = [name for name in got if name not in expected]
    if not missing and not extra:
        return None
    parts = [f"missing: {missing}"] * bool(missing) + [f"unexpected: {extra[:10]}"] * bool(extra)
    return at(path, f"expected the {what} {expected}; {'; '.join(parts)}.")
