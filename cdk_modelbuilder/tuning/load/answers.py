"""Reads answers as they come: when the first and last token were there, and how many there were."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

_DONE = b"[DONE]"
_LONGEST_EVENT = 1 << 22
_USAGE_TAIL = 1 << 16


class Answer:
    """What is known of one answer so far.

    Server-sent events are read as they are; of any other stream each piece counts as a token. Tokens come from
    OpenAI's ``usage.completion_tokens`` where an answer has it; else the events with text in them are counted.

    Args:
        stream: Whether first and last token are of interest.
        clock: The time now.

    Attributes:
        first: When the first token was there; NaN before.
        last: When the last one was; NaN before.
        failed: Whether the stream told of an error in place of a token.
    """

    __slots__ = ("_clock", "_events", "_pieces", "_rest", "_stream", "_tail", "_told", "failed", "first", "last")

    def __init__(self, *, stream: bool, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._events = False
        self._rest = b""
        self._tail = b""
        self._pieces = 0
        self._told: int | None = None
        self.first = self.last = math.nan
        self.failed = False

    def begun(self, headers: dict[bytes, bytes]) -> None:
        """The headers are there."""
        self._events = headers.get(b"content-type", b"").lower().startswith(b"text/event-stream")

    def part(self, data: bytes) -> None:
        """Some of the body is there."""
        if not self._stream:
            self._tail = (self._tail + data)[-_USAGE_TAIL:]
        elif self._events:
            self._read_events(data)
        else:
            self._token()

    @property
    def tokens(self) -> float:
        """Tokens that the server told; less than zero: minus those that were counted here; NaN for unknown."""
        if self._told is None and not self._stream:
            self._told = _usage_in(self._tail)
        if self._told is not None:
            return float(self._told)
        return -float(self._pieces) if self._stream else math.nan

    def _token(self) -> None:
        now = self._clock()
        if not self._pieces:
            self.first = now
        self.last = now
        self._pieces += 1

    def _read_events(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())
            elif line.startswith(b"event:") and line[6:].strip() == b"error":
                self.failed = True
        if len(self._rest) > _LONGEST_EVENT:
            self._rest = b""

    def _event(self, data: bytes) -> None:
        if data == _DONE or not data:
            return
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self._token()
            return
        if isinstance(usage := event.get("usage"), dict):
            self._told = _count(usage) if self._told is None else max(self._told, _count(usage) or 0)
        if "error" in event and "choices" not in event:
            self.failed = True
        elif "choices" not in event or any(map(_has_text, event["choices"] or ())):
            self._token()


def _has_text(choice: Any) -> bool:
    """Whether a choice of a chat or completion chunk brings output, and not just a role or a reason to end."""
    if not isinstance(choice, dict):
        return False
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return bool(choice.get("text"))
    return any(value for name, value in delta.items() if name != "role")


def _count(usage: dict[str, Any]) -> int | None:
    found = usage.get("completion_tokens")
    return found if isinstance(found, int) and found >= 0 else None


def _usage_in(tail: bytes) -> int | None:
    """``usage.completion_tokens`` near the end of a JSON answer, of which only the end is at hand."""
    place = tail.rfind(b'"usage"')
    if place < 0:
        return None
    colon = tail.find(b"{", place)
    try:
        usage, _ = json.JSONDecoder().raw_decode(tail[colon:].decode("utf-8", "replace"))
    except ValueError:
        return None
    return _count(usage) if isinstance(usage, dict) else None
