"""``requirements.lock`` package by package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.comparing.json_data import differences
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Section, section_of
from cdk_modelbuilder.comparing.wording import quoted

_HASH = re.compile(r"\s--hash[= ](\S+)")
_EGG = re.compile(r"#(?:[^#]*&)?egg=([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock.

    Attributes:
        name: As it is written there.
        wanted: The version, or what stands for it: an address, a range.
        reason: Why it is there; empty if the lock does not say.
        hashes: Of its files, if the lock has any.
    """

    name: str
    wanted: str
    reason: str = ""
    hashes: tuple[str, ...] = field(default=())


def read_lock(text: str) -> dict[str, Locked]:
    """Normalized name -> package. A line that is no requirement counts as a package called by the line."""
    found: dict[str, Locked] = {}
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        locked = _read_line(stripped)
        key = str(canonicalize_name(locked.name))
        while key in found:  # one package twice, for two platforms
            key += " again"
        found[key] = locked
    return found


def dependency_section(old: str, new: str) -> list[Section]:
    """What changes between two locks."""
    return section_of(Facet.DEPENDENCIES, "Dependencies", Group("", tuple(_packages(old, new)), as_table=True))


def is_major(old: str, new: str) -> bool:
    """Whether callers of a package have to expect other behaviour: another first number, or an older version."""
    try:
        before, after = Version(old), Version(new)
    except InvalidVersion:
        return False
    return before.epoch != after.epoch or before.major != after.major or after < before


def _packages(old: str, new: str) -> Iterator[Change]:
    before, after = read_lock(old), read_lock(new)
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if one is None or other is None:
            there = one or other
            assert there is not None
            old_new = (ABSENT, there.wanted) if one is None else (there.wanted, ABSENT)
            yield Change(quoted(there.name), old_new[0], old_new[1], note=quoted(there.reason) if there.reason else "")
        elif one.wanted != other.wanted:
            yield Change(quoted(other.name), one.wanted, other.wanted, *_judged(one, other))
        else:
            for difference in differences(_facts(one), _facts(other)):
                yield Change(f"{quoted(other.name)}: {difference.path[0]}", difference.old, difference.new)
    if old != new and before == after:
        lines = [sorted(text.splitlines()) for text in (old, new)]
        removed, added = ([line for line in lines[i] if line not in lines[1 - i]] for i in (0, 1))
        yield Change("comments", "\n".join(removed) or ABSENT, "\n".join(added) or ABSENT, note="no package changes")


def _facts(locked: Locked) -> dict[str, Any]:
    return {"name": locked.name, "reason": locked.reason, "hash": list(locked.hashes)}


def _judged(old: Locked, new: Locked) -> tuple[tuple[Mark, ...], str]:
    notes = []
    try:
        is_older = Version(new.wanted) < Version(old.wanted)
    except InvalidVersion:
        is_older = False
    if is_older:
        notes.append("older than before")
    if new.reason:
        notes.append(quoted(new.reason))
    return (Mark.MAJOR,) if is_major(old.wanted, new.wanted) else (), "; ".join(notes)


def _read_line(line: str) -> Locked:
    hashes = tuple(sorted(_HASH.findall(line)))
    line = _HASH.sub("", line)
    requirement, _, reason = line.partition(" #")
    requirement, reason = requirement.strip(), reason.strip()
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        egg = _EGG.search(requirement)
        return Locked(egg.group(1) if egg else requirement, requirement, reason, hashes)
    pins = [item.version for item in parsed.specifier if item.operator in ("==", "===")]
    wanted = parsed.url or (pins[0] if len(parsed.specifier) == 1 and pins else str(parsed.specifier) or "any version")
    if parsed.extras:
        wanted += f" with {', '.join(sorted(parsed.extras))}"
    if parsed.marker is not None:
        wanted += f" where {parsed.marker}"
    return Locked(parsed.name, wanted, reason, hashes)
