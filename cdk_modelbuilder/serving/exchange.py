"""One request and its response on a connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from cdk_modelbuilder.serving.response_head import response_head

if TYPE_CHECKING:
    from cdk_modelbuilder.serving.connection import Connection

Body: TypeAlias = bytes | bytearray | memoryview
"""A response's body; a memoryview is one of bytes."""

SMALL = 1 << 16
"""Bodies up to this size are copied behind the headers; larger ones are sent as they lie."""


class Refusal(NamedTuple):
    """Why a request is not taken; ``headers`` are further lines, each with its line end."""

    status: int
    message: str
    headers: bytes = b""


class StreamWatcher(Protocol):
    """Whoever writes a streamed response and wants to know how the client fares."""

    def client_reads_again(self) -> None:
        """What was written has been sent for the most part."""

    def client_gone(self) -> None:
        """The connection was lost."""


class Exchange:
    """A request as it comes in, and the way to answer it; for the event loop's thread.

    Attributes:
        method: HTTP method.
        url: The request's target, as it was sent.
        headers: Those headers that the server looks at: lower-case name -> value.
        body: The request's body: bytes if it is small and came in one part, else one bytearray.
        size: Bytes of it that have come.
        started: When the headers were complete; a reading of ``time.perf_counter``.
        is_first_version: Whether the client speaks HTTP/1.0, which has no chunks.
        keep_alive: Whether the connection stays open afterwards.
        refusal: Where the server answers before, or instead of, reading the request.
        held: Bytes that count as held in memory for it.
        gone: Whether the client has hung up; from then on there is no body either.
        watcher: Who is told when the client reads on, or hangs up.
    """

    __slots__ = (
        *("_connection", "body", "gone", "headers", "held", "is_first_version", "keep_alive", "method", "refusal"),
        *("size", "started", "url", "watcher"),
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.method = b""
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.body: bytes | bytearray = b""
        self.size = self.held = 0
        self.started = 0.0
        self.is_first_version = False
        self.keep_alive = True
        self.refusal: Refusal | None = None
        self.gone = False
        self.watcher: StreamWatcher | None = None

    @property
    def writable(self) -> bool:
        """Whether the client reads as fast as it is written to."""
        return self._connection.writable

    def respond(self, status: int, body: Body, content_type: str, headers: bytes = b"") -> None:
        """Send a whole response; ``headers`` are further lines, each with its line end.

        Raises:
            ValueError: The content type cannot stand in a header.
        """
        head = response_head(status, content_type, headers)
        if self.gone:
            return
        head = b"%scontent-length: %d\r\n%s\r\n" % (head, len(body), self._about_the_connection())
        if self.method == b"HEAD":
            self._connection.write(head)
        elif len(body) <= SMALL:
            self._connection.write(b"".join((head, body)))
        else:
            self._connection.write(head, body)
        self._connection.finished(self)

    def refuse(self, status: int, message: str, headers: bytes = b"") -> None:
        """Send an error in the form that all of this server's have."""
        self.respond(status, error_body(status, message), "application/json", headers)

    def start_stream(self, content_type: str) -> None:
        """Send the head of a response that comes in pieces."""
        head = response_head(200, content_type)
        if self.gone:
            return
        if self.is_first_version:
            self.keep_alive = False  # the end of the connection is the end of the body
        else:
            head += b"transfer-encoding: chunked\r\n"
        self._connection.write(b"%s%s\r\n" % (head, self._about_the_connection()))

    def send_piece(self, piece: Body) -> None:
        """Send a piece of a stream; empty ones are left out, because an empty chunk is the end."""
        if self.gone or not len(piece):
            return
        if self.is_first_version:
            self._connection.write(piece)
        elif len(piece) <= SMALL:
            self._connection.write(b"".join((b"%x\r\n" % len(piece), piece, b"\r\n")))
        else:
            self._connection.write(b"%x\r\n" % len(piece), piece, b"\r\n")

    def end_stream(self) -> None:
        """Say that the stream is complete."""
        if self.gone:
            return
        if not self.is_first_version:
            self._connection.write(b"0\r\n\r\n")
        self._connection.finished(self)

    def cut(self) -> None:
        """End the connection in such a way that the client knows that the response is not complete."""
        if not self.gone:
            self.gone = True
            self._connection.cut(reset=self.is_first_version)

    def _about_the_connection(self) -> bytes:
        if not self.keep_alive:
            return b"connection: close\r\n"
        return b"connection: keep-alive\r\n" if self.is_first_version else b""


def error_body(status: int, message: str) -> bytes:
    """The body of an error response."""
    return json.dumps({"code": status, "message": message}).encode() + b"\n"
