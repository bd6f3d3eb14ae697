"""Asks copies in service for their health, as SageMaker does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from cdk_modelbuilder.container_spec import HealthCheck
from cdk_modelbuilder.local.gateway.one_copy import IN_SERVICE, UNHEALTHY, Copy

_EVERY_SECONDS = 5.0
_SICK_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 30.0
"""A copy that has failed all pings for so long is replaced."""


class HealthWatch:
    """Pings the copies of one container; for the event loop's thread.

    Args:
        loop: The event loop.
        check: How to ask.
        copies: Who is asked.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, check: HealthCheck, copies: Sequence[Copy]) -> None:
        self._loop = loop
        self._check = check
        self._copies = copies
        self._sick_since: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, copy: Copy) -> None:
        """``copy`` has come up: begin to ask, unless it has begun."""
        self._sick_since.pop(id(copy), None)
        if self._timer is None:
            self._timer = self._loop.call_later(_EVERY_SECONDS, self._ask_all)

    def end(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look_at(self, copy: Copy) -> None:
        """Ask one copy soon, and again until it is healthy or has gone."""
        self._loop.call_later(_SICK_EVERY_SECONDS, self._ask, copy)

    def _ask_all(self) -> None:
        self._timer = self._loop.call_later(_EVERY_SECONDS, self._ask_all)
        for copy in self._copies:
            if copy.state == IN_SERVICE:  # others are looked at already
                self._ask(copy)

    def _ask(self, copy: Copy) -> None:
        if copy.upstream is not None:
            _Ping(self, copy, self._loop, self._check)

    def answered(self, copy: Copy) -> None:
        """It is healthy."""
        self._sick_since.pop(id(copy), None)
        if copy.state == UNHEALTHY:
            copy.state, copy.reason = IN_SERVICE, ""

    def failed(self, copy: Copy, reason: str) -> None:
        """It is not."""
        if copy.state not in (IN_SERVICE, UNHEALTHY):
            return
        copy.state, copy.reason = UNHEALTHY, reason
        now = self._loop.time()
        since = self._sick_since.setdefault(id(copy), now)
        if now - since >= _PATIENCE_SECONDS and copy.running is not None:
            del self._sick_since[id(copy)]
            threading.Thread(target=copy.running.stop, daemon=True).start()  # whoever waits for it starts another
        else:
            self.look_at(copy)


class _Ping:
    """One question; the reader of its answer."""

    def __init__(self, watch: HealthWatch, copy: Copy, loop: asyncio.AbstractEventLoop, check: HealthCheck) -> None:
        self._watch, self._copy, self._running = watch, copy, copy.running
        self._status = 0
        assert copy.upstream is not None
        head = b"GET %s HTTP/1.1\r\nconnection: close\r\n" % check.path.encode()
        # A connection of its own each time: one that is kept may be closed at the same moment.
        self._call = copy.upstream.send(self, head, b"", fresh=True)
        self._timer = loop.call_later(check.timeout_seconds, self._late, check.timeout_seconds)

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:  # noqa: ARG002 - the reader's interface
        self._status = status

    def part(self, data: bytes) -> None:
        """The body says nothing."""

    def ended(self) -> None:
        self._timer.cancel()
        if self._copy.running is not self._running:
            return  # another one by now
        if self._status == 200:
            self._watch.answered(self._copy)
        else:
            self._watch.failed(self._copy, f"its health check answered {self._status}")

    def failed(self, reason: str) -> None:
        self._timer.cancel()
        if self._copy.running is self._running:
            self._watch.failed(self._copy, f"its health check had no answer: {reason}")

    def _late(self, seconds: float) -> None:
        self._call.cancel()
        if self._copy.running is self._running:
            self._watch.failed(self._copy, f"its health check had no answer within {seconds} s")
