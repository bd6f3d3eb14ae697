"""Looks at a server while it is under load."""

from __future__ import annotations

import time
from collections.abc import Callable

from cdk_modelbuilder.tuning.measurement import Measurement

_LEAST_PAUSE, _PAUSE_SHARE = 0.25, 50
"""To look at memory takes at most one part in fifty of the time: it runs on the machine that is measured."""


class Watch:
    """What a measurement looks at meanwhile, and what may end it.

    Args:
        memory: The server's memory in bytes; None where it cannot be told.
        is_running: Whether the server has not ended.
        on_interim: Told about once a second what was measured so far; True ends it.
        deadline: When it has to end at the latest, by ``time.monotonic()``.

    Attributes:
        ended_by: ``callback``, ``server``, ``errors`` or ``deadline``, if that is what ended it.
    """

    def __init__(
        self,
        *,
        memory: Callable[[], int | None] = lambda: None,
        is_running: Callable[[], bool] = lambda: True,
        on_interim: Callable[[Measurement], bool] | None = None,
        deadline: float | None = None,
    ) -> None:
        self._memory, self._is_running = memory, is_running
        self._on_interim, self._deadline = on_interim, deadline
        self._next_memory = 0.0
        self.memory_bytes: int | None = None
        self.ended_by: str | None = None

    def look(self) -> None:
        """Look at the server's memory, now and then, and at whether it is there."""
        now = time.monotonic()
        if now >= self._next_memory:
            found = self._memory()
            took = time.monotonic() - now
            self._next_memory = now + max(_LEAST_PAUSE, _PAUSE_SHARE * took)
            self.memory_bytes = found if self.memory_bytes is None else max(self.memory_bytes, found or 0)
        if not self._is_running():
            self.ended_by = "server"
        elif self._deadline is not None and now >= self._deadline:
            self.ended_by = "deadline"

    def tell(self, measurement: Measurement) -> None:
        """Show what was measured so far."""
        if self._on_interim is not None and self._on_interim(measurement):
            self.ended_by = "callback"
