"""One package, and what several lists say about it: which of them counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from cdk_modelbuilder.dependencies.listed.combined import Wanted
from cdk_modelbuilder.dependencies.listed.reference import redacted
from cdk_modelbuilder.dependencies.listed.requirement import with_extras
from cdk_modelbuilder.dependencies.listed.wheel_file import wheel_hash
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import UsageError


@dataclass(slots=True)
class Decision:
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
        """The pin that comes of it.

        Raises:
            UsageError: A wheel has another hash than the list says.
        """
        if not self.stack:
            assert self.captured is not None
            return self.captured
        *lower, top = self.stack
        has = () if self.captured is None else parsed(self.captured.requirement).extras
        named = with_extras(self.name, {*has, *(extra for wanted in self.stack for extra in wanted.extras)})
        if top.is_direct or top.version is not None:
            chosen = self._with_hashes(self._exactly(top, named, self._reason(top)), lower)
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
        if wanted.config_settings:
            self.notes.append(
                f"{wanted.shown}: --config-settings is left out; if it matters, build a wheel and list its path."
            )
        hashes = wanted.hashes
        if wanted.wheel is not None:
            hashes = (_checked_hash(wanted),)
            self.wheels[self.name] = wanted.wheel
            reason = f"{reason} ({wanted.wheel.name})"
        return Pin(self.name, wanted.called(named), reason, hashes)

    def _with_hashes(self, chosen: Pin, lower: list[Wanted]) -> Pin:
        """``chosen`` with the hashes that a lower list has for just that version or address."""
        if chosen.hashes:
            return chosen
        same = [
            (wanted.hashes, wanted.is_direct or wanted.version is not None)
            for wanted in lower
            if _agrees(chosen, wanted)
        ]
        hashes = next((found for found, is_exact in reversed(same) if found and is_exact), ())
        if not hashes and self.captured is not None and _is_same(self.captured, chosen):
            hashes = self.captured.hashes
        return replace(chosen, hashes=hashes)

    def _below(self, top: Wanted, lower: list[Wanted], named: str) -> Pin | None:
        """What a lower list says exactly, if ``top`` is a range that has room for it."""
        for below in reversed(lower):
            is_within = self._is_installed_within(top) if below.url is not None else _allows(top, below.version)
            if is_within and (below.is_direct or below.version is not None):
                return self._exactly(below, named, self._reason(top, below))
        pin = self.captured
        if pin is None:
            return None
        url = parsed(pin.requirement).url
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
        return parsed(chosen.requirement).url == below.url
    return not str(below.specifier) or _allows(below, chosen.version)


def _is_same(pin: Pin, chosen: Pin) -> bool:
    if pin.version is None or chosen.version is None:
        return parsed(pin.requirement).url == parsed(chosen.requirement).url and pin.version == chosen.version
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


def parsed(line: str) -> Requirement:
    """The requirement of a pin; one without extras and versions for a line that only pip takes."""
    try:
        return Requirement(line)
    except InvalidRequirement:
        return Requirement("_")
