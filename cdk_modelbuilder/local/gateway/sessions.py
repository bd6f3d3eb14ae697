"""Which copy holds which session.

A container opens a session by answering with a header ``X-Amzn-SageMaker-New-Session-Id: ID; Expires=TIME`` and closes
it with ``X-Amzn-SageMaker-Closed-Session-Id``. Source: InvokeEndpoint's SessionId in the service model.
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
        self._open: dict[bytes, tuple[Target, RunningModel | None, float]] = {}

    def find(self, name: bytes, now: float) -> Target | None:
        """Who holds a session; None where it is closed or expired, or its copy has gone."""
        found = self._open.get(name)
        if found is None:
            return None
        target, running, expires = found
        assert target.copy is not None
        if now >= expires or target.copy.running is not running or target.copy.state != IN_SERVICE:
            del self._open[name]
            return None
        return target

    def opened(self, header: bytes, target: Target, copy: Copy) -> None:
        """``copy`` has opened one; ``header`` is the value of its answer's header."""
        name, _, rest = header.partition(b";")
        while len(self._open) >= _MOST:  # whoever never closes them must not fill the memory
            del self._open[next(iter(self._open))]
        self._open[name.strip()] = (replace(target, copy=copy), copy.running, _seconds(rest.strip()))

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
