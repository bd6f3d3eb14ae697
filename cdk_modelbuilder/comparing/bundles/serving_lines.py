"""``serving.json``: what a language model was reckoned for. Its values are variables, so lines of the container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.report import ABSENT, Change
from cdk_modelbuilder.comparing.wording import quoted

_FACTS: Final = (
    ("instance type that the values are for", ("instance_type",)),
    ("memory of one accelerator, or of the instance without", ("arithmetic", "in_words")),
    ("parameters", ("model", "parameters")),
    ("not reckoned", ("not_reckoned",)),
)


def serving_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What changes in what the values were chosen for.

    Args:
        old: The file before; empty if there was none.
        new: The file after.
    """
    for words, path in _FACTS:
        before, after = _at(old, path), _at(new, path)
        if before != after:
            yield Change(words, before, after, place="serving." + ".".join(path))


def serving_facts(serving: Mapping[str, Any]) -> Iterator[Change]:
    """How a new bundle's language model is served: each value with its reason."""
    yield from serving_changes({}, serving)
    values = serving.get("values")
    for name, entry in sorted(values.items()) if isinstance(values, Mapping) else ():
        if isinstance(entry, Mapping):
            yield Change(f"served with {quoted(name)}", ABSENT, entry.get("value"), note=str(entry.get("reason", "")))


def reasons_of(serving: Mapping[str, Any]) -> dict[str, str]:
    """Why each variable is as it is, by its name."""
    values = serving.get("values")
    found: dict[str, str] = {}
    for entry in values.values() if isinstance(values, Mapping) else ():
        variables = entry.get("variables") if isinstance(entry, Mapping) else None
        if isinstance(variables, Mapping):
            found |= {str(name): str(entry.get("reason", "")) for name in variables}
    return found


def _at(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = data
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return ABSENT if found is None else found
