"""The newest log lines of all copies, and those who follow them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

from cdk_modelbuilder.local.gateway.connection import GatewayExchange

_REMEMBERED = 2000
Line = tuple[int, str, str]


class Logs:
    """Lines are added in any thread; all else is for the event loop's.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines: deque[Line] = deque(maxlen=_REMEMBERED)
        self._arrived: deque[Line] = deque(maxlen=_REMEMBERED)
        self._count = 0
        self._followers: set[_Follower] = set()

    def add(self, label: str, line: str) -> None:
        """A copy has written a line."""
        self._count += 1  # two threads may give one number; it only helps a reader to go on where it was
        entry = (self._count, label, line)
        self._lines.append(entry)
        if self._followers and not self._loop.is_closed():
            self._arrived.append(entry)
            self._loop.call_soon_threadsafe(self._pass_on)

    def handle(self, exchange: GatewayExchange) -> None:
        """``GET /-/logs?endpoint=NAME&follow=no``: the lines as server-sent events."""
        query = parse_qs(exchange.url.partition(b"?")[2].decode("latin-1"))
        endpoint = query.get("endpoint", [""])[0]
        last = exchange.headers.get(b"last-event-id", b"0")
        follower = _Follower(exchange, f"{endpoint}/" if endpoint else "", int(last) if last.isdigit() else 0)
        exchange.begin_stream("text/event-stream", b"cache-control: no-store\r\n")
        for line in list(self._lines):
            follower.send(line)
        if query.get("follow", ["yes"])[0] == "no":
            exchange.end_stream()
            return
        exchange.watcher = follower
        follower.on_gone = lambda: self._followers.discard(follower)
        self._followers.add(follower)

    def close(self) -> None:
        """End every stream."""
        for follower in list(self._followers):
            follower.exchange.end_stream()
        self._followers.clear()

    def _pass_on(self) -> None:
        for line in self._taken():
            for follower in list(self._followers):
                follower.send(line)

    def _taken(self) -> Iterator[Line]:
        while self._arrived:
            yield self._arrived.popleft()


def _nothing() -> None:
    """Nobody is to be told."""


class _Follower:
    """One client; what it is too slow for is left out."""

    def __init__(self, exchange: GatewayExchange, prefix: str, after: int) -> None:
        self.exchange = exchange
        self._prefix = prefix
        self._after = after
        self.on_gone: Callable[[], None] = _nothing

    def send(self, line: Line) -> None:
        number, label, text = line
        if number > self._after and label.startswith(self._prefix) and self.exchange.writable:
            data = json.dumps({"copy": label, "line": text})
            self.exchange.send_piece(f"id: {number}\ndata: {data}\n\n".encode())

    def client_reads_again(self) -> None:
        """The next line is sent to it."""

    def client_gone(self) -> None:
        self.on_gone()
