"""From imported modules to pinned distributions, read from the running environment's metadata. No subprocess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import UsageError

_COMMENT = re.compile(r"(^|\s+)#.*$")  # as pip has it: "#egg=" is none
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*)")


@cache
def _providers() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def distributions_of(modules: Iterable[str]) -> dict[str, str]:
    """Distribution (normalised) -> module, for those of ``modules`` that an installed distribution provides."""
    found: dict[str, str] = {}
    for module in sorted(set(modules)):
        for name in sorted(set(_providers().get(module.partition(".")[0], ()))):
            found.setdefault(canonicalize_name(name), module)
    return found


def pin_closure(roots: Mapping[str, str], aliases: Mapping[str, str]) -> list[Pin]:
    """Pins for ``roots`` and everything that they require, at the versions installed here, sorted by name.

    Args:
        roots: Distribution -> why it is needed.
        aliases: Distribution -> the name it is written down under; ``xgboost-cpu`` brings the modules of ``xgboost``.
    """
    pins: dict[str, Pin] = {}
    followed: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), "", reason) for name, reason in sorted(roots.items())]
    while waiting:
        name, extra, reason = waiting.pop(0)
        known_as = canonicalize_name(aliases.get(name, name))
        if (known_as, extra) in followed:
            continue
        followed.add((known_as, extra))
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an optional part that is not installed here, so the model did not need it
        version = distribution.version.partition("+")[0]  # local versions such as +cpu are on no index
        pins.setdefault(known_as, Pin(known_as, f"{known_as}=={version}", reason))
        waiting += [(required, its, f"required by {known_as}") for required, its in _requirements(distribution, extra)]
    return [pins[name] for name in sorted(pins)]


def merge_custom(pins: Iterable[Pin], custom: Iterable[str], source: str) -> list[Pin]:
    """``pins`` with the user's own requirement lines laid over them, sorted by name.

    Raises:
        UsageError: A line is not a requirement.
    """
    merged = {pin.name: pin for pin in pins}
    for line in custom:
        text = _COMMENT.sub("", line).strip()
        if not text:
            continue
        try:
            name = canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            egg = _EGG.search(text)
            if egg is None or not text.startswith(("-e ", "git+", "--editable ")):
                raise UsageError(
                    f"{source}: {line!r} is not a requirement.",
                    remedy="Write it as pip takes it, such as 'numpy==2.1.0' or 'name @ git+https://...@commit'.",
                ) from None
            name = canonicalize_name(egg[1])
        merged[name] = Pin(name, text, f"given in {source}")
    return [merged[name] for name in sorted(merged)]


def _requirements(distribution: metadata.Distribution, extra: str) -> list[tuple[NormalizedName, str]]:
    """``(distribution, extra)`` that this one requires under one of its extras, or under none (``""``)."""
    environment = {**{key: str(value) for key, value in default_environment().items()}, "extra": extra}
    needed: list[tuple[NormalizedName, str]] = []
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # metadata of before PEP 508, which pip ignores too
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            needed += [(name, its) for its in ("", *sorted(requirement.extras))]
    return sorted(needed)
