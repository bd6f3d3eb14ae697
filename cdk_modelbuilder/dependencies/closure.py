"""From the packages that are needed to all that these require, at the versions installed here."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packaging.markers import default_environment
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.installed import Installed, InstalledDistribution


@dataclass(frozen=True, slots=True)
class Needed:
    """One package of the closure.

    Attributes:
        distribution: As it is installed.
        reason: Why it is needed.
        requires: Names, as installed, of what it requires and what is installed here, sorted.
    """

    distribution: InstalledDistribution
    reason: str
    requires: tuple[str, ...]


def closure(
    roots: Mapping[str, str],
    installed: Installed,
    *,
    extras: Mapping[str, Collection[str]] | None = None,
    exclude: Collection[str] = (),
) -> dict[str, Needed]:
    """Distribution, as installed -> why it is needed, for ``roots`` and everything that they require.

    An optional requirement that is not installed here is passed over: the model did not need it.

    Args:
        roots: Distribution -> why it is needed.
        installed: What is installed here.
        extras: Distribution -> extras of it that were asked for.
        exclude: Distributions to leave out, with what only they require.

    >>> closure({"scikit-learn": "the model's framework"}, Installed.here())["scipy"].reason
    'required by scikit-learn'
    """
    environment = {key: str(value) for key, value in default_environment().items()}
    left_out = {canonicalize_name(name) for name in exclude}
    reasons: dict[str, str] = {}
    requires: dict[str, set[str]] = {}
    followed: set[tuple[str, str]] = set()
    asked = {canonicalize_name(name): sorted(found) for name, found in (extras or {}).items()}
    waiting = deque(
        (canonicalize_name(name), extra, reason)
        for name, reason in sorted(roots.items())
        for extra in ("", *asked.get(canonicalize_name(name), ()))
    )
    while waiting:
        name, extra, reason = waiting.popleft()
        if (name, extra) in followed or name in left_out or installed.get(name) is None:
            continue
        followed.add((name, extra))
        reasons.setdefault(name, reason)
        for required, its in installed.required(name, extra, environment):
            if required not in left_out and installed.get(required) is not None and required != name:
                requires.setdefault(name, set()).add(required)
            waiting.append((required, its, f"required by {name}"))
    return {name: _needed(name, reasons[name], requires, installed) for name in sorted(reasons)}


def _needed(name: str, reason: str, requires: Mapping[str, set[str]], installed: Installed) -> Needed:
    distribution = installed.get(name)
    assert distribution is not None
    return Needed(distribution, reason, tuple(sorted(requires.get(name, ()))))
