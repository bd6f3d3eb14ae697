"""Counts the bytes of a publication, for its result and for the progress bar."""

from __future__ import annotations

import threading
from collections.abc import Callable

OnProgress = Callable[[str, int, int], object]
"""Called with a step, the bytes of it that are done, and how many there are; from one thread at a time."""


class Tally:
    """Bytes sent, and bytes that need not be sent. Safe to use from several threads.

    Attributes:
        total: Bytes in all.
        bytes_sent: Sent, repetitions among them.
        bytes_found: In objects that were in the bucket already.
        bytes_resumed: In parts that an interrupted upload had sent.
    """

    def __init__(self, step: str, total: int, progress: OnProgress | None) -> None:
        self.total = total
        self.bytes_sent = 0
        self.bytes_found = 0
        self.bytes_resumed = 0
        self._step = step
        self._progress = progress
        self._lock = threading.Lock()

    def sent(self, count: int) -> None:
        """Count bytes that were sent."""
        with self._lock:
            self.bytes_sent += count
            self._report()

    def found(self, count: int) -> None:
        """Count bytes of an object that was there."""
        with self._lock:
            self.bytes_found += count
            self._report()

    def resumed(self, count: int) -> None:
        """Count bytes of parts that were there."""
        with self._lock:
            self.bytes_resumed += count
            self._report()

    def _report(self) -> None:
        if self._progress is not None:
            done = self.bytes_sent + self.bytes_found + self.bytes_resumed
            self._progress(self._step, min(done, self.total), self.total)
