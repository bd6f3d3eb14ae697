"""JSON as it is compared: numbers and texts that only look alike differ, and whatever was read can be walked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cdk_modelbuilder.comparing.report import ABSENT
from cdk_modelbuilder.errors import BundleError

MAX_DEPTH: Final = 100
NAMING_KEYS: Final = ("VariantName", "Sid", "Key", "Name", "name", "Id", "PolicyName", "AlarmName", "key", "id")
"""What tells the entries of a list apart, where each has another value of it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which two JSON values differ.

    Attributes:
        path: Names from the top; an entry of a list is in brackets.
        old: ``ABSENT`` if it was not there.
        new: ``ABSENT`` if it is not there any more.
    """

    path: tuple[str, ...]
    old: Any
    new: Any

    @property
    def place(self) -> str:
        """The path as people write it: ``ProductionVariants[AllTraffic].InstanceType``."""
        return place_of(self.path)


def place_of(path: Sequence[str]) -> str:
    """A path of names as people write it."""
    return "".join(name if name.startswith("[") or not index else f".{name}" for index, name in enumerate(path))


def parse_json(data: bytes, name: str) -> Any:
    """The JSON in ``data``, whose numbers JSON knows.

    Raises:
        BundleError: It is none, or nested so deep that only an attack would be.
    """
    try:
        parsed = json.loads(data.decode("utf-8-sig"), parse_constant=str)
        _check_depth(parsed, name)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is no JSON: {error}.", remedy="Restore it, or make it again.") from None
    return parsed


def canonical(value: Any) -> str:
    """A text that two values share only if they are the same: 1 is neither 1.0 nor true."""
    return json.dumps(value, sort_keys=True, default=repr)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """The smallest places at which two JSON values differ.

    Entries of lists are paired by name where they have one, by what they are where they are plain, else by position.
    """
    if same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}, key=str):
            yield from differences(old.get(name, ABSENT), new.get(name, ABSENT), (*path, str(name)))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(old, new, path)
    else:
        yield Difference(path, old, new)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every plain value, with its path."""
    if isinstance(value, Mapping) and value:
        for name in sorted(value, key=str):
            yield from leaves(value[name], (*path, str(name)))
    elif isinstance(value, list) and value and not all(is_plain(entry) for entry in value):
        names = _names(value)
        for index, entry in enumerate(value):
            yield from leaves(entry, (*path, f"[{names[index] if names else index}]"))
    else:
        yield path, value


def is_plain(value: Any) -> bool:
    """Whether nothing is inside of a JSON value."""
    return not isinstance(value, Mapping | list)


def _in_lists(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[Difference]:
    if all(map(is_plain, (*old, *new))):
        yield from _in_plain_lists(old, new, path)
        return
    key = _naming_key(old, new)
    if key is not None:
        before, after = ({str(entry[key]): entry for entry in entries} for entries in (old, new))
        for name in sorted({*before, *after}):
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), (*path, f"[{name}]"))
        if before.keys() == after.keys() and all(same(before[name], after[name]) for name in before):
            yield Difference((*path, "[order]"), list(before), list(after))
        return
    for index in range(max(len(old), len(new))):
        before_it = old[index] if index < len(old) else ABSENT
        after_it = new[index] if index < len(new) else ABSENT
        yield from differences(before_it, after_it, (*path, f"[{index}]"))


def _in_plain_lists(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[Difference]:
    before, after = ({canonical(entry): entry for entry in entries} for entries in (old, new))
    if before.keys() == after.keys() or len(before) < len(old) or len(after) < len(new):
        yield Difference(path, old, new)  # the order, or how often something is there
        return
    for text in sorted(before.keys() - after.keys()):
        yield Difference((*path, "[]"), before[text], ABSENT)
    for text in sorted(after.keys() - before.keys()):
        yield Difference((*path, "[]"), ABSENT, after[text])


def _naming_key(*sides: list[Any]) -> str | None:
    for key in NAMING_KEYS:
        if all(_named_by(entries, key) for entries in sides):
            return key
    return None


def _names(entries: list[Any]) -> list[str] | None:
    key = _naming_key(entries)
    return None if key is None else [str(entry[key]) for entry in entries]


def _named_by(entries: list[Any], key: str) -> bool:
    names = [entry.get(key, ABSENT) if isinstance(entry, Mapping) else ABSENT for entry in entries]
    return len({str(name) for name in names}) == len(names) and all(isinstance(name, str | int) for name in names)


def _check_depth(value: Any, name: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise BundleError(f"{name} is nested deeper than {MAX_DEPTH} levels.", remedy="Restore it, or make it again.")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(inner, name, depth + 1)
