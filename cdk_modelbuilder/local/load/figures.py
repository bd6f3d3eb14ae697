"""The figures of a load test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.local.load.plan import LoadPlan


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load test measured.

    Attributes:
        plan: How much was sent.
        seconds: How long answers were counted.
        milliseconds: Time to each good answer, sorted.
        failures: HTTP status, or what became of the connection -> how often.
        unanswered: Requests that were under way at the end.
        memory_bytes: Most resident memory of the model's processes at a time; None where it cannot be told.
    """

    plan: LoadPlan
    seconds: float
    milliseconds: Sequence[float]
    failures: Mapping[str, int]
    unanswered: int
    memory_bytes: int | None

    @property
    def answers_per_second(self) -> float:
        """Good answers a second."""
        return len(self.milliseconds) / self.seconds

    @property
    def error_rate(self) -> float:
        """Share of the answers that were errors, from 0 to 1."""
        failed = sum(self.failures.values())
        return failed / total if (total := failed + len(self.milliseconds)) else 0.0

    def percentile(self, percent: float) -> float | None:
        """The time within which so many per cent of the good answers came, in ms; None where there was none.

        It is the smallest time that was measured of which that is true (the nearest rank), so no time is made up.

        >>> result = LoadResult(LoadPlan(), 1.0, [1.0, 2.0, 3.0, 4.0], {}, 0, None)
        >>> result.percentile(50), result.percentile(99)
        (2.0, 4.0)
        """
        if not self.milliseconds:
            return None
        rank = max(1, math.ceil(percent / 100 * len(self.milliseconds)))
        return self.milliseconds[rank - 1]

    def to_json(self) -> dict[str, Any]:
        """Plain data for machines."""
        return {
            "concurrency": self.plan.concurrency,
            "think_seconds": self.plan.think_seconds,
            "seconds": round(self.seconds, 3),
            "answers": len(self.milliseconds),
            "answers_per_second": round(self.answers_per_second, 2),
            "error_rate": round(self.error_rate, 6),
            "failures": dict(self.failures),
            "unanswered": self.unanswered,
            "latency_ms": {f"p{percent}": _rounded(self.percentile(percent)) for percent in (50, 90, 99)},
            "memory_bytes": self.memory_bytes,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
