"""Those who send the load, in one event loop: users who wait for their answers, or arrivals that do not."""

from __future__ import annotations

import asyncio
import collections
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cdk_modelbuilder.local.gateway.upstream import REFUSED, Call, Upstream
from cdk_modelbuilder.tuning.load import records
from cdk_modelbuilder.tuning.load.answers import Answer
from cdk_modelbuilder.tuning.load.plan import MOST_USERS, Load
from cdk_modelbuilder.tuning.load.records import Record
from cdk_modelbuilder.tuning.load.sameness import are_alike

_AFTER_FAILURE = 0.01
_LINE_SECONDS = 0.25
"""A user's connection is made anew after this: several workers share a socket, and which of them has a connection is
chance. Over a trial, that evens out."""
_SWEEP_SECONDS = 0.05
_SPREAD_SECONDS = 1.0


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


class Crowd:
    """Everyone who sends, and what came of each request.

    Args:
        load: What is sent, and how.
        port: Of the server, on 127.0.0.1.
        path: Where requests without a path of their own go.
    """

    def __init__(self, load: Load, *, port: int, path: str) -> None:
        self.load, self.port = load, port
        self.loop = asyncio.get_running_loop()
        self.over = False
        self._origin = time.perf_counter()
        self._flying: dict[_Flight, None] = {}  # in the order in which they were due, but for what waits
        self._ended: list[Record] = []
        prepared = [_prepared(load, number, path) for number in range(len(load.requests))]
        self._choice = _in_random_order(prepared, _chance(load.seed))
        self._sender: _Users | _Arrivals = _Users(self) if load.rate is None else _Arrivals(self)

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()
        self.loop.call_later(_SWEEP_SECONDS, self._sweep)

    def stop(self) -> None:
        """Send no more and give up what is under way."""
        self.over = True
        self._sender.stop()
        for flight in list(self._flying):
            flight.give_up()

    def clock(self) -> float:
        """Seconds since the load began; not the event loop's, which counts in milliseconds."""
        return time.perf_counter() - self._origin

    def oldest(self) -> float:
        """When the oldest request was due that is not at its end; now if there is none."""
        starts = [flight.start for flight in self._flying]
        waiting = self._sender.oldest_waiting()
        return min([*starts, *([] if waiting is None else [waiting])], default=self.clock())

    def take(self) -> tuple[Record, ...]:
        """What has ended since the last call."""
        found, self._ended = tuple(self._ended), []
        return found

    def send(self, upstream: Upstream, *, start: float | None, then: Callable[[bool], None]) -> None:
        """Send the next request, due at ``start`` or now; ``then`` is told at its end whether it was a good one."""
        flight = _Flight(self, self.clock() if start is None else start, then)
        self._flying[flight] = None
        flight.send(upstream, next(self._choice))

    def note(self, record: Record, flight: _Flight | None = None) -> None:
        """A request has come to its end."""
        if flight is not None:
            self._flying.pop(flight, None)
        self._ended.append(record)

    def _sweep(self) -> None:
        if self.over:
            return
        limit = self.clock() - self.load.timeout_seconds
        for flight in [one for one in self._flying if one.start < limit]:
            flight.time_out()
        self._sender.time_out(limit)
        self.loop.call_later(_SWEEP_SECONDS, self._sweep)


class _Flight:
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


class _Users:
    """So many users, each with a connection of its own."""

    def __init__(self, crowd: Crowd) -> None:
        count = crowd.load.concurrency
        assert count is not None
        self._users = [_User(crowd) for _ in range(count)]
        self._crowd = crowd

    def start(self) -> None:
        # Not all at once: in step with each other they would make queues and pauses that real users do not make.
        spread = min(_SPREAD_SECONDS, self._crowd.load.warm_up_seconds / 2)
        for number, user in enumerate(self._users):
            self._crowd.loop.call_later(spread * number / len(self._users), user.send)

    def stop(self) -> None:
        for user in self._users:
            user.close()

    def oldest_waiting(self) -> float | None:
        return None

    def time_out(self, limit: float) -> None:
        """No request of a user waits to be sent."""


class _User:
    """Sends a request, waits for the answer, sends the next."""

    __slots__ = ("_crowd", "_since", "_upstream")

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._upstream = Upstream(crowd.loop, crowd.port)
        self._since = crowd.clock()

    def send(self) -> None:
        crowd = self._crowd
        if crowd.over:
            return
        now = crowd.clock()
        if now - self._since > _LINE_SECONDS:
            self._upstream.close()
            self._upstream, self._since = Upstream(crowd.loop, crowd.port), now
        crowd.send(self._upstream, start=None, then=self._next)

    def close(self) -> None:
        self._upstream.close()

    def _next(self, good: bool) -> None:
        # Someone who was turned away does not spin.
        if good:
            self._crowd.loop.call_soon(self.send)
        else:
            self._crowd.loop.call_later(_AFTER_FAILURE, self.send)


class _Arrivals:
    """Requests that come when they come, on as many connections as that takes."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._upstream = Upstream(crowd.loop, crowd.port)
        self._waiting: collections.deque[float] = collections.deque()
        self._flying = 0
        self._thread = threading.Thread(target=self._pace, name="arrivals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._upstream.close()

    def oldest_waiting(self) -> float | None:
        return self._waiting[0] if self._waiting else None

    def time_out(self, limit: float) -> None:
        while self._waiting and self._waiting[0] < limit:
            due, now = self._waiting.popleft(), self._crowd.clock()
            self._crowd.note(Record(due, now, _NAN, _NAN, now, _NAN, records.TIMED_OUT))

    def _pace(self) -> None:
        # A thread: the event loops' timers are exact to a millisecond, sleep() to less than a tenth of that.
        crowd = self._crowd
        times = _arrival_times(crowd.load)
        due = next(times)
        while not crowd.over:
            wait = due - crowd.clock()
            if wait > 0:
                time.sleep(min(wait, 0.1))
                continue
            ready = []
            now = crowd.clock()
            while due <= now:
                ready.append(due)
                due = next(times)
            try:
                crowd.loop.call_soon_threadsafe(self._arrive, ready)
            except RuntimeError:  # the loop is closed
                return

    def _arrive(self, due: list[float]) -> None:
        if not self._crowd.over:
            self._waiting.extend(due)
            self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._flying < MOST_USERS:
            self._flying += 1
            self._crowd.send(self._upstream, start=self._waiting.popleft(), then=self._next)

    def _next(self, good: bool) -> None:  # noqa: ARG002 - arrivals do not care
        self._flying -= 1
        if self._waiting and not self._crowd.over:
            self._crowd.loop.call_soon(self._send_waiting)


_NAN = float("nan")


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same each time is what is wanted


def _arrival_times(load: Load) -> Iterator[float]:
    """When requests are due, in seconds since the load began."""
    assert load.rate is not None
    rng = _chance(load.seed + 1)
    due = 0.0
    while True:
        due += 1 / load.rate if load.arrivals == "constant" else rng.expovariate(load.rate)
        yield due


def _in_random_order(requests: list[Prepared], rng: random.Random) -> Iterator[Prepared]:
    """Each request once, in random order; and again."""
    order = list(requests)
    while True:
        rng.shuffle(order)
        yield from order


def _prepared(load: Load, number: int, path: str) -> Prepared:
    request = load.requests[number]
    head = (
        f"POST {request.path or path} HTTP/1.1\r\ncontent-type: {request.content_type}\r\naccept: {request.accept}\r\n"
    )
    return Prepared(head.encode("latin-1"), request.body, request.stream, request.expected)
