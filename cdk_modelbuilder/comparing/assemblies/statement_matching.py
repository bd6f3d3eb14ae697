"""Which statement of an old policy document is which of the new one, and which resources only became others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from cdk_modelbuilder.comparing.assemblies.policies import Statement, without_digest


def moved_resources(old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    """Resources that became others which differ in a digest alone, one for one."""
    gone: dict[str, list[str]] = defaultdict(list)
    for text in sorted(set(old) - set(new)):
        gone[without_digest(text)].append(text)
    moved: dict[str, str] = {}
    for text in sorted(set(new) - set(old)):
        place = without_digest(text)
        if place != text and gone[place]:
            moved[gone[place].pop(0)] = text
    return moved


def pair_statements(
    old: Sequence[Statement], new: Sequence[Statement]
) -> list[tuple[Statement | None, Statement | None]]:
    """By content, then by name, then the likest first; the rest is new, or removed."""
    left, right = list(old), list(new)
    pairs: list[tuple[Statement | None, Statement | None]] = []
    for alike in (_says_the_same, _is_called_the_same, _is_like):
        candidates = [(-_likeness(one, other), i, j) for i, one in enumerate(left) for j, other in enumerate(right)
                      if alike(one, other)]  # fmt: skip
        taken: set[tuple[int, int]] = set()
        for _, i, j in sorted(candidates):
            if (0, i) not in taken and (1, j) not in taken:
                taken |= {(0, i), (1, j)}
                pairs.append((left[i], right[j]))
        left = [one for i, one in enumerate(left) if (0, i) not in taken]
        right = [one for j, one in enumerate(right) if (1, j) not in taken]
    pairs += [(one, None) for one in left]
    pairs += [(None, one) for one in right]
    return pairs


def _says_the_same(one: Statement, other: Statement) -> bool:
    return one.content == other.content


def _is_called_the_same(one: Statement, other: Statement) -> bool:
    return bool(one.sid) and one.sid == other.sid


def _is_like(one: Statement, other: Statement) -> bool:
    return one.allows == other.allows and _likeness(one, other) >= 0.5


def _likeness(one: Statement, other: Statement) -> float:
    shares = []
    for mine, theirs in ((one.actions, other.actions), (one.resources, other.resources)):
        both = {without_digest(text) for text in mine}, {without_digest(text) for text in theirs}
        shares.append(len(both[0] & both[1]) / max(len(both[0] | both[1]), 1))
    return max(shares) * 0.6 + min(shares) * 0.4
