"""One server of a container, and the states that it goes through."""

from __future__ import annotations

from cdk_modelbuilder.local.gateway.upstream import Upstream
from cdk_modelbuilder.local.running import RunningModel

STARTING = "Starting"
IN_SERVICE = "InService"
UNHEALTHY = "Unhealthy"
RESTARTING = "Restarting"
FAILED = "Failed"
STOPPED = "Stopped"
"""What :attr:`Copy.state` may be. Only a copy in service is sent requests."""


class Copy:
    """One server of a container; what is written here is written in the event loop's thread.

    Attributes:
        label: Its name in logs, such as ``churn/AllTraffic/primary/1``.
        state: One of the states above.
        outstanding: Requests that it has not answered.
        running: The server, while there is one.
        upstream: The connections to it, while there are some.
        restarts: How often it was started again.
        reason: Why it is not in service.
    """

    __slots__ = ("label", "outstanding", "reason", "restarts", "running", "state", "upstream")

    def __init__(self, label: str) -> None:
        self.label = label
        self.state = STARTING
        self.outstanding = 0
        self.running: RunningModel | None = None
        self.upstream: Upstream | None = None
        self.restarts = 0
        self.reason = ""
