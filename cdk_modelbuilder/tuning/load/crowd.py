"""All those who send the load, in one event loop, and what came of each request."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

from cdk_modelbuilder.local.gateway.upstream import Upstream
from cdk_modelbuilder.tuning.load.arrivals import Arrivals
from cdk_modelbuilder.tuning.load.chance import chance
from cdk_modelbuilder.tuning.load.flight import Flight, Prepared
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.records import Record
from cdk_modelbuilder.tuning.load.users import Users

_SWEEP_SECONDS = 0.05


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
        self._flying: dict[Flight, None] = {}  # in the order in which they were due, but for what waits
        self._ended: list[Record] = []
        prepared = [_prepared(load, number, path) for number in range(len(load.requests))]
        self._choice = _in_random_order(prepared, chance(load.seed))
        self._sender: Users | Arrivals = Users(self) if load.rate is None else Arrivals(self)

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
        flight = Flight(self, self.clock() if start is None else start, then)
        self._flying[flight] = None
        flight.send(upstream, next(self._choice))

    def note(self, record: Record, flight: Flight | None = None) -> None:
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
