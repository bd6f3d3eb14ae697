"""Python expressions as source, laid out as ruff's formatter does with its default settings."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 88
"""Columns of a line (the default of ruff and black)."""


@dataclass(frozen=True, slots=True)
class Code:
    """Source that stands as it is, such as ``BUNDLE``."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the arguments by position, then those by keyword in the order given.

    Attributes:
        function: Such as ``Hosting.real_time``.
        positional: Values, ``Code`` or ``Call``.
        keywords: The same by name.
    """

    function: str
    positional: Sequence[Any] = ()
    keywords: Mapping[str, Any] | None = None


def source_of(value: Any, *, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """The source of ``value``: in one line if it fits, else with one argument or item a line and a comma at the end.

    The formatter keeps both as they are: it joins no lines before a trailing comma.

    Args:
        value: Plain data, ``Code`` or ``Call``.
        indent: Columns before the line that the value begins in.
        before: Columns of what stands before it in this line, beyond the indentation.
        after: Columns of what stands behind it in its last line.

    >>> print(source_of(Call("f", [Code("self")], {"name": 'say "hi"', "count": 2})))
    f(self, name='say "hi"', count=2)
    """
    flat = _flat(value)
    opening, parts, closing = _parts(value)
    if not parts or indent + before + _columns(flat) + after <= WIDTH:
        return flat
    inner = indent + 4
    lines = [
        " " * inner + name + source_of(part, indent=inner, before=len(name), after=1) + "," for name, part in parts
    ]
    return "\n".join([opening, *lines, " " * indent + closing])


def _columns(line: str) -> int:
    """Columns that a terminal takes for it: East Asian characters are two wide."""
    return len(line) + sum(unicodedata.east_asian_width(char) in "WF" for char in line if char > "\u0fff")


def text(value: str) -> str:
    r"""A string literal as the formatter writes it: in double quotes, unless single ones need fewer backslashes.

    >>> print(text("it's"), text('"x"'), text("a\n"))
    "it's" '"x"' "a\n"
    """
    inner = json.dumps(value, ensure_ascii=False)  # its escapes are Python's too
    if value.count('"') <= value.count("'"):
        return inner
    return "'" + inner[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def _flat(value: Any) -> str:
    opening, parts, closing = _parts(value)
    return opening + ", ".join(name + _flat(part) for name, part in parts) + closing if parts else opening + closing


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str]:
    """What opens the value, what is in it with what stands before each, and what closes it."""
    match value:
        case Call():
            named = [(f"{name}=", part) for name, part in (value.keywords or {}).items()]
            return f"{value.function}(", [*(("", part) for part in value.positional), *named], ")"
        case Code():
            return value.text, [], ""
        case str():
            return text(value), [], ""
        case None | bool() | int() | float():
            return repr(value).replace("e+", "e"), [], ""
        case Mapping():
            return "{", [(f"{text(key)}: ", part) for key, part in value.items()], "}"
        case list() | tuple():
            return "[", [("", part) for part in value], "]"
    raise TypeError(f"{type(value).__name__} has no place in generated code")
