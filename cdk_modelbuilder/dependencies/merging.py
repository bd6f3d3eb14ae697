"""What was captured, what a file lists and what ``custom`` says, laid over each other: one pin a package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed import Listed
from cdk_modelbuilder.dependencies.listed.combined import Wanted, combine, together
from cdk_modelbuilder.dependencies.listed.reference import redacted
from cdk_modelbuilder.dependencies.listed.requirement import with_extras
from cdk_modelbuilder.dependencies.listed.wheel_file import wheel_hash
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class Merged:
    """The whole list.

    Attributes:
        pins: Sorted by name. One whose ``version`` is None is an address or, with a note, a range.
        notes: What the user should know: who overruled whom, what is no pin, what was left out.
        index_options: One option of pip's an item, the file's before those of ``custom``.
        local_links: Places of ``--find-links`` on this machine: of use at build, never written down.
        wheels: Name -> wheel file on this machine that has to be shipped; its pin holds the file's hash.
        require_hashes: A file asks for hashes.
    """

    pins: tuple[Pin, ...]
    notes: tuple[str, ...] = ()
    index_options: tuple[str, ...] = ()
    local_links: tuple[Path, ...] = ()
    wheels: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    require_hashes: bool = False


def merge(
    captured: Sequence[Pin], file: Listed | None, custom: Listed, *, installed: Callable[[str], str | None]
) -> Merged:
    """Lay the lists over each other by normalised name: ``custom`` over the file over what was captured.

    A range becomes a pin: at the version that a lower list pins, if that is in the range, else at the one that is
    installed here. Extras of all lists are kept. Constraints count for packages that are in the result.

    Args:
        captured: Pins of what the code imports and what that requires.
        file: What the user's file lists, if there is one.
        custom: What the lines of ``custom`` list.
        installed: Version that is installed here, by normalised name.

    Raises:
        UsageError: One list contradicts itself (the message names both places), or a wheel has another hash.
    """
    lists = [listed for listed in (file, custom) if listed is not None]
    layers = [(combine(listed.requirements), combine(listed.constraints)) for listed in lists]
    by_name = {pin.name: pin for pin in captured}
    asked = {name for wanted, _ in layers for name in wanted}
    notes = [note for listed in lists for note in listed.notes]
    pins: list[Pin] = []
    wheels: dict[str, Path] = {}
    for name in sorted({*by_name, *asked}):
        stack = [found for wanted, limits in layers if (found := _both(wanted.get(name), limits.get(name)))]
        decision = _Decision(name, by_name.get(name), stack, installed, is_asked_for=name in asked)
        pins.append(decision.pin())
        notes += decision.notes
        wheels |= decision.wheels
    return Merged(
        tuple(pins),
        tuple(notes),
        tuple(dict.fromkeys(option for listed in lists for option in listed.index_options)),
        tuple(dict.fromkeys(place for listed in lists for place in listed.local_links)),
        MappingProxyType(wheels),
        any(listed.require_hashes for listed in lists),
    )


def check_consistent(
    pins: Sequence[Pin], requires: Callable[[str], Sequence[str]], environment: Mapping[str, str]
) -> None:
    """Make sure that no pinned package demands what another pin is not.

    Args:
        pins: The whole list.
        requires: Normalised name -> its ``Requires-Dist`` lines; empty where they are not known, as for a package that
            is pinned at another version than the one installed here.
        environment: Values of markers in the container.

    Raises:
        UsageError: A pin is outside of what another package demands.
    """
    by_name = {pin.name: pin for pin in pins}
    found = [
        f"{by_name[name].requirement} ({by_name[name].reason}) is not what {pin.name} demands ({demand})"
        for pin in pins
        for name, demand in _demands(pin, requires(pin.name), environment)
        if name in by_name and not _fits(by_name[name], demand)
    ]
    if found:
        raise UsageError(
            f"The packages do not fit together: {'; '.join(dict.fromkeys(found))}.",
            remedy="Give one of the two another version in dependencies['custom'] or in the file.",
        )


def _demands(pin: Pin, lines: Sequence[str], environment: Mapping[str, str]) -> list[tuple[str, Requirement]]:
    demands = []
    for line in lines:
        try:
            demand = Requirement(line)
        except InvalidRequirement:
            continue  # metadata of before PEP 508, which pip ignores too
        asked = ("", *_parsed(pin.requirement).extras)
        marker = demand.marker
        if marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in asked):
            demands.append((str(canonicalize_name(demand.name)), demand))
    return demands


def _fits(pin: Pin, demand: Requirement) -> bool:
    return pin.version is None or demand.specifier.contains(pin.version, prereleases=True)


def _both(wanted: Wanted | None, limit: Wanted | None) -> Wanted | None:
    return wanted or limit if wanted is None or limit is None else together(wanted, limit)


@dataclass(slots=True)
class _Decision:
    """About one package.

    Attributes:
        name: Normalised.
        captured: Its pin, if the code needs it.
        stack: What the lists say, the highest last.
        installed: See :func:`merge`.
        is_asked_for: A list names it as a requirement, not as a limit only.
        notes: What came of it.
        wheels: The file to ship, if one was chosen.
    """

    name: str
    captured: Pin | None
    stack: list[Wanted]
    installed: Callable[[str], str | None]
    is_asked_for: bool
    notes: list[str] = field(default_factory=list)
    wheels: dict[str, Path] = field(default_factory=dict)

    def pin(self) -> Pin:
        if not self.stack:
            assert self.captured is not None
            return self.captured
        *lower, top = self.stack
        has = () if self.captured is None else _parsed(self.captured.requirement).extras
        named = with_extras(self.name, {*has, *(extra for wanted in self.stack for extra in wanted.extras)})
        if top.is_direct or top.version is not None:
            chosen = self._exactly(top, named, self._reason(top))
        else:
            chosen = self._below(top, lower, named) or self._of_range(top, named)
        self._note_overruled(chosen, top, lower)
        return chosen

    def _reason(self, top: Wanted, *others: Wanted) -> str:
        places = " and ".join(dict.fromkeys(place for wanted in (top, *others) for place in wanted.origins))
        if not self.is_asked_for:
            assert self.captured is not None
            return f"{self.captured.reason}, held to {top.shown}"
        is_range = not top.is_direct and top.version is None and str(top.specifier)
        return f"given in {places}" + (f" ({top.requirement})" if is_range else "")

    def _exactly(self, wanted: Wanted, named: str, reason: str) -> Pin:
        if wanted.config_settings and wanted.url is None:
            self.notes.append(f"{wanted.shown}: --config-settings is left out; a wheel is installed, nothing is built.")
        hashes = wanted.hashes
        if wanted.wheel is not None:
            hashes = (_checked_hash(wanted),)
            self.wheels[self.name] = wanted.wheel
            reason = f"{reason} ({wanted.wheel.name})"
        return Pin(self.name, wanted.called(named), reason, hashes)

    def _below(self, top: Wanted, lower: list[Wanted], named: str) -> Pin | None:
        """What a lower list says exactly, if ``top`` is a range that has room for it."""
        for below in reversed(lower):
            is_within = self._is_installed_within(top) if below.url is not None else _allows(top, below.version)
            if is_within and (below.is_direct or below.version is not None):
                return self._exactly(below, named, self._reason(top, below))
        pin = self.captured
        if pin is None:
            return None
        url = _parsed(pin.requirement).url
        is_within = self._is_installed_within(top) if url is not None else _allows(top, pin.version)
        if not is_within:
            return None
        text = f"{named} @ {url}" if url is not None else f"{named}=={pin.version}"
        return Pin(self.name, text, self._reason(top) if self.is_asked_for else pin.reason, pin.hashes)

    def _is_installed_within(self, top: Wanted) -> bool:
        return not str(top.specifier) or _allows(top, self.installed(self.name))

    def _of_range(self, top: Wanted, named: str) -> Pin:
        if top.hashes:
            self.notes.append(f"{top.shown}: the hashes are left out; it is not known which version they are of.")
        version = self.installed(self.name)
        if _allows(top, version):
            return Pin(self.name, f"{named}=={version}", self._reason(top))
        here = f"version {version} is installed here" if version is not None else "it is not installed here"
        self.notes.append(f"{top.shown} is no pin, and {here}: which version is installed may change from day to day.")
        return Pin(self.name, f"{named}{top.specifier}", self._reason(top))

    def _note_overruled(self, chosen: Pin, top: Wanted, lower: list[Wanted]) -> None:
        taken = f"{redacted(chosen.requirement)} ({top.place}) is taken"
        for below in lower:
            if not _agrees(chosen, below):
                self.notes.append(f"{taken}, not {below.shown}.")
        pin = self.captured
        if pin is not None and not _is_same(pin, chosen):
            self.notes.append(f"{taken}, not {redacted(pin.requirement)} ({pin.reason}).")


def _allows(wanted: Wanted, version: str | None) -> bool:
    return version is not None and wanted.allows(version)


def _agrees(chosen: Pin, below: Wanted) -> bool:
    if below.url is not None:
        return _parsed(chosen.requirement).url == below.url
    return not str(below.specifier) or _allows(below, chosen.version)


def _is_same(pin: Pin, chosen: Pin) -> bool:
    if pin.version is None or chosen.version is None:
        return _parsed(pin.requirement).url == _parsed(chosen.requirement).url and pin.version == chosen.version
    return SpecifierSet(f"=={chosen.version}").contains(pin.version, prereleases=True)


def _checked_hash(wanted: Wanted) -> str:
    assert wanted.wheel is not None
    digest = wheel_hash(wanted.wheel)
    given = [item for item in wanted.hashes if item.startswith("sha256:")]
    if given and digest not in given:
        raise UsageError(
            f"{wanted.shown}: the file has {digest}, which is not among the hashes there.",
            remedy="Get the right file, or correct the hash.",
        )
    return digest


def _parsed(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return Requirement("_")  # as of lines that pip alone takes: -e git+...#egg=x
