"""A container that answers with the request, and counts how many requests it holds at a time."""

from __future__ import annotations

import threading

from tests.predictor.scripted_container import Reply, ScriptedContainer


class EchoContainer(ScriptedContainer):
    """Answers with the request's body; with 500 where "fail" is in it."""

    def __init__(self) -> None:
        super().__init__(Reply())
        self.answered = 0
        self.most_at_a_time = 0
        self._held = 0
        self._barrier: threading.Barrier | None = None

    def meet(self, count: int) -> None:
        """From now on hold every request until ``count`` are there."""
        self._barrier = threading.Barrier(count)

    def next_reply(self, headers: dict[str, str], body: bytes) -> Reply:
        with self._lock:
            self._held += 1
            self.most_at_a_time = max(self.most_at_a_time, self._held)
        if self._barrier:
            self._barrier.wait(30)
        with self._lock:
            self._held -= 1
            self.answered += 1
        return Reply(500, b'{"message": "told to fail"}') if b"fail" in body else Reply(body=body)
