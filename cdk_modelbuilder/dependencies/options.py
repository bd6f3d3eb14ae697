"""The ``dependencies=`` argument of ModelBuilder."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from packaging.utils import InvalidName, canonicalize_name

from cdk_modelbuilder.dependencies.listed.reference import shown
from cdk_modelbuilder.dependencies.listed.selection import read_selection
from cdk_modelbuilder.dependencies.listed.text_file import is_file
from cdk_modelbuilder.errors import UsageError

Local = Literal["vendor", "source", "refuse"]
Versions = Literal["installed", "image"]
Packaging = Literal["install", "wheels", "image"]
Lock = bool | Literal["auto"]

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "local": ("vendor", "source", "refuse"),
    "versions": ("installed", "image"),
    "packaging": ("install", "wheels", "image"),
    "lock": (True, False, "auto"),
}
_EXAMPLE = "For example {'auto': True, 'requirements': 'requirements.txt', 'custom': ['numpy==2.1.0']}."
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*)")
_NAME = re.compile(r"(?:-e\s+|--editable[\s=]+)?([A-Za-z0-9][\w.-]*)\s*(?:$|[\[\s;@(<>=!~#])")


@dataclass(frozen=True, slots=True)
class DependencyOptions:
    """How the list of packages is made, and how it reaches the container.

    Attributes:
        auto: Capture what the bundle's code imports.
        requirements: A file whose packages are laid over it, see docs/dependencies.md for the kinds. It may name a
            part: ``pyproject.toml[extra]``, ``pyproject.toml:group``.
        custom: Requirement lines that are laid over both.
        exclude: Captured packages that are left out, normalised and sorted.
        local: What becomes of packages that were installed from a folder of this machine: pinned to the commit that a
            remote repository has, and shipped as source where there is none (``vendor``); always shipped as source
            (``source``); or an error where there is no such commit (``refuse``).
        versions: Which versions are pinned where the image brings another one: those installed here, or the image's.
        packaging: Installed when the container starts, from wheels in the bundle, or a part of the image.
        lock: Look every pin up in an index for the container's Python; ``"auto"`` does so if uv is installed and an
            index answers. By default nothing is asked: build() needs no network, and gives the same bytes without one.
        hashes: Write down the hash of each file that may be installed.
    """

    auto: bool = True
    requirements: Path | None = None
    custom: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    local: Local = "vendor"
    versions: Versions = "installed"
    packaging: Packaging = "install"
    lock: Lock = False
    hashes: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> DependencyOptions:
        """From ``{"auto": bool, "requirements": path, "custom": [...]}`` and the other parts, each of them optional.

        Raises:
            UsageError: An unknown part, one of the wrong type or value, or two that contradict each other.
        """
        if not isinstance(given, Mapping | None):
            raise UsageError(f"dependencies is {given!r}, and not a dictionary.", remedy=_EXAMPLE)
        parts = dict(given or {})
        known = [field.name for field in fields(cls)]
        for part in parts:
            if part not in known:
                raise _unknown(part, known)
        options = cls(**{part: _READERS[part](part, value) for part, value in parts.items()})
        for line in options.custom:
            name = _name_of(line)
            if name in options.exclude:
                raise UsageError(
                    f"dependencies: exclude names {name!r}, and custom asks for it ({shown(line.strip())}).",
                    remedy="Take it out of one of the two; a line of custom replaces what was captured anyway.",
                )
        return options


def _unknown(part: object, known: list[str]) -> UsageError:
    close = difflib.get_close_matches(str(part), known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return UsageError(
        f"dependencies has no part {part!r}.", remedy=f"{hint}Its parts are {', '.join(known[:-1])} and {known[-1]}."
    )


def _switch(part: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"dependencies: {part} is True or False, not {value!r}.", remedy=_EXAMPLE)
    return value


def _choice(part: str, value: Any) -> Any:
    allowed = _CHOICES[part]
    if not any(value == one and type(value) is type(one) for one in allowed):
        close = difflib.get_close_matches(str(value), [str(one) for one in allowed], n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"dependencies: {part} is {value!r}.", remedy=f"{hint}It is one of {', '.join(map(repr, allowed))}."
        )
    return value


def _lines(part: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(line, str) for line in value):
        raise UsageError(
            f"dependencies wants as {part} a list of {'requirement lines' if part == 'custom' else 'names'}, "
            f"not {value!r}.",
            remedy=_EXAMPLE if part == "custom" else "For example {'exclude': ['ipython']}.",
        )
    return tuple(value)


def _names(part: str, value: Any) -> tuple[str, ...]:
    try:
        return tuple(sorted({str(canonicalize_name(name.strip(), validate=True)) for name in _lines(part, value)}))
    except InvalidName as error:
        raise UsageError(
            f"dependencies: {part} holds what is no package's name: {error}.",
            remedy="Name packages without versions, such as {'exclude': ['ipython']}.",
        ) from None


def _file(part: str, value: Any) -> Path | None:
    if not isinstance(value, str | Path | None):
        raise UsageError(f"dependencies wants as {part} a path, not {value!r}.", remedy=_EXAMPLE)
    if value is not None and not is_file(read_selection(value).path):
        raise UsageError(
            f"dependencies: the {part} file {str(value)!r} does not exist.",
            remedy="Name an existing file, relative to the current folder.",
        )
    return None if value is None else Path(value)


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "auto": _switch,
    "requirements": _file,
    "custom": _lines,
    "exclude": _names,
    "local": _choice,
    "versions": _choice,
    "packaging": _choice,
    "lock": _choice,
    "hashes": _switch,
}


def _name_of(line: str) -> str | None:
    """The package that a line of ``custom`` is about, as far as that can be seen before it is read in full."""
    found = _EGG.search(line) or _NAME.match(line.strip())
    return None if found is None else str(canonicalize_name(found[1]))
