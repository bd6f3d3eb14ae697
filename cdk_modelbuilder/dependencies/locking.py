"""Asks the package index whether the pins are to be had for the container's Python and platform, and locks them.

What is installed here proves nothing about a container with another Python: a package may have no file for it, or
need another one there. uv answers both without that Python being here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.index_options import check_index_options
from cdk_modelbuilder.dependencies.lock_failures import failure, without_wheels
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pylock_text import file_hashes, without_local_facts
from cdk_modelbuilder.dependencies.resolution import as_requirement, resolve, who_requires
from cdk_modelbuilder.dependencies.target import Target


@dataclass(frozen=True, slots=True)
class Locked:
    """What a lock is made of.

    Attributes:
        pins: Every package that the container needs, sorted by name; each from an index with its exact version.
        pylock: The same as PEP 751 has it, for ``pylock.toml``.
        notes: What the user should know.
    """

    pins: tuple[Pin, ...]
    pylock: str
    notes: tuple[str, ...] = ()


def lock(
    pins: Iterable[Pin],
    target: Target,
    *,
    index_options: Sequence[str] = (),
    local_links: Sequence[Path] = (),
    needs_hashes: bool = False,
    may_build: bool = False,
) -> Locked:
    """Resolve ``pins`` for ``target`` with the index that the user has configured.

    Args:
        pins: The packages as captured or given. Versions are kept as they are.
        target: The container's interpreter.
        index_options: Options of pip that say where packages come from.
        local_links: Folders of this machine that hold wheels.
        needs_hashes: Put the digests of the files that fit into the pins; they are in ``pylock`` always.
        may_build: Take pins that the index has in source only: a wheelhouse builds them.

    Raises:
        ToolMissingError: uv is not installed.
        IndexUnreachableError: The index does not answer, so nothing is known.
        DependencyError: A package has no file for that Python and platform, or pins contradict each other.
        UsageError: An index option holds a password, or is none.
    """
    check_index_options(index_options)
    options = [*index_options, *(f"--find-links {place.absolute()}" for place in local_links)]
    wanted = {pin.name: pin for pin in sorted(pins, key=lambda pin: pin.name)}
    if not wanted:
        return Locked((), _EMPTY_PYLOCK.format(python=target.python))
    lines = {name: as_requirement(pin) for name, pin in wanted.items()}
    resolved = resolve(lines, target, options)
    if resolved.returncode != 0 and may_build:
        sources = without_wheels(resolved.stderr, list(wanted.values()), target, options)
        resolved = resolve(lines, target, options, sources=sources) if sources else resolved
    if resolved.returncode != 0:
        raise failure(resolved.stderr, list(wanted.values()), target, options)
    text = without_local_facts(resolved.stdout, target)
    packages = {str(canonicalize_name(one["name"])): one for one in tomllib.loads(text).get("packages", [])}
    added = sorted(packages.keys() - wanted.keys())
    notes = [_left_out(wanted[name], target) for name in sorted(wanted.keys() - packages.keys())]
    found = [_locked_pin(wanted[name], packages[name], target, notes) for name in wanted if name in packages]
    if added:
        parents = who_requires(packages, {pin.name: as_requirement(pin) for pin in found}, target, options)
        for name in added:
            by = ", ".join(parents.get(name, ())) or "another package"
            reason = f"required by {by} on Python {target.python}"
            found.append(Pin(name, f"{name}=={packages[name]['version']}", reason))
    if needs_hashes:
        found = [replace(pin, hashes=file_hashes(packages[pin.name]) or pin.hashes) for pin in found]
    return Locked(tuple(sorted(found, key=lambda pin: pin.name)), text, tuple(notes))


_EMPTY_PYLOCK = 'lock-version = "1.0"\ncreated-by = "cdk-modelbuilder"\nrequires-python = ">={python}"\npackages = []\n'


def _locked_pin(pin: Pin, package: dict[str, Any], target: Target, notes: list[str]) -> Pin:
    """``pin`` with the version that was found, if it left that open."""
    try:
        given = Requirement(pin.requirement)
    except InvalidRequirement:
        return pin
    if given.url is not None or pin.version is not None or "version" not in package:
        return pin
    extras = f"[{','.join(sorted(given.extras))}]" if given.extras else ""
    exact = f"{pin.name}{extras}=={package['version']}"
    if given.specifier and not any(one.operator in ("==", "===") and "*" not in one.version for one in given.specifier):
        notes.append(
            f"{pin.requirement} ({pin.reason}) leaves the version open; {package['version']} is the newest that fits "
            f"Python {target.python} now. Pin it to get the same bundle another day."
        )
    return replace(pin, requirement=exact)


def _left_out(pin: Pin, target: Target) -> str:
    return f"{pin.requirement} ({pin.reason}) is left out: its marker does not hold on Python {target.python}, Linux."
