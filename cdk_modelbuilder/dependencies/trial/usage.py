"""Which of the installed packages the model used: loaded, or required by one that was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def unused_packages(
    listed: Mapping[str, frozenset[str]],
    installed: Mapping[str, Mapping[str, Any]],
    marker_environment: Mapping[str, str],
    *,
    others: Collection[str] = (),
) -> tuple[str, ...]:
    """Packages of the list that were neither loaded nor are required, directly or not, by one that was.

    Args:
        listed: Normalised name -> extras that the list asks for.
        installed: What the child found: name -> version, requires, used.
        marker_environment: For markers of requirements.
        others: Packages that something else than the model uses, such as the server of its image.
    """
    by_name: dict[str, Mapping[str, Any]] = {canonicalize_name(name): facts for name, facts in installed.items()}
    waiting: list[tuple[str, frozenset[str]]] = [
        (name, listed.get(name, frozenset())) for name, facts in by_name.items() if facts["used"] or name in others
    ]
    needed: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        needed.add(name)
        if (name, extras) in seen or name not in by_name:
            continue
        seen.add((name, extras))
        waiting += _required(by_name[name]["requires"], extras, marker_environment)
    return tuple(sorted(name for name in listed if name in by_name and name not in needed))


def _required(
    lines: Iterable[str], extras: frozenset[str], marker_environment: Mapping[str, str]
) -> list[tuple[str, frozenset[str]]]:
    found: list[tuple[str, frozenset[str]]] = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # metadata of before PEP 508, which pip ignores too
        holds = requirement.marker is None or any(
            requirement.marker.evaluate({**marker_environment, "extra": extra}) for extra in ("", *sorted(extras))
        )
        if holds:
            found.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found
