"""A TOML file whose values are traced back to their lines."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cdk_modelbuilder.dependencies.listed.text_file import read_text
from cdk_modelbuilder.errors import UsageError

_PATCHES = 100  # more than any minor version of Python ever had


@dataclass(frozen=True, slots=True)
class TomlFile:
    """What a file holds.

    Attributes:
        path: The file.
        place: What messages call it.
        lines: Its text.
        data: Its content.
    """

    path: Path
    place: str
    lines: tuple[str, ...]
    data: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, place: str) -> TomlFile:
        """Read and parse.

        Raises:
            UsageError: It cannot be read, or is no TOML.
        """
        text = read_text(path, place)
        try:
            data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            because = str(error).rstrip(".") or type(error).__name__
            raise UsageError(f"{place} is no TOML: {because}.", remedy="Correct it, or make it again.") from None
        return cls(path, place, tuple(text.splitlines()), data)

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The table at ``keys``; empty if there is none.

        Raises:
            UsageError: Something else is there.
        """
        here: Any = self.data
        for depth, key in enumerate(keys, 1):
            here = here.get(key, {})
            if not isinstance(here, Mapping):
                raise self.refusal(".".join(keys[:depth]), "is no table")
        found: Mapping[str, Any] = here
        return found

    def strings(self, value: Any, where: str) -> list[str]:
        """``value``, made sure that it is a list of strings.

        Raises:
            UsageError: It is not.
        """
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refusal(where, "is no list of strings")
        return value

    def refusal(self, where: str, what: str) -> UsageError:
        """An error about the value at ``where``."""
        return UsageError(f"{self.place}: {where} {what}.", remedy="Correct the file, or make it again.")

    def origin(self, value: str, where: str) -> str:
        """The place of the string ``value``: its line if it can be told, else ``where`` it is in the data.

        Args:
            value: As it was parsed.
            where: Such as ``project.dependencies[2]``; the line is looked for below the line that starts with the
                last key of it.
        """
        key = re.split(r"[.\[]", re.sub(r"\[\d+\]$", "", where))[-1]
        opened = re.compile(rf"""\s*(?:\[.*\b{re.escape(key)}\b.*\]|["']?{re.escape(key)}["']?\s*=)""")
        start = next((number for number, line in enumerate(self.lines) if opened.match(line)), 0)
        for number, line in enumerate(self.lines[start:], start + 1):
            if f'"{value}"' in line or f"'{value}'" in line:
                return f"{self.place}, line {number}"
        return f"{self.place}, {where}"

    def table_lines(self, name: str, count: int) -> list[str]:
        """The places of the ``count`` tables ``[[name]]``, in their order."""
        header = re.compile(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]")
        found = [number for number, line in enumerate(self.lines, 1) if header.match(line)]
        if len(found) != count:  # written in line, or the text of a string looks like a header
            return [f"{self.place}, {name}[{index}]" for index in range(count)]
        return [f"{self.place}, line {number}" for number in found]


def python_within(requires: SpecifierSet | None, environment: Mapping[str, str]) -> str | None:
    """A patch version of the container's Python that ``requires`` allows; None if it allows none.

    Which patch version an image has is not known before it runs, so any will do.

    >>> python_within(SpecifierSet(">=3.12.4"), {"python_version": "3.12"})
    '3.12.4'
    >>> python_within(SpecifierSet("<3.12"), {"python_version": "3.12"})
    """
    versions = (f"{environment['python_version']}.{patch}" for patch in range(_PATCHES))
    return next((version for version in versions if requires is None or requires.contains(version)), None)


def read_requires_python(value: Any, place: str, environment: Mapping[str, str]) -> SpecifierSet | None:
    """``requires-python``, made sure that the container's Python is in it.

    Raises:
        UsageError: It is no range of versions, or the container's Python is outside.
    """
    if value is None:
        return None
    try:
        requires = SpecifierSet(value if isinstance(value, str) else "?")
    except InvalidSpecifier:
        raise UsageError(
            f"{place}: requires-python is {value!r}, which is no range of versions.",
            remedy="Write it as requires-python = '>=3.10'.",
        ) from None
    if python_within(requires, environment) is None:
        raise UsageError(
            f"{place}: requires-python is {str(requires)!r}, and the container has Python "
            f"{environment['python_version']}.",
            remedy="Widen the range, list other packages, or choose an image with another Python.",
        )
    return requires


def closest(name: str, known: Iterable[str]) -> str:
    """What to say about a name that is not known."""
    there = sorted(known)
    close = difflib.get_close_matches(name, there, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"There are {', '.join(map(repr, there))}." if there else "There is none at all."
