"""pip's requirements files, and the lines of ``custom``, which are written the same way."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.file_options import OptionLine, read_hashes, take_apart
from cdk_modelbuilder.dependencies.listed.reference import SCHEME, shown
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.text_file import is_file, read_text
from cdk_modelbuilder.dependencies.listed.wheel_file import expanded
from cdk_modelbuilder.errors import UsageError

_COMMENT = re.compile(r"(^|\s+)#.*$")  # as pip has it: "#egg=" is none
_DEEPEST = 100  # files within files; nobody has so many
_OF_ONE_REQUIREMENT = {"editables", "hashes", "config_settings"}


def read_requirements_file(path: Path, place: str, *, environment: Mapping[str, str]) -> Listed:
    """A requirements file and all that it includes.

    Args:
        path: The file.
        place: What messages and reasons call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: A line is not one of pip's, cannot be kept, or names a file that is not there.
    """
    walk = Walk(Collected(environment))
    walk.read_file(path, place)
    return walk.collected.listed()


def read_text_lines(lines: Iterable[str], place: str, *, environment: Mapping[str, str]) -> Listed:
    """Lines that stand in a list; the third one's place is ``dependencies['custom'][2]``.

    Raises:
        UsageError: As of :func:`read_requirements_file`.
    """
    walk = Walk(Collected(environment))
    for index, line in enumerate(lines):
        walk.read_text(line, f"{place}[{index}]", Path(), "")
    return walk.collected.listed()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Number and text of each line without comments, continued ones joined, as pip does it.

    >>> list(logical_lines("numpy \\\n  >=1  # why\n\n# no\nscipy"))
    [(1, 'numpy   >=1'), (5, 'scipy')]
    """
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            first = first or number
            joined += line.strip("\\")
            continue
        yield from _bare(first or number, joined + (" " if is_comment else "") + line)
        joined, first = "", 0
    yield from _bare(first, joined)


def _bare(number: int, line: str) -> Iterator[tuple[int, str]]:
    bare = _COMMENT.sub("", line).strip()
    if bare:
        yield number, bare


@dataclass(frozen=True, slots=True)
class _File:
    """Where a line stands: the folder of its file, what the file is called, and the files that led to it."""

    folder: Path
    place: str
    inside: tuple[Path, ...]


@dataclass(slots=True)
class Walk:
    """Through a file and what it includes.

    Attributes:
        collected: What was read so far.
    """

    collected: Collected
    _done: set[tuple[Path, bool]] = field(default_factory=set)

    def read_file(self, path: Path, place: str, *, inside: tuple[Path, ...] = (), is_constraint: bool = False) -> None:
        """Read a file.

        Args:
            path: The file.
            place: What messages and reasons call it.
            inside: The files that led to it.
            is_constraint: Its lines limit versions, and ask for nothing.

        Raises:
            UsageError: As of :func:`read_requirements_file`.
        """
        text = read_text(path, place)
        whole = path.resolve()
        if (whole, is_constraint) in self._done:
            return  # included twice: the same lines again
        self._done.add((whole, is_constraint))
        file = _File(path.parent, place, (*inside, whole))
        for number, line in logical_lines(text):
            self._read_line(line, f"{place}, line {number}", file, is_constraint=is_constraint)

    def read_text(self, text: str, origin: str, folder: Path, place: str) -> None:
        """Read what stands in a list, as a line of a requirements file.

        Args:
            text: The line.
            origin: Its place.
            folder: Where the paths of ``-r`` and ``-c`` start.
            place: What the file that holds the list is called; empty if it is in none.

        Raises:
            UsageError: As of :func:`read_requirements_file`.
        """
        for _, line in logical_lines(text):
            self._read_line(line, origin, _File(folder, place, ()), is_constraint=False)

    def _read_line(self, line: str, origin: str, file: _File, *, is_constraint: bool) -> None:
        parts = take_apart(line, origin)
        included = [(kind, path) for kind in ("requirements", "constraints") for path in parts.values.get(kind, ())]
        if included:
            if len(included) > 1 or len(parts.values) > 1 or parts.switches or parts.requirement:
                raise _crowded(line, origin)
            self._include(included[0][1], origin, file, is_constraint=included[0][0] == "constraints")
        elif parts.requirement or "editables" in parts.values:
            self._require(parts, line, origin, file, is_constraint=is_constraint)
        elif parts.values.keys() & _OF_ONE_REQUIREMENT:
            raise UsageError(
                f"{origin}: {shown(line)} belongs to no requirement.",
                remedy="Write it behind one; a line that goes on ends in a backslash.",
            )
        else:
            self.collected.add_options(line, origin, file.folder)

    def _include(self, written: str, origin: str, file: _File, *, is_constraint: bool) -> None:
        if SCHEME.match(written):
            raise UsageError(
                f"{origin}: {shown(written)} is not on this machine, and build() needs no network.",
                remedy="Download it and name the file.",
            )
        path = file.folder / expanded(written, origin)
        if not is_file(path):
            start = f"folder of {file.place}" if file.place else "current folder"
            raise UsageError(
                f"{origin}: there is no file {written!r}.", remedy=f"Correct the path; it starts at the {start}."
            )
        if path.resolve() in file.inside or len(file.inside) > _DEEPEST:
            how = "includes itself" if path.resolve() in file.inside else "is nested too deep"
            raise UsageError(f"{origin}: {written!r} {how}.", remedy="Take out one of the lines that lead to it.")
        # No folder of this machine gets into the reason of a pin.
        is_portable = not Path(written).is_absolute() and "${" not in written
        place = posixpath.normpath(posixpath.join(posixpath.dirname(file.place), written)) if is_portable else path.name
        self.read_file(path, place, inside=file.inside, is_constraint=is_constraint)

    def _require(self, parts: OptionLine, line: str, origin: str, file: _File, *, is_constraint: bool) -> None:
        editables = parts.values.get("editables", [])
        beside = parts.values.keys() - _OF_ONE_REQUIREMENT
        if beside or parts.switches or len(editables) + bool(parts.requirement) != 1:
            raise _crowded(line, origin)
        if editables and "hashes" in parts.values:
            raise UsageError(
                f"{origin}: {shown(line)} is editable, and pip takes no hash for it.", remedy="Leave out -e, or --hash."
            )
        self.collected.add(
            editables[0] if editables else parts.requirement,
            origin,
            folders=(Path(), file.folder),  # pip starts at the current folder
            is_editable=bool(editables),
            hashes=read_hashes(parts.values.get("hashes", []), origin),
            config_settings=parts.values.get("config_settings", []),
            is_constraint=is_constraint,
        )


def _crowded(line: str, origin: str) -> UsageError:
    return UsageError(
        f"{origin}: {shown(line)} says several things, of which pip follows one.",
        remedy="Write each option on a line of its own.",
    )
