"""Users, each of whom sends a request, waits for the answer, and sends the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway.upstream import Upstream

if TYPE_CHECKING:
    from cdk_modelbuilder.tuning.load.crowd import Crowd

_AFTER_FAILURE = 0.01
_LINE_SECONDS = 0.25
"""A user's connection is made anew after this: several workers share a socket, and which of them has a connection is
chance. Over a trial, that evens out."""
_SPREAD_SECONDS = 1.0


class Users:
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
