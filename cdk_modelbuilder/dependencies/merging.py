"""What was captured, what a file lists and what ``custom`` says, laid over each other: one pin a package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed import Listed
from cdk_modelbuilder.dependencies.listed.combined import Wanted, combine, together
from cdk_modelbuilder.dependencies.listed.decision import Decision, parsed
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
        decision = Decision(name, by_name.get(name), stack, installed, is_asked_for=name in asked)
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
            asked = ("", *parsed(pin.requirement).extras)
            marker = demand.marker
            holds = marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in asked)
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue  # metadata of before PEP 508, which pip ignores too
        if holds:
            demands.append((str(canonicalize_name(demand.name)), demand))
    return demands


def _fits(pin: Pin, demand: Requirement) -> bool:
    return pin.version is None or demand.specifier.contains(pin.version, prereleases=True)


def _both(wanted: Wanted | None, limit: Wanted | None) -> Wanted | None:
    return wanted or limit if wanted is None or limit is None else together(wanted, limit)
