"""What is read line by line, until it is a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from cdk_modelbuilder.dependencies.listed.file_options import index_options, left_out, take_apart
from cdk_modelbuilder.dependencies.listed.line import read_line
from cdk_modelbuilder.dependencies.listed.reference import Reference, shown
from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement, Listed
from cdk_modelbuilder.errors import UsageError


@dataclass(slots=True)
class Collected:
    """Grows with each line that is read.

    Attributes:
        environment: Values of markers in the container.
        is_lock: What does not hold in the container is left out without a note.
        notes: What was left out and why.
        require_hashes: The file asks for hashes.
        requires_python: Versions of Python that the file is for.
    """

    environment: Mapping[str, str]
    is_lock: bool = False
    notes: list[str] = field(default_factory=list)
    require_hashes: bool = False
    requires_python: SpecifierSet | None = None
    _requirements: list[GivenRequirement] = field(default_factory=list)
    _constraints: list[GivenRequirement] = field(default_factory=list)
    _options: list[str] = field(default_factory=list)
    _places: list[Path] = field(default_factory=list)

    def note_folder(self, name: str, origin: str) -> None:
        """A package that is a folder of this machine, in a file that lists more than what is served."""
        self.notes.append(
            f"{origin}: {name} is a folder of this machine, and is left out; it is captured and shipped if it is "
            "installed here and the model imports it."
        )

    def listed(self) -> Listed:
        """Everything so far."""
        return Listed(
            requirements=tuple(self._requirements),
            constraints=tuple(self._constraints),
            index_options=tuple(dict.fromkeys(self._options)),
            local_links=tuple(dict.fromkeys(self._places)),
            notes=tuple(dict.fromkeys(self.notes)),
            requires_python=self.requires_python,
            require_hashes=self.require_hashes,
        )

    def add(
        self,
        text: str,
        origin: str,
        *,
        folders: Sequence[Path],
        is_editable: bool = False,
        hashes: Iterable[str] = (),
        config_settings: Sequence[str] = (),
        is_constraint: bool = False,
    ) -> None:
        """One requirement, without options.

        Args:
            text: A name with versions, an address or the path of a wheel.
            origin: Its place.
            folders: Where relative paths start.
            is_editable: ``-e`` stood before it.
            hashes: Of the files that may be installed.
            config_settings: For a build from source.
            is_constraint: It limits versions, and asks for nothing.

        Raises:
            UsageError: It is no requirement, or cannot be kept.
        """
        given = read_line(text, origin, environment=self.environment, folders=folders, is_editable=is_editable)
        if given is None and self.is_lock:
            return  # it holds what every platform needs
        if given is None:
            self.notes.append(f"{origin}: {shown(text)} is left out; its condition does not hold in the container.")
            return
        given = replace(
            given,
            text=" ".join([given.text, *(f"--config-settings={setting}" for setting in config_settings)]),
            hashes=tuple(sorted(set(hashes))),
            config_settings=tuple(config_settings),
        )
        if given.url is not None and not given.hashes and not Reference(given.url, "").has_hash:
            self.notes.append(
                f"{origin}: what {shown(given.url)} serves can change; write #sha256=<hex> behind it to pin it."
            )
        if is_constraint:
            _check_constraint(given, text)
        (self._constraints if is_constraint else self._requirements).append(given)

    def add_options(self, line: str, origin: str, folder: Path) -> None:
        """A line that holds nothing but options of indexes.

        Args:
            line: As in a requirements file.
            origin: Its place.
            folder: Where relative paths start.

        Raises:
            UsageError: There is no such option, or an address holds credentials.
        """
        parts = take_apart(line, origin)
        options, places = index_options(parts, origin, folder)
        self._options += options
        self._places += places
        self.notes += left_out(parts, origin)
        if parts.switches & {"require_hashes", "no_require_hashes"}:
            self.require_hashes = "require_hashes" in parts.switches


def _check_constraint(given: GivenRequirement, text: str) -> None:
    if given.extras or given.is_editable or given.wheel is not None:
        raise UsageError(
            f"{given.origin}: {shown(text)} is no constraint: pip takes no extras, no -e and no path there.",
            remedy="Write a name and versions, or list it as a requirement.",
        )
