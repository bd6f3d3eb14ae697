"""The users of a load test: a request, an answer, a thought, and again; in one event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from cdk_modelbuilder.local.gateway.upstream import Call, Upstream
from cdk_modelbuilder.local.load.plan import LoadPlan, LoadRequest


@dataclass(slots=True)
class Observed:
    """What the users saw while answers were counted.

    Attributes:
        milliseconds: From the request to the end of each answer with a status below 400, in the order of arrival.
        failures: Status, or what became of the connection -> how often.
        seconds: How long was counted.
        unanswered: Requests that were under way when it ended.
    """

    milliseconds: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    unanswered: int = 0


class _User:
    """One user; it is told of the answer as it comes."""

    __slots__ = ("_body", "_crowd", "_head", "_loop", "_sent", "_status", "_upstream", "call")

    def __init__(self, crowd: _Crowd, request: LoadRequest) -> None:
        self._crowd = crowd
        self._loop = crowd.loop
        self._upstream = Upstream(crowd.loop, request.port)
        self._head, self._body = request.head(), request.body
        self._sent = 0.0
        self._status = 0
        self.call: Call | None = None

    def send(self) -> None:
        if self._crowd.over:
            return
        self._sent = time.perf_counter()  # uvloop's own clock counts in milliseconds
        self.call = self._upstream.send(self, self._head, self._body)

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:  # noqa: ARG002 - of no interest
        self._status = status

    def part(self, data: bytes) -> None:
        pass

    def ended(self) -> None:
        took = 1000 * (time.perf_counter() - self._sent)
        self._next(took, None if self._status < 400 else str(self._status))

    def failed(self, reason: str) -> None:
        self._next(0.0, f"connection {reason}")

    def close(self) -> None:
        self._upstream.close()

    def _next(self, milliseconds: float, failure: str | None) -> None:
        self.call = None
        crowd = self._crowd
        crowd.note(milliseconds, failure)
        # Someone who was turned away at once does not spin.
        wait = max(crowd.plan.think_seconds, 0.01 if failure and failure.startswith("connection") else 0.0)
        if wait:
            self._loop.call_later(wait, self.send)
        else:
            self._loop.call_soon(self.send)


class _Crowd:
    """All users, and what they saw."""

    def __init__(self, plan: LoadPlan) -> None:
        self.loop = asyncio.get_running_loop()
        self.plan = plan
        self.over = False
        self.counting = False
        self.observed = Observed()

    def note(self, milliseconds: float, failure: str | None) -> None:
        if not self.counting:
            return
        if failure is None:
            self.observed.milliseconds.append(milliseconds)
        else:
            self.observed.failures[failure] = self.observed.failures.get(failure, 0) + 1


async def send_load(plan: LoadPlan, request: LoadRequest) -> Observed:
    """Send ``request`` as ``plan`` says."""
    crowd = _Crowd(plan)
    users = [_User(crowd, request) for _ in range(plan.concurrency)]
    for user in users:
        user.send()
    await asyncio.sleep(plan.warm_up_seconds)
    crowd.counting, start = True, crowd.loop.time()
    await asyncio.sleep(plan.seconds)
    crowd.counting, crowd.over = False, True
    crowd.observed.seconds = crowd.loop.time() - start
    crowd.observed.unanswered = sum(user.call is not None for user in users)
    for user in users:
        if user.call is not None:
            user.call.cancel()
        user.close()
    await asyncio.sleep(0)  # for the connections to close
    return crowd.observed
