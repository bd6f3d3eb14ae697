"""A request and its answer, as the rules of every family see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class Headers(Mapping[str, str]):
    """Headers of a request, by names in any case."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values = {name.lower(): value for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; ``content_type`` None is one without that header."""

    status: int
    body: bytes
    content_type: str | None


class Rules(Protocol):
    """What a container does with requests, from its front to the bundle's code.

    Attributes:
        max_request_bytes: Largest body; None for any.
        loads_first: Whether no request is answered before the model is there.
    """

    @property
    def max_request_bytes(self) -> int | None: ...

    @property
    def loads_first(self) -> bool: ...

    def load(self) -> None:
        """Load the model; in a thread of the rules' own. Raises whatever the bundle's code does."""
        ...

    def too_large(self) -> Reply:
        """The answer to a larger body, of which no more is read."""
        ...

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request."""
        ...
