"""HTTP/1.1 to one copy: connections that are kept, on httptools, with callbacks in place of coroutines.

A general client makes a task, a future and several objects for each request. The gateway may add 0.3 ms, and both
sides of it together take a tenth of that (benchmarks/gateway.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol, cast

import httptools

from cdk_modelbuilder.serving.exchange import Body

_log = logging.getLogger("cdk_modelbuilder.gateway")
REFUSED = "refused"
"""No connection could be made: the copy has not seen the request."""
BROKEN = "broken"
"""The connection ended before the answer did: the copy may have seen the request, so nobody sends it again."""

_KEPT = 64
_IDLE_SECONDS = 1.0
"""Connections are not used again after this: servers close idle ones, the soonest known after 2 s (gunicorn)."""


class AnswerReader(Protocol):
    """Whoever waits for an answer."""

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Status and headers are there."""

    def part(self, data: bytes) -> None:
        """Some of the body is there."""

    def ended(self) -> None:
        """The body is complete."""

    def failed(self, reason: str) -> None:
        """There will be no more: REFUSED or BROKEN."""


class Upstream:
    """The connections to one copy; for the event loop's thread.

    Args:
        loop: The event loop.
        port: The copy's port on 127.0.0.1.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self._idle: list[_Line] = []
        self._all: set[_Line] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def send(self, reader: AnswerReader, head: bytes, body: Body, *, fresh: bool = False) -> Call:
        """Send a request; ``reader`` is called with what comes of it, never before this returns.

        Args:
            reader: Is told about the answer.
            head: Request line and headers without the empty line; this adds Host and Content-Length.
            body: The body.
            fresh: Open a new connection in any case.
        """
        head = b"%shost: 127.0.0.1:%d\r\ncontent-length: %d\r\n\r\n" % (head, self._port, len(body))
        call = Call(reader)
        line = None if fresh else self._take()
        if line is not None:
            line.begin(call, head, body)
        else:
            task = self._loop.create_task(self._open(call, head, body))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        return call

    def close(self) -> None:
        """Close every connection; requests on them fail."""
        self._closed = True
        for line in list(self._all):
            line.abort()

    def release(self, line: _Line) -> None:
        """``line`` can be used again."""
        if self._closed or len(self._idle) >= _KEPT:
            line.abort()
        else:
            line.since = self._loop.time()
            self._idle.append(line)

    def forget(self, line: _Line) -> None:
        """``line`` is closed."""
        self._all.discard(line)
        with contextlib.suppress(ValueError):
            self._idle.remove(line)

    def _take(self) -> _Line | None:
        now = self._loop.time()
        while self._idle:
            line = self._idle.pop()  # the one used last: the others may grow old and close
            if line.open and now - line.since < _IDLE_SECONDS:
                return line
            line.abort()
        return None

    async def _open(self, call: Call, head: bytes, body: Body) -> None:
        try:
            _, protocol = await self._loop.create_connection(lambda: _Line(self), "127.0.0.1", self._port)
        except OSError:
            call.fail(REFUSED)
            return
        line = protocol
        self._all.add(line)
        if call.cancelled or self._closed:
            line.abort()
            call.fail(REFUSED)
        else:
            line.begin(call, head, body)


class Call:
    """One request, for whoever sent it."""

    __slots__ = ("_line", "_reader", "cancelled")

    def __init__(self, reader: AnswerReader) -> None:
        self._reader: AnswerReader | None = reader
        self._line: _Line | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Give it up; the reader hears nothing more."""
        self.cancelled = True
        self._reader = None
        if self._line is not None:
            self._line.abort()

    def pause(self) -> None:
        """Read no more of the answer for now."""
        if self._line is not None:
            self._line.pause()

    def resume(self) -> None:
        """Read on."""
        if self._line is not None:
            self._line.resume()

    def attach(self, line: _Line | None) -> None:
        self._line = line

    def fail(self, reason: str) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.failed(reason)

    @property
    def reader(self) -> AnswerReader | None:
        return self._reader


class _Line(asyncio.Protocol):
    """One connection to a copy; one request at a time."""

    def __init__(self, pool: Upstream) -> None:
        self._pool = pool
        self._transport = cast("asyncio.Transport", None)
        self._parser = httptools.HttpResponseParser(self)
        self._call: Call | None = None
        self._headers: dict[bytes, bytes] = {}
        self._begun = False
        self.open = False
        self.since = 0.0

    def begin(self, call: Call, head: bytes, body: Body) -> None:
        self._call = call
        call.attach(self)
        if len(body) <= 1 << 16:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def abort(self) -> None:
        self.open = False
        self._transport.abort()

    def pause(self) -> None:
        if self.open:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self.open:
            self._transport.resume_reading()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            _log.exception("a copy's answer could not be passed on")
            self.abort()
        except httptools.HttpParserError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._pool.forget(self)
        call, self._call = self._call, None
        if call is None:
            return
        call.attach(None)
        until_the_end = self._begun and not {b"content-length", b"transfer-encoding"} & self._headers.keys()
        if until_the_end and exc is None and call.reader is not None:
            call.reader.ended()
        else:
            call.fail(BROKEN)

    # What the parser calls

    def on_message_begin(self) -> None:
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self._call is not None:  # others are interim
            self._begun = True
            if self._call.reader is not None:
                self._call.reader.begun(status, self._headers)

    def on_body(self, part: bytes) -> None:
        if self._call is not None and self._call.reader is not None:
            self._call.reader.part(part)

    def on_message_complete(self) -> None:
        if not self._begun:
            return
        self._begun = False
        call, self._call = self._call, None
        if call is not None:
            call.attach(None)
        if self._parser.should_keep_alive() and self.open:
            self._pool.release(self)
        else:
            self.abort()
        if call is not None and call.reader is not None:
            call.reader.ended()
