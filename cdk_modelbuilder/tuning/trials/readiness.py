"""Waits until each worker of this project's own server has loaded the model, and sees those that end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

_ANNOUNCED_SECONDS = 5.0


class Workers:
    """Reads the server's log for workers that are ready.

    ``/ping`` answers as soon as one of them is. Those that still load would be measured as slow answers.

    Args:
        on_log: Also told of each line.
        is_ours: Whether the server is this project's own, which says in its log how many workers there are.

    Attributes:
        lines: The newest lines of the log.
        threads: Requests that a worker answers at a time, as the server has said.
    """

    def __init__(self, on_log: Callable[[str], object] | None, *, is_ours: bool = False) -> None:
        self._on_log = on_log
        self._is_ours = is_ours
        self._changed = threading.Condition()
        self._expected: int | None = None
        self._loaded = 0
        self.lines: list[str] = []
        self.threads = 1

    def line(self, text: str) -> None:
        """One more line of the log."""
        with self._changed:
            self.lines = [*self.lines[-199:], text]
            self._note(text)
            self._changed.notify_all()
        if self._on_log is not None:
            self._on_log(text)

    def wait(self, deadline: float) -> bool:
        """Whether all that were announced are ready before ``deadline``, by ``time.monotonic()``."""
        with self._changed:
            if self._is_ours:  # a daemon may pass the log on later than the server answers
                self._changed.wait_for(lambda: self._expected is not None, _ANNOUNCED_SECONDS)
            return self._changed.wait_for(
                lambda: self._loaded >= (self._expected or 0), max(0.0, deadline - time.monotonic())
            )

    @property
    def missing(self) -> int:
        """How many that were announced are not ready."""
        return max(0, (self._expected or 0) - self._loaded)

    @property
    def replaced(self) -> int:
        """How many have loaded the model in the place of one that ended: the server starts another by itself."""
        return 0 if self._expected is None else max(0, self._loaded - self._expected)

    def _note(self, text: str) -> None:
        if '"listening"' not in text and '"model loaded"' not in text:
            return
        try:
            said = json.loads(text)
            if said["event"] == "listening":
                self._expected = int(said.get("workers", 1))
                self.threads = int(said.get("threads", 1))
            elif said["event"] == "model loaded":
                self._loaded += 1
        except (ValueError, TypeError, KeyError):
            return
