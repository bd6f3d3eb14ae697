"""Which part of a project's file is meant: ``pyproject.toml[extra]`` and ``pyproject.toml:group``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.text_file import is_file
from cdk_modelbuilder.errors import UsageError

_SELECTED = re.compile(
    r"(?P<path>.*?\.(?:toml|lock))(?:\[(?P<extras>[^\[\]]*)\])?(?::(?P<groups>[^:\[\]/\\]+))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Selection:
    """A file, and what of it.

    Attributes:
        path: The file.
        extras: Optional dependencies of the project that are taken too, normalised.
        groups: Dependency groups (PEP 735) that are taken; without extras, they alone, as of pip's ``--group``.
    """

    path: Path
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_whole_file(self) -> bool:
        """Whether no part was named."""
        return not self.extras and not self.groups


def read_selection(given: str | Path) -> Selection:
    """Take apart what the user wrote; a file that is called like that comes first.

    >>> read_selection("app/pyproject.toml[serve,Fast_API]").extras
    ('fast-api', 'serve')
    >>> read_selection("pyproject.toml:serving").groups
    ('serving',)
    >>> read_selection("requirements.txt").is_whole_file
    True

    Raises:
        UsageError: An extra or a group has no name.
    """
    text = str(given)
    found = _SELECTED.fullmatch(text)
    if found is None or (found["extras"] is None and found["groups"] is None) or is_file(Path(text)):
        return Selection(Path(text))
    extras, groups = (_names(found[kind], text) for kind in ("extras", "groups"))
    return Selection(Path(found["path"]), tuple(sorted({str(canonicalize_name(name)) for name in extras})), groups)


def _names(listed: str | None, text: str) -> tuple[str, ...]:
    names = tuple(sorted({name.strip() for name in listed.split(",")})) if listed is not None else ()
    if not all(names):
        raise UsageError(
            f"{text!r} has an extra or a group without a name.",
            remedy="Write pyproject.toml[extra] or pyproject.toml:group; commas stand between several.",
        )
    return names
