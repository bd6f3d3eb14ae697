"""One request under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway.upstream import REFUSED, Call, Upstream
from cdk_modelbuilder.tuning.load import records
from cdk_modelbuilder.tuning.load.answers import Answer
from cdk_modelbuilder.tuning.load.records import Record
from cdk_modelbuilder.tuning.load.sameness import are_alike

if TYPE_CHECKING:
    from cdk_modelbuilder.tuning.load.crowd import Crowd


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it is sent.

    Attributes:
        head: Request line and headers.
        body: Its body.
        stream: Whether the answer's pieces are timed.
        expected: What the answer has to be; None for anything.
    """

    head: bytes
    body: bytes
    stream: bool
    expected: bytes | None


class Flight:
    """One request under way; told of its answer as that comes."""

    __slots__ = ("_answer", "_body", "_call", "_crowd", "_expected", "_sent", "_status", "_then", "start")

    def __init__(self, crowd: Crowd, start: float, then: Callable[[bool], None]) -> None:
        self._crowd, self.start, self._then = crowd, start, then
        self._status = 0
        self._sent = 0.0
        self._expected: bytes | None = None
        self._body = bytearray()
        self._answer: Answer
        self._call: Call

    def send(self, upstream: Upstream, request: Prepared) -> None:
        self._answer = Answer(stream=request.stream, clock=self._crowd.clock)
        self._expected = request.expected
        self._sent = self._crowd.clock()
        self._call = upstream.send(self, request.head, request.body)

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:
        self._status = status
        self._answer.begun(headers)

    def part(self, data: bytes) -> None:
        self._answer.part(data)
        if self._expected is not None:
            self._body += data

    def ended(self) -> None:
        if self._status >= 400:
            self._end(self._status)
        elif self._answer.failed:
            self._end(records.STREAM_ERROR)
        elif self._expected is not None and not are_alike(bytes(self._body), self._expected):
            self._end(records.DIFFERENT)
        else:
            self._end(records.GOOD)

    def failed(self, reason: str) -> None:
        self._end(records.REFUSED if reason == REFUSED else records.BROKEN)

    def time_out(self) -> None:
        self._call.cancel()
        self._end(records.TIMED_OUT)

    def give_up(self) -> None:
        self._call.cancel()

    def _end(self, outcome: int) -> None:
        answer = self._answer
        record = Record(self.start, self._sent, answer.first, answer.last, self._crowd.clock(), answer.tokens, outcome)
        self._crowd.note(record, self)
        self._then(outcome == records.GOOD)
