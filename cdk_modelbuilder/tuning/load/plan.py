"""What is sent in a trial, and when that is enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.load.requests import LoadRequest
from cdk_modelbuilder.tuning.measurement import check_figure

Arrivals = Literal["poisson", "constant"]
MOST_USERS = 1000
"""Most requests in flight; each has a connection of its own."""
_MOST_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Either so many users, each of whom waits for the answer before the next request, or arrivals at a rate.

    Users slow down with the server, as a batch job does. Arrivals do not: the public does not wait for others'
    answers. Their times count from when a request was *due*, so a server that stalls is charged for every request that
    came due meanwhile.

    Attributes:
        requests: What is sent, in an order that ``seed`` decides.
        concurrency: Users; None for arrivals.
        rate: Arrivals a second; None for users.
        arrivals: ``poisson``, independent of each other, or ``constant``, evenly spaced.
        warm_up_seconds: Load that is not counted.
        min_seconds: The window that is counted is at least so long.
        max_seconds: It ends after so long, however wide the intervals are.
        relative_width: It ends when half the interval of each of ``figures`` is below this share of the figure.
        figures: Names of figures, see :meth:`~cdk_modelbuilder.tuning.measurement.Measurement.figure`.
        timeout_seconds: A request without its whole answer after so long has failed.
        most_errors: A larger share of failed requests makes the trial one of errors.
        seed: Makes order and arrivals the same each time.

    Raises:
        UsageError: Neither or both of users and rate, or a number out of range.
    """

    requests: tuple[LoadRequest, ...]
    concurrency: int | None = None
    rate: float | None = None
    arrivals: Arrivals = "poisson"
    warm_up_seconds: float = 2.0
    min_seconds: float = 5.0
    max_seconds: float = 60.0
    relative_width: float = 0.05
    figures: tuple[str, ...] = ("requests_per_second",)
    timeout_seconds: float = 60.0
    most_errors: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.requests:
            raise UsageError("a load has no request.", remedy="Give requests=, such as those of sample_requests().")
        if (self.concurrency is None) == (self.rate is None):
            raise UsageError(
                f"a load has concurrency {self.concurrency} and rate {self.rate}.",
                remedy="Give one of them: users who wait for answers, or arrivals a second.",
            )
        if self.arrivals not in get_args(Arrivals):
            raise UsageError(f"arrivals={self.arrivals!r} is unknown.", remedy="Give 'poisson' or 'constant'.")
        for name, low, high in (
            ("concurrency", 1, MOST_USERS),
            ("rate", 0.001, 100_000),
            ("warm_up_seconds", 0, _MOST_SECONDS),
            ("min_seconds", 0.1, _MOST_SECONDS),
            ("max_seconds", 0.1, _MOST_SECONDS),
            ("relative_width", 0, 10),
            ("timeout_seconds", 0.001, _MOST_SECONDS),
            ("most_errors", 0, 1),
        ):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and low <= value <= high):
                raise UsageError(f"the load's {name} is {value!r}.", remedy=f"Give a number from {low} to {high}.")
        if self.concurrency is not None and self.concurrency != int(self.concurrency):
            raise UsageError(f"the load's concurrency is {self.concurrency}.", remedy="Give a whole number.")
        if self.min_seconds > self.max_seconds:
            raise UsageError(
                f"the load's min_seconds {self.min_seconds:g} is more than its max_seconds {self.max_seconds:g}.",
                remedy="Give max_seconds at least as much.",
            )
        for name in self.figures:
            check_figure(name)

    @property
    def most_trial_seconds(self) -> float:
        """How long a trial may send, but for the answers that are then under way."""
        return self.warm_up_seconds + self.max_seconds

    def describe(self) -> str:
        """In a few words, for a report."""
        if self.concurrency is not None:
            return f"{self.concurrency} user{'s' if self.concurrency > 1 else ''} at a time"
        assert self.rate is not None
        spaced = ", evenly spaced" if self.arrivals == "constant" else ""
        return f"{self.rate:g} requests a second{spaced}"

    def to_json(self) -> dict[str, Any]:
        """Plain data, requests included."""
        return {
            **asdict(self),
            "requests": [one.to_json() for one in self.requests],
            "figures": list(self.figures),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The load in ``data``."""
        return cls(
            **{
                **data,
                "requests": tuple(LoadRequest.from_json(one) for one in data["requests"]),
                "figures": tuple(data["figures"]),
            }
        )
