"""What a way to an endpoint has to offer. There are two: a URL, and SageMaker's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

Body = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        body: The bytes; they are not copied where the HTTP library allows it.
        content_type: What they are.
        accept: Which types the answer may have, as an HTTP Accept header.
        attributes: What the container is to see in X-Amzn-SageMaker-Custom-Attributes, before what the caller says.
        adapter: The adapter that answers, as SageMaker tells it a base component's container. SageMaker's API has no
            such parameter, so it goes to URLs alone.
    """

    body: Body
    content_type: str
    accept: str = "*/*"
    attributes: str | None = None
    adapter: str | None = None

    @property
    def size(self) -> int:
        """Length of the body in bytes."""
        return self.body.nbytes if isinstance(self.body, memoryview) else len(self.body)

    def attributes_with(self, said: str | None) -> str | None:
        """Its attributes, and what the caller wants said beside them; None for nothing."""
        return ",".join(part for part in (self.attributes, said) if part) or None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; its body is a bytearray, so that arrays made from it are writable without a copy."""

    body: bytearray
    content_type: str


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """A response that is still coming.

    Attributes:
        chunks: The bytes as they arrive; where one ends means nothing. Raises ``StreamInterruptedError``.
        content_type: What they are.
        close: Gives the connection up.
    """

    chunks: Iterator[bytes]
    content_type: str
    close: Callable[[], object]


class Transport(Protocol):
    """A way to one endpoint. Every method raises the errors under ``PredictionError``."""

    @property
    def address(self) -> str:
        """The endpoint in words, for messages."""

    @property
    def url(self) -> str | None:
        """The endpoint's URL without a path; None for one behind SageMaker's API."""

    @property
    def max_payload_bytes(self) -> int:
        """The largest body that :meth:`send` and :meth:`stream` may carry."""

    def send(self, request: Request) -> Answer:
        """Send ``request`` and wait for the whole answer."""

    def stream(self, request: Request) -> StreamedAnswer:
        """Send ``request`` and return as soon as the answer begins."""

    def close(self) -> None:
        """Close the connections."""
