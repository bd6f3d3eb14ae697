"""Requests that come when they come, whether or not those before them are answered."""

from __future__ import annotations

import collections
import math
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway.upstream import Upstream
from cdk_modelbuilder.tuning.load.chance import chance
from cdk_modelbuilder.tuning.load.plan import MOST_USERS, Load
from cdk_modelbuilder.tuning.load.records import TIMED_OUT, Record

if TYPE_CHECKING:
    from cdk_modelbuilder.tuning.load.crowd import Crowd


class Arrivals:
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
            self._crowd.note(Record(due, now, math.nan, math.nan, now, math.nan, TIMED_OUT))

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


def _arrival_times(load: Load) -> Iterator[float]:
    """When requests are due, in seconds since the load began."""
    assert load.rate is not None
    rng = chance(load.seed + 1)
    due = 0.0
    while True:
        due += 1 / load.rate if load.arrivals == "constant" else rng.expovariate(load.rate)
        yield due
