"""What is known of each request, in columns of numbers, and the frames in which the sending process tells of it."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

_HEAD = struct.Struct("<4sdddI")
_RECORD = struct.Struct("<6di")
_MAGIC = b"mbL1"

GOOD = 0
REFUSED, BROKEN, TIMED_OUT, STREAM_ERROR, UNANSWERED, DIFFERENT = -1, -2, -3, -4, -5, -6
_WORDS = {
    REFUSED: "connection refused",
    BROKEN: "connection broken",
    TIMED_OUT: "no answer in time",
    STREAM_ERROR: "an error in the stream",
    UNANSWERED: "unanswered at the end",
    DIFFERENT: "another answer than to the request alone",
}


class Record(NamedTuple):
    """One request that has come to its end; moments are in seconds since the load began.

    Attributes:
        start: When it was due: for users, when it was sent.
        sent: When it was sent.
        first: When the first token was there; NaN where the answer is no stream.
        last: When the last token was there; NaN likewise.
        end: When the answer was complete, or had failed.
        tokens: Output tokens; negative where pieces were counted and not told by the server; NaN where unknown.
        outcome: 0 for a good answer, an HTTP status from 400 on, or one of this module's negative numbers.
    """

    start: float
    sent: float
    first: float
    last: float
    end: float
    tokens: float
    outcome: int


class Records:
    """Many of them, in columns, in the order in which they ended."""

    def __init__(self) -> None:
        self.start, self.sent, self.first = array("d"), array("d"), array("d")
        self.last, self.end, self.tokens = array("d"), array("d"), array("d")
        self.outcome = array("i")

    def __len__(self) -> int:
        return len(self.start)

    def add(self, record: Record) -> None:
        """Keep one more."""
        self.start.append(record.start)
        self.sent.append(record.sent)
        self.first.append(record.first)
        self.last.append(record.last)
        self.end.append(record.end)
        self.tokens.append(record.tokens)
        self.outcome.append(record.outcome)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the sending process tells several times a second.

    Attributes:
        now: The moment.
        oldest: When the oldest request was due that is not at its end; ``now`` where there is none.
        busy: Processor seconds that the process has used.
        records: Requests that have come to their end since the last frame.
    """

    now: float
    oldest: float
    busy: float
    records: tuple[Record, ...] = ()

    def to_bytes(self) -> bytes:
        """As it is sent."""
        head = _HEAD.pack(_MAGIC, self.now, self.oldest, self.busy, len(self.records))
        return head + b"".join(_RECORD.pack(*record) for record in self.records)


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame; None at the end of the stream, also where it breaks off.

    Raises:
        ValueError: Something else than a frame.
    """
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, now, oldest, busy, count = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise ValueError(f"{head[:40]!r} is no frame")
    body = stream.read(count * _RECORD.size)
    if len(body) < count * _RECORD.size:
        return None
    return Frame(now, oldest, busy, tuple(Record(*one) for one in _RECORD.iter_unpack(body)))


def outcome_name(outcome: int) -> str:
    """HTTP status, or what became of the request."""
    return _WORDS.get(outcome, str(outcome))
