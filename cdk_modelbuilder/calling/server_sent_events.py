"""Server-sent events, read as they arrive.

Source: "9.2 Server-sent events" of the WHATWG's HTML standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event.

    Attributes:
        data: Its data; the lines of several ``data:`` fields, joined.
        event: What kind it is; ``message`` where the server does not say.
    """

    data: str
    event: str = "message"


class EventParser:
    """Takes bytes, cut anywhere, and gives each event as soon as the empty line behind it is there."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._skips_line_feed = False
        self._first = True
        self._data: list[str] = []
        self._event = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that end in ``chunk``. What follows the last whole line waits for more."""
        events: list[ServerSentEvent] = []
        if self._skips_line_feed and chunk:
            self._skips_line_feed = False
            chunk = chunk.removeprefix(b"\n")
        self._rest += chunk
        begin = 0
        while found := _LINE_END.search(self._rest, max(begin, self._searched)):
            line = self._rest[begin : found.start()]
            begin = found.end()
            # A carriage return ends a line by itself; its line feed may come with the next chunk.
            self._skips_line_feed = begin == len(self._rest) and found.group() == b"\r"
            event = self._take(line.decode("utf-8", errors="replace"))
            if event is not None:
                events.append(event)
        del self._rest[:begin]
        self._searched = len(self._rest)
        return events

    def _take(self, line: str) -> ServerSentEvent | None:
        if self._first:
            self._first = False
            line = line.removeprefix("\ufeff")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        # A comment has no name. `id` and `retry` are for those who connect again, which nobody does here.
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, kind = self._data, self._event
        self._data, self._event = [], ""
        if not data:
            return None
        return ServerSentEvent("\n".join(data), kind or "message")


def server_sent_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """The events in ``chunks``. One that has no empty line behind it is cut short, and left out."""
    parser = EventParser()
    for chunk in chunks:
        yield from parser.feed(chunk)


def json_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines in ``chunks`` that are not empty, the last one whether or not it is ended."""
    rest = bytearray()
    for chunk in chunks:
        begin = len(rest)
        rest += chunk
        end = rest.rfind(b"\n", begin)
        if end >= 0:
            whole = bytes(rest[:end])
            del rest[: end + 1]
            yield from _lines(whole)
    yield from _lines(bytes(rest))


def _lines(raw: bytes) -> Iterator[str]:
    for line in raw.decode("utf-8", errors="replace").split("\n"):
        if line.strip():
            yield line
