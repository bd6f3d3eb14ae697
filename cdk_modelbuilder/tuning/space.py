"""What a tuning may change: named dimensions, the values of each, and how a container's environment says them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdk_modelbuilder.errors import UsageError

Value = int | float | str | bool
Candidate = Mapping[str, Value | None]
"""A value for each dimension; None leaves it to the server."""


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a dimension.

    Attributes:
        value: The value; None leaves it to the server.
        environment: The variables that say so; None takes a variable away.
        content_type: What the requests are encoded as; None leaves them as they are.
    """

    value: Value | None
    environment: Mapping[str, str | None]
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that can be set.

    Attributes:
        name: Such as ``workers``.
        options: The values, in their order; the first that is tried is the default.
        default: What the bundle has now.
        meaning: In a few words.
        needs: Another dimension and the value of it at which this one says nothing, such as ``("batch_size", 1)``.
    """

    name: str
    options: tuple[Option, ...]
    default: Value | None
    meaning: str
    idle_at: tuple[str, Value | None] | None = None

    @property
    def values(self) -> tuple[Value | None, ...]:
        """The values alone."""
        return tuple(option.value for option in self.options)

    def option(self, value: Value | None) -> Option:
        """The option of a value.

        Raises:
            UsageError: There is none.
        """
        for option in self.options:
            if option.value == value and type(option.value) is type(value):
                return option
        raise UsageError(
            f"{self.name}={value!r} is not among the values to try: {', '.join(map(str, self.values))}.",
            remedy=f"Give it in dimensions={{'{self.name}': [...]}}.",
        )


@dataclass(frozen=True, slots=True)
class Space:
    """All combinations of the dimensions' values.

    >>> counts = tuple(Option(count, {"MODELBUILDER_WORKERS": str(count)}) for count in (1, 2))
    >>> space = Space((Dimension("workers", counts, 1, "processes"),))
    >>> space.size, space.default, space.environment({"workers": 2})
    (2, {'workers': 1}, {'MODELBUILDER_WORKERS': '2'})
    """

    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(len(dimension.options) for dimension in self.dimensions)

    @property
    def default(self) -> dict[str, Value | None]:
        """What the bundle has now."""
        return {dimension.name: dimension.default for dimension in self.dimensions}

    def __iter__(self) -> Iterator[dict[str, Value | None]]:
        """Every combination once, those left out that only differ in what says nothing there."""
        seen: set[str] = set()
        for index in range(self.size):
            candidate = self.settled(self._at(index))
            if key(candidate) not in seen:
                seen.add(key(candidate))
                yield candidate

    def settled(self, candidate: Candidate) -> dict[str, Value | None]:
        """``candidate`` with the default for each dimension that says nothing beside its other values."""
        return {
            dimension.name: dimension.default
            if dimension.idle_at is not None and candidate.get(dimension.idle_at[0]) == dimension.idle_at[1]
            else candidate[dimension.name]
            for dimension in self.dimensions
        }

    def environment(self, candidate: Candidate) -> dict[str, str | None]:
        """The variables that say it; None for those that are taken away."""
        found: dict[str, str | None] = {}
        for dimension in self.dimensions:
            found.update(dimension.option(candidate[dimension.name]).environment)
        return found

    def content_type(self, candidate: Candidate) -> str | None:
        """What its requests are encoded as; None leaves them as they are."""
        types = [dimension.option(candidate[dimension.name]).content_type for dimension in self.dimensions]
        return next((one for one in types if one is not None), None)

    def _at(self, index: int) -> dict[str, Value | None]:
        candidate = {}
        for dimension in self.dimensions:
            index, place = divmod(index, len(dimension.options))
            candidate[dimension.name] = dimension.options[place].value
        return candidate


def by_variable(
    name: str,
    variable: str,
    values: Sequence[Value | None],
    meaning: str,
    *,
    now: str | None,
    idle_at: tuple[str, Value | None] | None = None,
    tell: Callable[[Value], Mapping[str, str]] | None = None,
) -> Dimension:
    """A dimension that a variable carries; ``now`` is its text in the bundle, or None.

    The value that the bundle has is among the options whether ``values`` has it or not. ``tell`` words a value as
    variables, where it is another text or more than the one variable.
    """
    told = tell or (lambda value: {variable: text_of(value)})
    worded = {value: told(value) for value in values if value is not None}
    read: Value | None = None
    if now is not None:
        same = [value for value, words in worded.items() if words[variable] == now]
        read = same[0] if same else _read(now)
        worded.setdefault(read, {**told(read), variable: now})
    nothing = dict.fromkeys([variable, *(each for words in worded.values() for each in words)])
    ordered = dict.fromkeys([*values, read])
    options = tuple(Option(value, nothing if value is None else worded[value]) for value in ordered)
    return Dimension(name, options, read, meaning, idle_at)


def text_of(value: Value) -> str:
    """A value as a variable has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def key(candidate: Candidate) -> str:
    """What tells candidates apart."""
    return json.dumps(dict(candidate), sort_keys=True)


def _read(text: str) -> Value:
    """The text of a variable as a number, if it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
