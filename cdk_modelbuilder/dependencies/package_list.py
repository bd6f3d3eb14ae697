"""The list of packages of one bundle: what was found, what the user lists, and what the image brings, made into one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.fit import Fitted, fit, missing_on_target
from cdk_modelbuilder.dependencies.installed import Installed, InstalledDistribution
from cdk_modelbuilder.dependencies.listed import GivenRequirement, Listed
from cdk_modelbuilder.dependencies.merging import Merged, check_consistent, merge
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.selection import Selection, Wishes, select
from cdk_modelbuilder.dependencies.target import Target

_LARGE = frozenset({"jax", "jaxlib", "tensorflow", "torch", "torchaudio", "torchvision"})
"""Gigabytes, and built for the image's own driver: never installed over what an image brings that can do."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is settled before the code runs.

    Attributes:
        options: The user's ``dependencies=``.
        target: The container's Python, and what its image brings.
        aliases: Distribution -> the name it is written down under.
        fixed: Packages that must be at the version that is installed here, because they wrote the model's files.
        file: What the user's file lists, if there is one.
        custom: What the user's lines list.
    """

    options: DependencyOptions
    target: Target
    aliases: Mapping[str, str]
    fixed: tuple[str, ...]
    file: Listed | None
    custom: Listed

    @property
    def listed(self) -> list[GivenRequirement]:
        """Everything that the user lists."""
        return [given for one in (self.custom, self.file) if one is not None for given in one.requirements]

    @property
    def listed_names(self) -> frozenset[str]:
        """Normalised names of what the user lists."""
        return frozenset(given.name for given in self.listed)

    @property
    def exactly_listed(self) -> frozenset[str]:
        """Those for which the user says what exactly is to be installed."""
        return frozenset(given.name for given in self.listed if given.version or given.url or given.wheel)

    @property
    def wishes(self) -> Wishes:
        """What decides the selection besides the code."""
        extras: dict[str, set[str]] = {}
        for given in self.listed:
            extras.setdefault(self.installed_name(given.name), set()).update(given.extras)
        aliases = {name: known for name, known in self.aliases.items() if name not in self.listed_names}
        return Wishes(extras, self.options.exclude, aliases, self.options.local)

    def installed_name(self, name: str) -> str:
        """What a package is installed as here: ``xgboost-cpu`` for ``xgboost``."""
        if Installed.here().get(name) is not None:
            return name
        same = [one for one, known in self.aliases.items() if canonicalize_name(known) == canonicalize_name(name)]
        return next((one for one in same if Installed.here().get(one) is not None), name)

    def installed(self, name: str) -> InstalledDistribution | None:
        """The package as it is installed here."""
        return Installed.here().get(self.installed_name(name))

    def roots(self, found: Mapping[str, str]) -> dict[str, str]:
        """``found`` and what the user lists, as far as it is installed here."""
        roots = dict(found)
        for name in sorted(self.listed_names):
            if self.installed(name) is not None:
                roots.setdefault(self.installed_name(name), "installed here")
        return roots


@dataclass(frozen=True, slots=True)
class PackageList:
    """The list.

    Attributes:
        selection: The packages as they are installed here.
        merged: The user's lists laid over it.
        fitted: The result, fitted to the image.
        notes: What the user should know.
        checked: Whether an index was asked that the container can have every one of them.
        pylock: ``pylock.toml``; None where no index was asked.
        target_only: Package that only the container's Python needs and that is not pinned -> who requires it.
    """

    selection: Selection
    merged: Merged
    fitted: Fitted
    notes: tuple[str, ...] = ()
    checked: bool = False
    pylock: str | None = None
    target_only: Mapping[str, str] = field(default_factory=dict)

    def for_review(self) -> PackageList:
        """The same with reasons that name the user's files and not the lines in them: a diff shows what changes."""

        def reasonable(pins: Sequence[Pin]) -> tuple[Pin, ...]:
            return tuple(replace(pin, reason=_without_lines(pin.reason)) for pin in pins)

        fitted = replace(self.fitted, pins=reasonable(self.fitted.pins), to_install=reasonable(self.fitted.to_install))
        return replace(self, fitted=fitted)

    def without_installs(self) -> PackageList:
        """The same with nothing left to install: where an image is built for another reason."""
        return replace(self, fitted=replace(self.fitted, to_install=()))

    @property
    def wheels(self) -> Mapping[str, Path]:
        """Name -> wheel file of the user's."""
        return self.merged.wheels


def make_list(terms: Terms, found: Mapping[str, str]) -> PackageList:
    """The list for what was found; no index is asked.

    Args:
        terms: See there.
        found: Distribution, as installed -> why it is needed.

    Raises:
        UsageError: The user's lists contradict themselves or each other's demands.
        DependencyError: A package cannot be pinned, or does not run on the container's Python.
    """
    selection = select(terms.roots(found), terms.wishes)
    merged = merge(selection.pins, terms.file, terms.custom, installed=lambda name: _version(terms.installed(name)))
    vendored = {name: one for name, one in selection.vendored.items() if name not in terms.exactly_listed}
    selection = replace(selection, vendored=vendored)
    merged = replace(merged, pins=tuple(pin for pin in merged.pins if pin.name not in vendored))
    fitted = fit(
        merged.pins,
        terms.target,
        versions=terms.options.versions,
        fixed={*terms.fixed, *terms.listed_names},
        kept=_LARGE,
        has_index=any(option.startswith(("--index-url", "--extra-index-url")) for option in merged.index_options),
    )
    fitted = _without_parts_of(_LARGE & fitted.taken.keys(), fitted, selection, terms)
    check_consistent(
        fitted.pins, lambda name: _requirements(terms, name, fitted.pins), terms.target.marker_environment()
    )
    target_only = missing_on_target(fitted.pins, terms.target)
    return PackageList(selection, merged, fitted, merged.notes, target_only=target_only)


def _without_parts_of(taken: AbstractSet[str], fitted: Fitted, selection: Selection, terms: Terms) -> Fitted:
    """The same without what only the packages in ``taken`` require: the image has its own for its own versions."""
    if not taken:
        return fitted
    names = {name: terms.aliases.get(name, name) for name in selection.needed}
    waiting = [name for name, item in selection.needed.items() if not item.reason.startswith("required by ")]
    kept: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += [] if names[name] in taken else selection.needed[name].requires
    known = {names[name] for name in kept} | terms.listed_names

    def of(pins: Sequence[Pin]) -> tuple[Pin, ...]:
        return tuple(pin for pin in pins if pin.name in known)

    differing = {name: version for name, version in fitted.differing.items() if name in known}
    return replace(fitted, pins=of(fitted.pins), to_install=of(fitted.to_install), differing=differing)


def _without_lines(reason: str) -> str:
    """A reason without the places in the user's lists.

    >>> _without_lines("given in requirements.txt, line 2 and requirements.txt, line 5 (numpy>=1)")
    'given in requirements.txt (numpy>=1)'
    >>> _without_lines("given in dependencies['custom'][3]")
    "given in dependencies['custom']"
    """
    text = re.sub(r", line \d+|(?<=\])\[\d+\]", "", reason)
    return re.sub(r"(\S+)(?: and \1)+(?=\s|$)", r"\1", text)


def _version(found: InstalledDistribution | None) -> str | None:
    return None if found is None else found.version


def _requirements(terms: Terms, name: str, pins: Sequence[Pin]) -> list[str]:
    """What a pinned package demands, where that version is the one whose metadata are here."""
    found = terms.installed(name)
    pinned = next((pin.version for pin in pins if pin.name == name), None)
    if found is None or pinned is None or pinned.partition("+")[0] != found.version.partition("+")[0]:
        return []
    return [str(requirement) for requirement in found.requirements]
