"""The packages that a bundle needs, as they are installed here: pins, and source for what no index has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.closure import Needed, closure
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.vendoring import LocalPolicy, Vendored, source_or_commit


@dataclass(frozen=True, slots=True)
class Wishes:
    """What decides the selection besides the code.

    Attributes:
        extras: Distribution -> extras of it that the user lists.
        exclude: Distributions that the user leaves out.
        aliases: Distribution -> the name it is written down under; ``xgboost-cpu`` brings the modules of ``xgboost``.
        local: What to do with packages that were installed from a folder.
    """

    extras: Mapping[str, Collection[str]] = field(default_factory=dict)
    exclude: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    local: LocalPolicy = "vendor"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is needed.

    Attributes:
        needed: Distribution, as installed -> what it is needed for; the pinned ones and the vendored ones.
        pins: What an index or a repository has, sorted by name.
        vendored: Distribution -> its source.
    """

    needed: Mapping[str, Needed]
    pins: tuple[Pin, ...]
    vendored: Mapping[str, Vendored]


def select(roots: Mapping[str, str], wishes: Wishes) -> Selection:
    """``roots`` and everything that they require.

    Args:
        roots: Distribution, as installed -> why it is needed.
        wishes: See there.

    Raises:
        DependencyError: A package is from this machine alone and cannot be shipped.
    """
    needed = closure(roots, Installed.here(), extras=wishes.extras, exclude=wishes.exclude)
    aliases = {str(canonicalize_name(name)): str(canonicalize_name(known)) for name, known in wishes.aliases.items()}
    pins: dict[str, Pin] = {}
    vendored: dict[str, Vendored] = {}
    for name, item in needed.items():
        known_as = aliases.get(name, name)
        reason = item.reason
        for installed_as, alias in aliases.items():
            reason = reason.replace(f"required by {installed_as}", f"required by {alias}")
        if item.distribution.origin.kind == "index":
            pins.setdefault(known_as, Pin(known_as, f"{known_as}=={item.distribution.version}", reason))
            continue
        found = source_or_commit(item.distribution, wishes.local)
        if isinstance(found, Vendored):
            vendored[name] = found
        else:
            pins[known_as] = Pin(known_as, found, reason)
    return Selection(needed, tuple(pins[name] for name in sorted(pins)), vendored)
