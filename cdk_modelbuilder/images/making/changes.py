"""What a refresh changes, image by image: what a person reads before the new tables are taken over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
_ABSENT = "none"


def changes(name: str, before: str | None, after: str) -> list[str]:
    """Lines about one file: ``+`` for what is new, ``-`` for what is gone, ``~`` for what differs."""
    old, new = json.loads(before or "{}"), json.loads(after)
    if name.startswith("tables/"):
        server = new["server"]
        found = list(_differences(_images(old), _images(new)))
        found += _differences(_left_out(old), _left_out(new))
        return [f"{line[0]} {server}  {line[2:]}" for line in found]
    if name == "regions.json":
        return [*_differences(_sources(old), _sources(new)), *_differences(_registries(old), _registries(new))]
    return []


def _images(table: Json) -> dict[str, Any]:
    provides = table.get("provides", {})
    named = {f"{row['repository']}:{row['tag']}": row for row in table.get("images", ())}
    return {name: dict(row) | {"provides": provides.get(name, {})} for name, row in named.items()}


def _left_out(table: Json) -> dict[str, Any]:
    return {
        f"left out: {name}": {"reason": reason}
        for reason, names in table.get("left_out", {}).items()
        for name in str(names).split()
    }


def _registries(table: Json) -> dict[str, Any]:
    return {f"registry {name}": accounts for name, accounts in table.get("registries", {}).items()}


def _sources(table: Json) -> dict[str, Any]:
    return {f"source {source['project']}": source for source in table.get("sources", ())}


def _differences(old: Json, new: Json) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"+ {name}{_summary(new[name])}"
        elif name not in new:
            yield f"- {name}"
        elif old[name] != new[name]:
            yield f"~ {name}: {'; '.join(_fields(old[name], new[name]))}"


def _summary(entry: Json) -> str:
    if "reason" in entry:
        return f" ({entry['reason']})"
    if "framework" not in entry:
        return ""
    return f" ({entry['framework']} {entry['framework_version']}, Python {entry['python']}, {entry['processor']})"


def _fields(old: Json, new: Json) -> Iterator[str]:
    for field in sorted({*old, *new}):
        before, after = old.get(field, _ABSENT), new.get(field, _ABSENT)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from (f"{field} {one}" for one in _fields(before, after))
        else:
            yield f"{field} {_word(before)} -> {_word(after)}"


def _word(value: Any) -> str:
    return "unknown" if value is None else str(value)
