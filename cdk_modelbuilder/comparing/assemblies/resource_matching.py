"""Which resource of the old template is which of the new one, also where it has another logical id.

Our constructs name some resources by their content (``Access<hash>``), and moving a construct renames all below it. So
resources that are left over are paired by their construct's path and by how alike they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Resource
from cdk_modelbuilder.comparing.assemblies.intrinsics import plain, readable
from cdk_modelbuilder.comparing.json_data import canonical, leaves

ALIKE_ENOUGH: Final = 0.8
"""Share of what two resources say that they must have in common to be one that was renamed."""
_SAME_PATH: Final = 3
_MOST_PAIRS: Final = 20_000
"""Beyond so many candidates of one type only construct paths and names are looked at."""

DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_CDK_HASH: Final = re.compile(r"[0-9A-F]{8}$")
_CONTENT_HASH: Final = re.compile(r"[0-9a-f]{8}$")


class Pair(NamedTuple):
    """One resource before and after; one of them is None if it is new, or removed."""

    old: Resource | None
    new: Resource | None

    @property
    def either(self) -> Resource:
        """The new one, or the old one where there is no new one."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found


def pair_resources(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> list[Pair]:
    """Every resource of both templates, once, sorted by logical id."""
    pairs = [Pair(old[name], new[name]) for name in old.keys() & new.keys() if old[name].type == new[name].type]
    left = {name: old[name] for name in old if name not in new or new[name].type != old[name].type}
    right = {name: new[name] for name in new if name not in old or new[name].type != old[name].type}
    for before, after in _alike(left, right):
        pairs.append(Pair(left.pop(before), right.pop(after)))
    pairs += [Pair(resource, None) for resource in left.values()]
    pairs += [Pair(None, resource) for resource in right.values()]
    return sorted(pairs, key=lambda pair: (pair.either.logical_id, pair.new is None))


def stem(logical_id: str) -> str:
    """A logical id without the hashes at its end: the CDK's own, and that of a content."""
    return _CONTENT_HASH.sub("", _CDK_HASH.sub("", logical_id))


def _alike(left: Mapping[str, Resource], right: Mapping[str, Resource]) -> list[tuple[str, str]]:
    """The best pairs of equal type; whichever side is called old, they are the same."""
    types = Counter(resource.type for resource in left.values())
    scored: list[tuple[float, tuple[str, ...], str, str]] = []
    profiles = {id(resource): _profile(resource) for resource in (*left.values(), *right.values())}
    for before, old in left.items():
        others = [name for name, new in right.items() if new.type == old.type]
        cheap = types[old.type] * len(others) > _MOST_PAIRS
        for after in others:
            new = right[after]
            score = _names_alike(old, new)
            if score < _SAME_PATH and not cheap:
                score += _overlap(profiles[id(old)], profiles[id(new)])
            if score >= ALIKE_ENOUGH:
                scored.append((-score, tuple(sorted((before, after))), before, after))
    chosen: list[tuple[str, str]] = []
    taken: set[tuple[int, str]] = set()
    for _, _, before, after in sorted(scored):
        if (0, before) not in taken and (1, after) not in taken:
            taken |= {(0, before), (1, after)}
            chosen.append((before, after))
    return chosen


def _names_alike(old: Resource, new: Resource) -> float:
    if old.path and old.path == new.path:
        return _SAME_PATH
    return 1 if stem(old.logical_id) == stem(new.logical_id) else 0  # content tells several of one stem apart


def _profile(resource: Resource) -> Counter[str]:
    """What a resource says, without digests: another artifact of the same place is the same."""
    found: Counter[str] = Counter()
    for path, value in leaves(plain(readable(resource.properties))):
        for entry in value if isinstance(value, list) else (value,):
            found[DIGEST.sub("<digest>", f"{path}={canonical(entry)}")] += 1
    return found


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    """The share of what both say; two that say nothing are not alike for that."""
    total = (one | other).total()
    return (one & other).total() / total if total else 0
