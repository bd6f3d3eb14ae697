"""HTTP/1.1 on one connection, parsed by httptools (llhttp, the parser of Node.js).

uvicorn listens, starts workers and stops them; this class takes the place of its HTTP protocol. An ASGI application
would need a task, three coroutine calls and two more copies of the body for each request, which for a quick model is
more than all the rest (benchmarks/).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import httptools

from cdk_modelbuilder.serving.codings import refusal_of_coding
from cdk_modelbuilder.serving.exchange import SMALL, Body, Exchange, Refusal
from cdk_modelbuilder.serving.half_closed import CONTINUE, HalfClosed
from cdk_modelbuilder.serving.log import log

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from cdk_modelbuilder.serving.app import InferenceApp

IDLE_SECONDS = 75.0
"""A connection on which nothing has come for so long, and nothing is to be answered, is closed."""
HEAD_LIMIT = 1 << 16
"""Most bytes of a request's target and headers."""
_LOOKED_AT = frozenset(
    (
        *(b"accept", b"content-encoding", b"content-length", b"content-type", b"expect", b"transfer-encoding"),
        b"x-amzn-sagemaker-inference-id",
    )
)
_LISTS = frozenset((b"accept", b"content-encoding", b"transfer-encoding"))
"""Headers that may come in several lines, which together are one list."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """One client's connection; uvicorn makes it, with these arguments.

    Requests that come before the one in front of them is answered wait, and nothing more is read then.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's interface
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app = cast("InferenceApp", config.loaded_app)
        self._backlog = self._app.backlog
        self._all = cast("set[Connection]", server_state.connections)
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport = cast("asyncio.Transport", None)
        self._receiving: Exchange | None = None
        self._offered: Exchange | None = None
        self._unanswered: deque[Exchange] = deque()
        self._head_size = 0
        self._closing = False
        self._last_data = 0.0
        self._unsent = 0
        self.writable = True

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._all.add(self)
        self._last_data = self._loop.time()
        self._idle_timer = self._loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        self._all.discard(self)
        self._idle_timer.cancel()
        self._closing = True
        self._drop_what_is_received()
        for exchange in self._unanswered:
            exchange.gone = True
            exchange.body = b""  # nobody waits for its answer, but it may be long until the model's thread sees that
            self._backlog.release(exchange)
            if exchange.watcher is not None:
                exchange.watcher.client_gone()
        self._unanswered.clear()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._last_data = self._loop.time()
        try:
            rest = self._feed(data)
            while rest and not self._closing:
                rest = self._feed(rest)
        except httptools.HttpParserCallbackError:
            log("server error", level=40, exc_info=True)
            self._transport.close()
        except httptools.HttpParserError as error:
            self._give_up(400, f"the request is not valid HTTP/1.1: {error}.")

    def eof_received(self) -> bool:
        """The client sends nothing more. It may still read, and then gets the answers to what it has sent."""
        self._drop_what_is_received()
        if not self._unanswered:
            return False
        self._closing = True
        self._unanswered[-1].keep_alive = False
        HalfClosed(self._transport, self._loop, self._unanswered)
        return True

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self._unanswered and (watcher := self._unanswered[0].watcher) is not None:
            watcher.client_reads_again()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._receiving = Exchange(self)
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        exchange = self._receiving
        assert exchange is not None
        exchange.url = exchange.url + url if exchange.url else url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        name = name.lower()
        exchange = self._receiving
        if name in _LOOKED_AT and exchange is not None and not exchange.started:  # trailers say nothing to us
            if name in _LISTS and name in exchange.headers:
                value = exchange.headers[name] + b", " + value
            exchange.headers[name] = value

    def on_headers_complete(self) -> None:
        exchange = self._receiving
        if exchange is None:  # given up on
            return
        parser, headers = self._parser, exchange.headers
        exchange.started = time.perf_counter()
        exchange.method = parser.get_method()
        exchange.keep_alive = parser.should_keep_alive()
        exchange.is_first_version = parser.get_http_version() == "1.0"
        if parser.should_upgrade():
            self._offered, self._receiving = exchange, None
            return
        refusal = self._no_room_for(int(headers.get(b"content-length", 0)))
        if b"content-encoding" in headers or b"transfer-encoding" in headers:
            refusal = refusal or refusal_of_coding(headers)
        if refusal is not None:
            if b"expect" in headers or refusal.status == 501:
                # The body may never come, or nobody knows where it ends; what does come could be taken for it.
                exchange.keep_alive = False
                self._receiving = None
            self._refuse_body(exchange, refusal)
        elif headers.get(b"expect", b"").lower() == b"100-continue" and not self._unanswered:
            self._transport.write(CONTINUE)

    def on_body(self, part: bytes) -> None:
        exchange = self._receiving
        if exchange is None or exchange.refusal is not None:
            return
        if exchange.size == 0 and len(part) < SMALL:
            exchange.body = part
        elif isinstance(exchange.body, bytearray):
            exchange.body += part
        else:
            exchange.body = bytearray(exchange.body)
            exchange.body += part
        size = len(part)
        exchange.size += size
        exchange.held += size
        self._backlog.held += size
        refusal = self._no_room_for(exchange.size, more=0)
        if refusal is not None:
            self._refuse_body(exchange, refusal)

    def on_message_complete(self) -> None:
        exchange, self._receiving = self._receiving, None
        if exchange is None:
            return
        if self._closing:
            self._backlog.release(exchange)
            return
        if not exchange.keep_alive:
            self._closing = True  # whatever comes after it is not for us
        if exchange.refusal is None:
            self._enqueue(exchange)
        elif not exchange.keep_alive and exchange not in self._unanswered:
            self._transport.close()  # refused and answered while its body was still coming

    # What an exchange calls

    def write(self, *parts: Body) -> None:
        """Send ``parts``; they must not be changed afterwards."""
        if len(parts) == 1:
            self._transport.write(parts[0])
        else:
            self._transport.writelines(parts)

    def finished(self, exchange: Exchange) -> None:
        """The response to ``exchange``, the first one in the queue, is complete."""
        self._unanswered.popleft()
        exchange.watcher = None
        self._backlog.release(exchange)
        if not exchange.keep_alive:
            # Not while the client is sending: it would find the connection reset and never see the answer.
            if exchange is not self._receiving:
                self._closing = True
                self._transport.close()
        elif self._unanswered:
            # Not at once: a long queue must not become a deep stack.
            self._loop.call_soon(self._handle_next)

    def cut(self, *, reset: bool) -> None:
        """Close in the middle of a response: by a reset where the end of the connection would be a regular end."""
        self._closing = True
        if not self.writable:  # closing would wait for a client that does not read
            self._transport.abort()
        elif reset:
            peer = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._transport.close()

    # What uvicorn calls

    def shutdown(self) -> None:
        """Close as soon as the requests that have come are answered."""
        waiting = [*self._unanswered, *([self._receiving] if self._receiving is not None else [])]
        if not waiting:
            self._transport.close()
        elif waiting[-1].keep_alive:
            waiting[-1].keep_alive = False

    def _enqueue(self, exchange: Exchange) -> None:
        self._unanswered.append(exchange)
        if len(self._unanswered) == 1:
            self._app.handle(exchange)
        else:
            self._transport.pause_reading()

    def _handle_next(self) -> None:
        if self._unanswered and not self._transport.is_closing():
            if len(self._unanswered) == 1:
                self._transport.resume_reading()
            self._app.handle(self._unanswered[0])

    def _feed(self, data: bytes | memoryview) -> memoryview | None:
        """Have ``data`` parsed; the rest of it where the parser stops at an offer of another protocol."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._offered is not None:
                self._decline_upgrade(self._offered)
                return memoryview(data)[upgrade.args[0] :]
        return None

    def _decline_upgrade(self, exchange: Exchange) -> None:
        """Go on in HTTP/1.1 after an offer of another protocol, which a server is free to ignore.

        Java's HttpClient offers HTTP/2 with each first request. The parser then stops before the request's body, so a
        new one gets the head again, without the offer, and then the rest.
        """
        self._offered = None
        if exchange.method == b"CONNECT":
            self._give_up(405, "this is not a proxy.")
            return
        version = b"1.0" if exchange.is_first_version else b"1.1"
        lines = [b"%s %s HTTP/%s" % (exchange.method, exchange.url, version)]
        lines += [b"%s: %s" % header for header in exchange.headers.items()]
        lines += [b"connection: " + (b"keep-alive" if exchange.keep_alive else b"close"), b"", b""]
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join(lines))

    def _no_room_for(self, size: int, more: int | None = None) -> Refusal | None:
        """Why a body of ``size`` bytes, ``more`` of which are still to come (default: all), is not taken."""
        limit = self._app.max_payload_bytes
        if size > limit:
            return Refusal(413, f"the body is larger than the limit of {limit} bytes.")
        if size and self._backlog.held + (size if more is None else more) > self._backlog.limit:
            return self._backlog.refusal
        return None

    def _refuse_body(self, exchange: Exchange, refusal: Refusal) -> None:
        exchange.refusal = refusal
        exchange.body = b""
        self._backlog.release(exchange)
        self._enqueue(exchange)

    def _drop_what_is_received(self) -> None:
        if self._receiving is not None:
            self._backlog.release(self._receiving)
            self._receiving = None

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT and self._receiving is not None:
            self._give_up(431, f"the request's target and headers are larger than {HEAD_LIMIT} bytes.")

    def _give_up(self, status: int, message: str) -> None:
        """Answer what cannot be understood, behind the answers that are still to come, and close."""
        if self._closing:
            return
        self._closing = True
        self._drop_what_is_received()
        exchange = Exchange(self)
        exchange.keep_alive = False
        exchange.refusal = Refusal(status, message)
        self._enqueue(exchange)

    def _close_if_idle(self) -> None:
        left = self._last_data + IDLE_SECONDS - self._loop.time()
        unsent = self._transport.get_write_buffer_size()
        if left <= 0 and not self._unanswered and not unsent:
            self._transport.close()
        elif left <= 0 and not self._unanswered and unsent == self._unsent:
            self._transport.abort()  # it has read nothing of its answer for as long
        else:
            self._unsent = unsent
            self._idle_timer = self._loop.call_later(left if left > 0 else IDLE_SECONDS, self._close_if_idle)
