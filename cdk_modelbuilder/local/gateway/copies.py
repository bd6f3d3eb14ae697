"""The copies of one container: started, watched, started again, and chosen from."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.local.gateway.health import HealthWatch
from cdk_modelbuilder.local.gateway.hosted import RANDOM
from cdk_modelbuilder.local.gateway.one_copy import (
    FAILED,
    IN_SERVICE,
    RESTARTING,
    STARTING,
    STOPPED,
    UNHEALTHY,
    Copy,
)
from cdk_modelbuilder.local.gateway.upstream import Upstream
from cdk_modelbuilder.local.running import RunningModel

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 2.0
"""Whoever was in service for so long is started again after the first pause; what fails at once waits ever longer."""
_STOP_SECONDS = 45.0


class Start(Protocol):
    """Starts a server and returns when it is healthy."""

    def __call__(
        self, bundle: ModelBundle, environment: Mapping[str, str], *, on_log: Callable[[str], object]
    ) -> RunningModel:
        """Serve ``bundle`` with these variables; ``on_log`` is called with each line of the log, in any thread.

        Raises:
            ModelBuilderError: It did not start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What copies need of the gateway.

    Attributes:
        loop: Its event loop.
        start: Starts a server.
        on_log: Called with a copy's label and a line of its log, in any thread.
        on_change: Called in the loop when a copy came up or went down.
        choice: Random numbers of variants and copies.
    """

    loop: asyncio.AbstractEventLoop
    start: Start
    on_log: Callable[[str, str], None]
    on_change: Callable[[], None]
    choice: random.Random


class CopySet:
    """All copies of one container in one place.

    Args:
        surroundings: The gateway.
        bundle: What they serve.
        environment: Their variables.
        label: The place, such as ``churn/AllTraffic/primary``.
        count: How many.
        routing: How one is chosen.

    Attributes:
        bundle: What they serve.
        copies: The copies.
        invocations_path: Where they take requests.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        bundle: ModelBundle,
        environment: Mapping[str, str],
        *,
        label: str,
        count: int,
        routing: str,
    ) -> None:
        self.bundle = bundle
        self.invocations_path = bundle.container.invocations_path.encode()
        self.copies = [Copy(f"{label}/{number}") for number in range(1, count + 1)]
        self._surroundings = surroundings
        self._environment = environment
        self._random = routing == RANDOM
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._supervise, args=(copy,), name=copy.label, daemon=True) for copy in self.copies
        ]
        self._watch = HealthWatch(surroundings.loop, bundle.container.health_check, self.copies)

    def start(self) -> None:
        """Begin to start them; returns at once."""
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> bool:
        """Whether all have come up once."""
        return all(copy.state != STARTING for copy in self.copies)

    @property
    def failure(self) -> str | None:
        """Why one did not come up."""
        return next((copy.reason for copy in self.copies if copy.state == FAILED), None)

    def pick(self) -> Copy | None:
        """The copy for the next request; None where none is in service."""
        best: Copy | None = None
        healthy = [copy for copy in self.copies if copy.state == IN_SERVICE]
        if self._random and healthy:
            return self._surroundings.choice.choice(healthy)
        for copy in healthy:
            if best is None or copy.outstanding < best.outstanding:
                best = copy
        return best

    def suspect(self, copy: Copy) -> None:
        """It took no connection: nothing is sent to it until it answers a ping, or is started again."""
        if copy.state == IN_SERVICE:
            copy.state, copy.reason = UNHEALTHY, "it took no connection"
            self._watch.look_at(copy)

    def retire(self) -> None:
        """Start none of them again."""
        self._stopping.set()

    def stop(self) -> None:
        """End them; waits for it. Not for the event loop's thread."""
        self.retire()
        deadline = time.monotonic() + _STOP_SECONDS
        enders = [
            threading.Thread(target=copy.running.stop, daemon=True) for copy in self.copies if copy.running is not None
        ]
        for thread in enders:
            thread.start()
        for thread in [*enders, *self._threads]:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def _supervise(self, copy: Copy) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            lived = 0.0
            try:
                running = self._surroundings.start(
                    self.bundle, self._environment, on_log=lambda line: self._surroundings.on_log(copy.label, line)
                )
            except Exception as error:  # noqa: BLE001 - whatever a runner raises, the endpoint must not wait for ever
                reason = str(error) if isinstance(error, ModelBuilderError) else repr(error)
                self._tell(self._went_down, copy, reason)
            else:
                self._tell(self._came_up, copy, running)
                if self._stopping.is_set():
                    running.stop()
                began = time.monotonic()
                status = running.wait()
                lived = time.monotonic() - began
                running.stop()
                self._tell(self._went_down, copy, f"{running.identity} ended with status {status}")
            if lived > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._tell(self._ended, copy)

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        if not self._surroundings.loop.is_closed():
            self._surroundings.loop.call_soon_threadsafe(what, *arguments)

    def _came_up(self, copy: Copy, running: RunningModel) -> None:
        copy.running, copy.upstream = running, Upstream(self._surroundings.loop, running.port)
        copy.state, copy.reason = IN_SERVICE, ""
        self._watch.begin(copy)
        self._surroundings.on_change()

    def _went_down(self, copy: Copy, reason: str) -> None:
        never_up = copy.running is None and copy.state in (STARTING, FAILED)
        copy.reason = reason
        copy.state = FAILED if never_up else RESTARTING
        copy.restarts += 1
        self._close(copy)
        self._surroundings.on_change()

    def _ended(self, copy: Copy) -> None:
        copy.state = STOPPED
        self._watch.end()
        self._close(copy)

    @staticmethod
    def _close(copy: Copy) -> None:
        if copy.upstream is not None:
            copy.upstream.close()
        copy.running = copy.upstream = None
