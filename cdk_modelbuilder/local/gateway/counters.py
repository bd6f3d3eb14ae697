"""How many requests, how many errors, and how long they took."""

from __future__ import annotations

from collections import deque
from typing import Any

_REMEMBERED = 4096
_SHOWN = 100


class Counters:
    """Of one variant or component; for the event loop's thread.

    Attributes:
        requests: Answered requests.
        client_errors: Of these, answers of 400 to 499 from the container or from the API.
        server_errors: Of these, all other failures.
    """

    __slots__ = ("_seconds", "client_errors", "requests", "server_errors")

    def __init__(self) -> None:
        self.requests = self.client_errors = self.server_errors = 0
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def count(self, status: int, seconds: float) -> None:
        """Note an answer; ``status`` is the container's, or the API's where no container was asked."""
        self.requests += 1
        self._seconds.append(seconds)
        if 400 <= status < 500:
            self.client_errors += 1
        elif status >= 500 or status == 0:
            self.server_errors += 1

    def to_json(self) -> dict[str, Any]:
        """Plain data; latencies are in milliseconds, of the newest 4096 answers; in ``recent_ms``, of 100."""
        ordered = sorted(self._seconds)
        return {
            "requests": self.requests,
            "client_errors": self.client_errors,
            "server_errors": self.server_errors,
            "p50_ms": _quantile(ordered, 0.50),
            "p99_ms": _quantile(ordered, 0.99),
            "recent_ms": [round(seconds * 1000, 3) for seconds in list(self._seconds)[-_SHOWN:]],
        }


def _quantile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)
