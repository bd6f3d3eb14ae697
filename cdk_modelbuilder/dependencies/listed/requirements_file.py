"""pip's requirements files, and the lines of ``custom``, which are written the same way."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cdk_modelbuilder.dependencies.listed.file_options import (
    OptionLine,
    index_options,
    left_out,
    read_hashes,
    take_apart,
)
from cdk_modelbuilder.dependencies.listed.line import read_line
from cdk_modelbuilder.dependencies.listed.reference import SCHEME, Reference, shown
from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement, Listed
from cdk_modelbuilder.dependencies.listed.text_file import read_text
from cdk_modelbuilder.dependencies.listed.wheel_file import expanded
from cdk_modelbuilder.errors import UsageError

_COMMENT = re.compile(r"(^|\s+)#.*$")  # as pip has it: "#egg=" is none


def read_requirements_file(path: Path, place: str, *, environment: Mapping[str, str]) -> Listed:
    """A requirements file and all that it includes.

    Args:
        path: The file.
        place: What messages and reasons call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: A line is not one of pip's, cannot be kept, or names a file that is not there.
    """
    reading = _Reading(environment)
    reading.read_file(path, place, is_constraint=False, inside=())
    return reading.result()


def read_text_lines(lines: Iterable[str], place: str, *, environment: Mapping[str, str]) -> Listed:
    """Lines that stand in a list; the third one's place is ``dependencies['custom'][2]``.

    Raises:
        UsageError: As of :func:`read_requirements_file`.
    """
    reading = _Reading(environment)
    for index, line in enumerate(lines):
        for _, text in logical_lines(line):
            reading.read_line(text, f"{place}[{index}]", place="", folder=Path(), is_constraint=False, inside=())
    return reading.result()


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


@dataclass(slots=True)
class _Reading:
    environment: Mapping[str, str]
    requirements: list[GivenRequirement] = field(default_factory=list)
    constraints: list[GivenRequirement] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    require_hashes: bool = False
    done: set[tuple[Path, bool]] = field(default_factory=set)

    def result(self) -> Listed:
        return Listed(
            requirements=tuple(self.requirements),
            constraints=tuple(self.constraints),
            index_options=tuple(dict.fromkeys(self.options)),
            local_links=tuple(dict.fromkeys(self.places)),
            notes=tuple(self.notes),
            require_hashes=self.require_hashes,
        )

    def read_file(self, path: Path, place: str, *, is_constraint: bool, inside: tuple[Path, ...]) -> None:
        text = read_text(path, place)
        whole = path.resolve()
        if (whole, is_constraint) in self.done:
            return  # included twice: the same lines again
        self.done.add((whole, is_constraint))
        for number, line in logical_lines(text):
            self.read_line(
                line,
                f"{place}, line {number}",
                place=place,
                folder=path.parent,
                is_constraint=is_constraint,
                inside=(*inside, whole),
            )

    def read_line(
        self, line: str, origin: str, *, place: str, folder: Path, is_constraint: bool, inside: tuple[Path, ...]
    ) -> None:
        parts = take_apart(line, origin)
        is_alone = len(parts.values) == 1 and not parts.switches and not parts.requirement
        for kind in ("requirements", "constraints"):
            if kind in parts.values:
                if not is_alone or len(parts.values[kind]) != 1:
                    raise _crowded(line, origin)
                written = parts.values[kind][0]
                self._include(written, origin, place, folder, is_constraint=kind == "constraints", inside=inside)
                return
        if parts.requirement or "editables" in parts.values:
            self._require(parts, line, origin, folder, is_constraint=is_constraint)
            return
        if "hashes" in parts.values or "config_settings" in parts.values:
            raise UsageError(
                f"{origin}: {shown(line)} belongs to no requirement.",
                remedy="Write it behind one; a line that goes on ends in a backslash.",
            )
        options, places = index_options(parts, origin, folder)
        self.options += options
        self.places += places
        self.notes += left_out(parts, origin)
        if "require_hashes" in parts.switches or "no_require_hashes" in parts.switches:
            self.require_hashes = "require_hashes" in parts.switches

    def _include(
        self, written: str, origin: str, place: str, folder: Path, *, is_constraint: bool, inside: tuple[Path, ...]
    ) -> None:
        if SCHEME.match(written):
            raise UsageError(
                f"{origin}: {shown(written)} is not on this machine, and build() needs no network.",
                remedy="Download it and name the file.",
            )
        path = folder / expanded(written, origin)
        is_portable = not Path(written).is_absolute() and "${" not in written
        within = posixpath.normpath(posixpath.join(posixpath.dirname(place), written)) if is_portable else path.name
        if not path.is_file():
            raise UsageError(
                f"{origin}: there is no file {written!r}.",
                remedy=f"Correct the path; it starts at the {f'folder of {place}' if place else 'current folder'}.",
            )
        if path.resolve() in inside:
            raise UsageError(f"{origin}: {written!r} includes itself.", remedy="Take out one of the two lines.")
        self.read_file(path, within, is_constraint=is_constraint, inside=inside)

    def _require(self, parts: OptionLine, line: str, origin: str, folder: Path, *, is_constraint: bool) -> None:
        editables = parts.values.get("editables", [])
        beside = set(parts.values) - {"editables", "hashes", "config_settings"}
        if beside or parts.switches or len(editables) + bool(parts.requirement) != 1:
            raise _crowded(line, origin)
        if editables and "hashes" in parts.values:
            raise UsageError(
                f"{origin}: {shown(line)} is editable, and pip takes no hash for it.", remedy="Leave out -e, or --hash."
            )
        text = editables[0] if editables else parts.requirement
        folders = (Path(), folder)  # pip starts at the current folder
        given = read_line(text, origin, environment=self.environment, folders=folders, is_editable=bool(editables))
        if given is None:
            self.notes.append(f"{origin}: {shown(text)} is left out; its condition does not hold in the container.")
            return
        settings = tuple(parts.values.get("config_settings", []))
        given = replace(
            given,
            text=" ".join([given.text, *(f"--config-settings={setting}" for setting in settings)]),
            hashes=read_hashes(parts.values.get("hashes", []), origin),
            config_settings=settings,
        )
        if given.url is not None and not given.hashes and not Reference(given.url, "").has_hash:
            self.notes.append(
                f"{origin}: what {shown(given.url)} serves can change; write #sha256=<hex> behind it to pin it."
            )
        if is_constraint:
            _check_constraint(given, text)
            self.constraints.append(given)
        else:
            self.requirements.append(given)


def _crowded(line: str, origin: str) -> UsageError:
    return UsageError(
        f"{origin}: {shown(line)} says several things, of which pip follows one.",
        remedy="Write each option on a line of its own.",
    )


def _check_constraint(given: GivenRequirement, text: str) -> None:
    if given.extras or given.is_editable or given.wheel is not None:
        raise UsageError(
            f"{given.origin}: {shown(text)} is no constraint: pip takes no extras, no -e and no path there.",
            remedy="Write a name and versions, or list it as a requirement.",
        )
