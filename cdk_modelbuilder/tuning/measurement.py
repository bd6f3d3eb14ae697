"""What a measurement under load found: figures with their confidence intervals, as values that go to JSON and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cdk_modelbuilder.errors import UsageError

TIMES = ("p50", "p90", "p99", "mean")
"""What is said about each kind of time."""
FIGURES = (
    *("requests_per_second", "tokens_per_second"),
    *(f"{kind}.{name}" for kind in ("latency_ms", "first_token_ms", "token_ms") for name in TIMES),
)
"""Names that :meth:`Measurement.figure` knows."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its confidence interval of 95 %.

    Attributes:
        value: The figure.
        low: Lower end.
        high: Upper end; infinite where so few answers say nothing about it.
    """

    value: float
    low: float
    high: float

    @property
    def relative_width(self) -> float:
        """Half of the interval as a share of the figure; infinite where either is not known.

        >>> Interval(100.0, 95.0, 105.0).relative_width
        0.05
        """
        if self.low == self.high:
            return 0.0
        return (self.high - self.low) / 2 / abs(self.value) if self.value else math.inf

    def to_json(self) -> dict[str, float | None]:
        """Plain data; None stands for an end that is not known."""
        return {"value": self.value, "low": self.low, "high": self.high if math.isfinite(self.high) else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The interval in ``data``."""
        high = data["high"]
        return cls(float(data["value"]), float(data["low"]), math.inf if high is None else float(high))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a server did under a load, in the window that was counted.

    Times are those of the requests that *arrived* in the window, all of which were followed to their end; rates count
    what was *completed* in it. In a steady state that is the same set, and neither end of the window is favoured.

    Attributes:
        requests_per_second: Good answers a second.
        latency_ms: From the arrival to the end of the answer: ``p50``, ``p90``, ``p99`` and ``mean``. Empty where there
            was no good answer.
        first_token_ms: From the arrival to the first token; None where the answers are no streams.
        token_ms: Time for each token after the first; None likewise, or where no answer had two.
        tokens_per_second: Output tokens, of all users together; None where the answers do not tell.
        concurrency: Mean number of requests in flight: their number integrated over time, by the elapsed time.
        answers: Good answers that the times are of.
        failures: HTTP status, or what became of the request -> how often.
        error_rate: Share of the requests that failed, from 0 to 1.
        seconds: Length of the window.
        warm_up_seconds: How long load was sent before it.
        settled: Whether the figures asked for became as narrow as was asked; else the time ran out first.
        memory_bytes: Most resident memory of the server's processes or container that was seen; None if not known.
        sender_busy: Share of one processor that sending the load took. Near 1, the sender was the limit, and not the
            server.
        tokens_counted: Whether the server said how many tokens there were (``usage``) or pieces of a stream were
            counted for tokens; None where there are none.
        warnings: What makes these figures worth less than they seem.
    """

    requests_per_second: Interval
    latency_ms: Mapping[str, Interval]
    first_token_ms: Mapping[str, Interval] | None
    token_ms: Mapping[str, Interval] | None
    tokens_per_second: Interval | None
    concurrency: float
    answers: int
    failures: Mapping[str, int]
    error_rate: float
    seconds: float
    warm_up_seconds: float
    settled: bool
    memory_bytes: int | None
    sender_busy: float = 0.0
    tokens_counted: str | None = None
    warnings: tuple[str, ...] = field(default=())

    def figure(self, name: str) -> Interval | None:
        """The figure of this name, such as ``requests_per_second`` or ``latency_ms.p99``; None where it has none.

        Raises:
            UsageError: There is no such figure.
        """
        check_figure(name)
        kind, _, part = name.partition(".")
        found = getattr(self, kind)
        if part and found is not None:
            found = found.get(part)
        return found if isinstance(found, Interval) else None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "requests_per_second": self.requests_per_second.to_json(),
            "latency_ms": _times_to_json(self.latency_ms),
            "first_token_ms": None if self.first_token_ms is None else _times_to_json(self.first_token_ms),
            "token_ms": None if self.token_ms is None else _times_to_json(self.token_ms),
            "tokens_per_second": None if self.tokens_per_second is None else self.tokens_per_second.to_json(),
            "concurrency": self.concurrency,
            "answers": self.answers,
            "failures": dict(sorted(self.failures.items())),
            "error_rate": self.error_rate,
            "seconds": self.seconds,
            "warm_up_seconds": self.warm_up_seconds,
            "settled": self.settled,
            "memory_bytes": self.memory_bytes,
            "sender_busy": self.sender_busy,
            "tokens_counted": self.tokens_counted,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The measurement in ``data``.

        Raises:
            UsageError: It is none.
        """
        try:
            tokens = data["tokens_per_second"]
            return cls(
                **{
                    **data,
                    "requests_per_second": Interval.from_json(data["requests_per_second"]),
                    "latency_ms": _times_from_json(data["latency_ms"]),
                    "first_token_ms": _optional_times(data["first_token_ms"]),
                    "token_ms": _optional_times(data["token_ms"]),
                    "tokens_per_second": None if tokens is None else Interval.from_json(tokens),
                    "failures": dict(data["failures"]),
                    "warnings": tuple(data["warnings"]),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"a measurement is malformed: {type(error).__name__}: {error}.",
                remedy="Restore the file from version control, or measure again.",
            ) from None


def check_figure(name: str) -> str:
    """The name itself.

    Raises:
        UsageError: There is no such figure.
    """
    if name not in FIGURES:
        raise UsageError(f"there is no figure {name!r}.", remedy=f"The figures are {', '.join(FIGURES)}.")
    return name


def _times_to_json(times: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: times[name].to_json() for name in TIMES if name in times}


def _times_from_json(data: Mapping[str, Any]) -> dict[str, Interval]:
    return {str(name): Interval.from_json(one) for name, one in data.items()}


def _optional_times(data: Mapping[str, Any] | None) -> dict[str, Interval] | None:
    return None if data is None else _times_from_json(data)
