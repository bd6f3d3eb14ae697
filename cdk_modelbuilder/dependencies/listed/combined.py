"""One list with one entry a package: lines about the same package are put together, or contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from cdk_modelbuilder.dependencies.listed.reference import redacted
from cdk_modelbuilder.dependencies.listed.requirement import (
    GivenRequirement,
    pinned_version,
    pinning_clause,
    with_extras,
)
from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one list says about one package.

    Attributes:
        name: Normalised distribution name.
        specifier: All ranges together.
        extras: All extras together, sorted.
        url: An address; then ``specifier`` is empty.
        wheel: A wheel file on this machine; then ``specifier`` pins its version.
        hashes: Of the files that may be installed.
        origins: Every place that says so.
        config_settings: For a build from source.
    """

    name: str
    specifier: SpecifierSet
    extras: tuple[str, ...]
    url: str | None
    wheel: Path | None
    hashes: tuple[str, ...]
    origins: tuple[str, ...]
    config_settings: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """As pip takes it.

        >>> Wanted("x", SpecifierSet(">=1"), ("full",), None, None, (), ()).requirement
        'x[full]>=1'
        """
        return self.called(with_extras(self.name, self.extras))

    def called(self, named: str) -> str:
        """The requirement with another name or other extras before it; just the pin, where there is one."""
        if self.url is not None:
            return f"{named} @ {self.url}"
        return f"{named}{pinning_clause(self.specifier) or self.specifier}"

    @property
    def version(self) -> str | None:
        """The one version that it allows, or None."""
        return pinned_version(self.specifier)

    @property
    def place(self) -> str:
        """Every place that says so, in words.

        >>> Wanted("x", SpecifierSet(), (), None, None, (), ("a.txt, line 1", "a.txt, line 7")).place
        'a.txt, line 1 and a.txt, line 7'
        """
        return " and ".join(self.origins)

    @property
    def shown(self) -> str:
        """The requirement and its places, for a message."""
        text = self.requirement if self.wheel is None else self.wheel.name
        return f"{redacted(text)} ({self.place})"

    @property
    def is_direct(self) -> bool:
        """Whether it says where the package comes from: an address, or a file."""
        return self.url is not None or self.wheel is not None

    def allows(self, version: str) -> bool:
        """Whether ``version`` is in the range; for an address, which has none, that is not known and True."""
        return self.specifier.contains(version, prereleases=True)


def combine(requirements: Iterable[GivenRequirement]) -> dict[str, Wanted]:
    """Name -> everything that the list says about it.

    Raises:
        UsageError: Two lines contradict each other; the message names both.
    """
    found: dict[str, Wanted] = {}
    for given in requirements:
        new = Wanted(
            given.name,
            given.specifier,
            given.extras,
            given.url,
            given.wheel,
            given.hashes,
            (given.origin,),
            given.config_settings,
        )
        found[given.name] = together(found[given.name], new) if given.name in found else new
    return found


def together(one: Wanted, other: Wanted) -> Wanted:
    """Both at once.

    Raises:
        UsageError: No version fits both, or they say different things about where it comes from.
    """
    specifier = one.specifier & other.specifier
    addresses = {address for address in (one.url, other.url) if address is not None}
    wheels = {wheel for wheel in (one.wheel, other.wheel) if wheel is not None}
    if len(addresses) + len(wheels) > 1 or (addresses and str(specifier)):
        raise _contradiction(one, other)
    version = pinned_version(specifier)
    if specifier.is_unsatisfiable() or (version is not None and not specifier.contains(version, prereleases=True)):
        raise _contradiction(one, other)
    hashes = set(one.hashes) & set(other.hashes) if one.hashes and other.hashes else {*one.hashes, *other.hashes}
    if not hashes and (one.hashes or other.hashes):
        raise UsageError(
            f"{one.shown} and {other.shown} have no hash in common, so no file fits both.",
            remedy="Take the hashes of one of the two lines.",
        )
    return Wanted(
        one.name,
        specifier,
        tuple(sorted({*one.extras, *other.extras})),
        next(iter(addresses), None),
        next(iter(wheels), None),
        tuple(sorted(hashes)),
        tuple(dict.fromkeys((*one.origins, *other.origins))),
        tuple(dict.fromkeys((*one.config_settings, *other.config_settings))),
    )


def _contradiction(one: Wanted, other: Wanted) -> UsageError:
    return UsageError(
        f"{one.shown} and {other.shown} contradict each other.", remedy="Change or take out one of the two lines."
    )
