"""What a load test sends, and how much of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from cdk_modelbuilder.errors import UsageError

MOST_SECONDS = 3600
MOST_USERS = 1000


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """So many users, each of whom sends a request, waits for the answer, thinks, and sends the next.

    Attributes:
        concurrency: Users, each with a connection of its own.
        seconds: How long answers are counted.
        warm_up_seconds: How long requests are sent before that.
        think_seconds: How long a user waits after an answer.

    Raises:
        UsageError: A number that no short test on one machine can have.
    """

    concurrency: int = 8
    seconds: float = 10.0
    warm_up_seconds: float = 1.0
    think_seconds: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("concurrency", 1, MOST_USERS),
            ("seconds", 0.1, MOST_SECONDS),
            ("warm_up_seconds", 0, MOST_SECONDS),
            ("think_seconds", 0, MOST_SECONDS),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"the load test's {name} is {value}.", remedy=f"Give a number from {low} to {high}.")


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """The request that is sent over and over.

    Attributes:
        port: Port on 127.0.0.1.
        path: Path that it is POSTed to.
        body: Its body.
        headers: Its headers, such as ``Content-Type``.
    """

    port: int
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self) -> bytes:
        """Request line and headers."""
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items()), ""]
        return "\r\n".join(lines).encode("latin-1")

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the process that sends it."""
        return {**asdict(self), "body": base64.b64encode(self.body).decode("ascii")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The request in ``data``."""
        return cls(**{**data, "body": base64.b64decode(data["body"])})
