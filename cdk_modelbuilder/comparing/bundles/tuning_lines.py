"""``tuning.json``: which serving properties were measured to be better, on what, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.report import ABSENT, Change
from cdk_modelbuilder.comparing.wording import quoted

_FACTS: Final = (
    ("tuned for", "goal"),
    ("tuned on", "machine"),
    ("times as good as the bundle's own", "gain"),
)


def tuning_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What changes in what matching instances are told beside the container spec.

    Args:
        old: The file before; empty if there was none.
        new: The file after.
    """
    before, after = _variables(old), _variables(new)
    for name in sorted(before.keys() | after.keys()):
        was, is_now = (_text(one[name]) if name in one else ABSENT for one in (before, after))
        if was != is_now:
            yield Change(f"tuned variable {quoted(name)}", was, is_now, place=f"tuning.environment.{name}")
    facts_before, facts_after = _facts(old), _facts(new)
    for words, name in _FACTS:
        if facts_before[name] != facts_after[name]:
            yield Change(words, facts_before[name], facts_after[name], place=f"tuning.{name}")


def _variables(tuning: Mapping[str, Any]) -> Mapping[str, Any]:
    found = tuning.get("environment")
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> Any:
    return "taken away" if value is None else value


def _facts(tuning: Mapping[str, Any]) -> dict[str, Any]:
    objective, machine, gain = (tuning.get(name) for name in ("objective", "hardware", "gain"))
    found: dict[str, Any] = dict.fromkeys((name for _, name in _FACTS), ABSENT)
    if isinstance(objective, Mapping):
        bounds = objective.get("bounds")
        kept = ", ".join(f"{name} {bound} ms" for name, bound in sorted(bounds.items())) if bounds else ""
        found["goal"] = f"{objective.get('goal')}, {objective.get('per')}" + (f", within {kept}" if kept else "")
    if isinstance(machine, Mapping):
        chips = f"{machine.get('accelerators')} {machine.get('accelerator')}" if machine.get("accelerator") else ""
        found["machine"] = chips or f"{machine.get('vcpus')} processors, {machine.get('architecture')}"
    if isinstance(gain, Mapping):
        ends = [
            f"{one:.2f}" if isinstance(one, int | float) else "?" for one in map(gain.get, ("value", "low", "high"))
        ]
        found["gain"] = f"{ends[0]} (95 %: {ends[1]} to {ends[2]})"
    return found
