"""Which packages the container's image brings already, which it has to install, and what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import DependencyError

VersionPolicy = Literal["installed", "image"]
"""Where an image brings another version than is installed here: install this one over it, or take the image's."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Pins, fitted to an image.

    Attributes:
        pins: Every package that is needed, at the version that will be there.
        to_install: Those that the container has to install.
        differing: Package that is installed over another version -> the image's version.
        taken: Package whose version is the image's instead of the one that is installed here -> the one here.
    """

    pins: tuple[Pin, ...]
    to_install: tuple[Pin, ...]
    differing: Mapping[str, str]
    taken: Mapping[str, str]


def fit(
    pins: Sequence[Pin],
    target: Target,
    *,
    versions: VersionPolicy = "installed",
    fixed: Collection[str] = (),
    kept: Collection[str] = (),
    has_index: bool = False,
) -> Fitted:
    """``pins`` for an image.

    Args:
        pins: Every package that is needed.
        target: The image.
        versions: What to do where versions differ.
        fixed: Packages whose version is not up for choice: the user's, and those that wrote the model's files.
        kept: Packages of which the image's version is taken wherever it has one that suits the others, whatever
            ``versions`` says.
        has_index: Whether the user names an index; else a local version such as ``2.1.0+cu121`` is on none.

    Raises:
        DependencyError: A package has a local version that is on no public index, or one that does not run on the
            container's Python.
    """
    fitted: list[Pin] = []
    to_install: list[Pin] = []
    differing: dict[str, str] = {}
    taken: dict[str, str] = {}
    for pin in pins:
        inside, here = target.provides.get(pin.name), pin.version
        if here is not None and inside is not None and _is_same(here, inside):
            fitted.append(replace(pin, requirement=f"{pin.name}=={_public(here)}"))
            continue
        by_choice = (versions == "image" or pin.name in kept) and pin.name not in fixed and here is not None
        if by_choice and inside is not None and _suits(inside, pin.name, pins):
            taken[pin.name] = str(here)
            fitted.append(replace(pin, requirement=f"{pin.name}=={inside}", hashes=()))
            continue
        if inside is not None and here is not None:
            differing[pin.name] = inside
        _check_label(pin, has_index=has_index)
        _check_python(pin, target)
        fitted.append(pin)
        to_install.append(pin)
    return Fitted(tuple(fitted), tuple(to_install), differing, taken)


def _public(version: str) -> str:
    return version.partition("+")[0]


def _is_same(here: str, inside: str) -> bool:
    try:
        return Version(_public(here)) == Version(_public(inside))
    except InvalidVersion:
        return here == inside


def _suits(version: str, name: str, pins: Sequence[Pin]) -> bool:
    """Whether the other packages, as they are installed here, accept this version."""
    installed = Installed.here()
    for pin in pins:
        user = installed.get(pin.name)
        for requirement in () if user is None else user.requirements:
            is_about_it = requirement.marker is None and canonicalize_name(requirement.name) == name
            if is_about_it and not requirement.specifier.contains(version, prereleases=True):
                return False
    return True


def _check_label(pin: Pin, *, has_index: bool) -> None:
    version = pin.version
    if version is None or "+" not in version or has_index:
        return
    public = _public(version)
    raise DependencyError(
        f"{pin.name} {version} is installed here ({pin.reason}): a local version, which no public index has.",
        remedy="Name the index that has it in a requirements file (--extra-index-url https://...), or take the public "
        f"version: dependencies={{'custom': ['{pin.name}=={public}']}}.",
    )


def _check_python(pin: Pin, target: Target) -> None:
    """What the package installed here says about Python, where its version is the pinned one."""
    found = Installed.here().get(pin.name)
    if found is None or found.version != pin.version or found.requires_python is None:
        return
    if not SpecifierSet(found.requires_python).contains(f"{target.python}.99", prereleases=True):
        raise DependencyError(
            f"{pin.requirement} ({pin.reason}) needs Python {found.requires_python}, and {target.image} has Python "
            f"{target.python}.",
            remedy=f"Name an older version in dependencies={{'custom': ['{pin.name}==...']}}, or choose an image whose "
            "Python is newer.",
        )


def missing_on_target(pins: Sequence[Pin], target: Target) -> dict[str, str]:
    """Package that only the container's Python or platform needs, and no pin covers -> who requires it."""
    installed, names = Installed.here(), {pin.name for pin in pins}
    environment = target.marker_environment()
    found: dict[str, str] = {}
    for pin in pins:
        user = installed.get(pin.name)
        for requirement in () if user is None else user.requirements:
            name = canonicalize_name(requirement.name)
            is_needed = requirement.marker is not None and requirement.marker.evaluate(environment)
            if is_needed and name not in names and name not in target.provides:
                found.setdefault(name, pin.name)
    return found
