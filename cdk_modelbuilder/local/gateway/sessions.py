"""Which copies hold which session: one, or one of each container in a series.

A container opens a session by answering with a header ``X-Amzn-SageMaker-New-Session-Id: ID; Expires=TIME`` and closes
it with ``X-Amzn-SageMaker-Closed-Session-Id``. Sources: InvokeEndpoint's SessionId in the service model, and the page
"Stateful sessions" of the developer guide: SageMaker sends a session to the instance that opened it. The page makes no
exception of pipelines, all of whose containers every instance has, so a session there keeps to the copies that answered
its first request.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway.one_copy import IN_SERVICE, Copy
from cdk_modelbuilder.local.running import RunningModel

if TYPE_CHECKING:
    from cdk_modelbuilder.local.gateway.routing import Target

_MOST = 100_000
_FOR_EVER = float("inf")


class Sessions:
    """The open sessions of one endpoint."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[Target, tuple[RunningModel | None, ...], float]] = {}

    def find(self, name: bytes, now: float) -> Target | None:
        """Who holds a session; None where it is closed or expired, or a copy has gone."""
        found = self._open.get(name)
        if found is None:
            return None
        target, running, expires = found
        there = all(
            copy.running is one and copy.state == IN_SERVICE for copy, one in zip(target.held, running, strict=True)
        )
        if now >= expires or not there:
            del self._open[name]
            return None
        return target

    def opened(self, header: bytes, target: Target, copies: tuple[Copy, ...]) -> None:
        """The last of ``copies`` has opened one; ``header`` is the value of its answer's header."""
        name, _, rest = header.partition(b";")
        while len(self._open) >= _MOST:  # whoever never closes them must not fill the memory
            del self._open[next(iter(self._open))]
        self._open[name.strip()] = (
            replace(target, held=copies),
            tuple(copy.running for copy in copies),
            _seconds(rest.strip()),
        )

    def closed(self, name: bytes) -> None:
        """A container has closed one."""
        self._open.pop(name.strip(), None)


def _seconds(attribute: bytes) -> float:
    """Seconds since the epoch out of ``Expires=2026-01-31T09:30:00Z``; for ever if there is none."""
    key, _, value = attribute.partition(b"=")
    try:
        return dt.datetime.fromisoformat(value.decode("ascii")).timestamp() if key.lower() == b"expires" else _FOR_EVER
    except ValueError:
        return _FOR_EVER
