"""What a tuning is for: the figure to make large or small, and the bounds that a configuration must keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import instance_type
from cdk_modelbuilder.tuning.hardware import Hardware
from cdk_modelbuilder.tuning.measurement import Interval, Measurement

GOALS = ("throughput", "latency", "cost")
FAMILIES = {"": "latency_ms", "first_token_": "first_token_ms", "token_": "token_ms"}
STATISTICS = ("mean", "p50", "p90", "p99")
FIGURES = tuple(f"{family}{statistic}" for family in FAMILIES for statistic in STATISTICS)
"""Names of latencies: ``p99``, ``first_token_p50``, ``token_mean``, ..."""
_UNITS = ("requests", "tokens")
_MILLION = 1_000_000
_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The goal of a tuning.

    Attributes:
        goal: ``throughput`` (as much as can be), ``latency`` (as short as can be at the load given), or ``cost`` (of a
            million requests or tokens).
        figure: The latency that ``latency`` makes short: one of :data:`FIGURES`.
        bounds: Latency -> milliseconds that it must not exceed.
        per: What throughput and cost count: ``requests`` or output ``tokens``.
        price_per_hour: Of the instance, in whatever currency; for ``cost``. Or a price table, instance type -> price,
            of which the cheapest type counts that is like the machine that is tuned on.
        max_error_rate: Share of wrong answers from which on a configuration is out.

    Raises:
        UsageError: A name that there is not, a bound that is no time, or no price for ``cost``.
    """

    goal: str = "throughput"
    figure: str = "p99"
    bounds: Mapping[str, float] = field(default_factory=dict)
    per: str = "requests"
    price_per_hour: float | Mapping[str, float] | None = None
    max_error_rate: float = 0.01

    def __post_init__(self) -> None:
        _one_of("goal", self.goal, GOALS)
        _one_of("figure", self.figure, FIGURES)
        _one_of("per", self.per, _UNITS)
        for name, bound in self.bounds.items():
            _one_of("a bound's latency", name, FIGURES)
            if isinstance(bound, bool) or not isinstance(bound, int | float) or not bound > 0:
                raise UsageError(f"the bound {name} is {bound!r}.", remedy="Give milliseconds, above 0.")
        if self.goal == "cost" and not _prices(self.price_per_hour):
            raise UsageError(
                "the goal is cost, and there is no price.",
                remedy="Give price_per_hour= (--price), what an hour of the instance costs, or a table of such prices.",
            )
        for price in _prices(self.price_per_hour):
            if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
                raise UsageError(f"the price of an hour is {price!r}.", remedy="Give a number above 0.")
        if not 0 <= self.max_error_rate < 1:
            raise UsageError(f"max_error_rate is {self.max_error_rate!r}.", remedy="Give a share from 0 to below 1.")

    @property
    def grows(self) -> bool:
        """Whether more is better."""
        return self.goal == "throughput"

    @property
    def unit(self) -> str:
        """What :meth:`figure_of` is in."""
        if self.goal == "latency":
            return "ms"
        return f"{self.per}/s" if self.goal == "throughput" else f"per million {self.per}"

    @property
    def watched(self) -> tuple[str, ...]:
        """The figures whose intervals a trial must settle, as measurements name them."""
        if self.goal == "latency":
            return (measured_name(self.figure),)
        return ("tokens_per_second" if self.per == "tokens" else "requests_per_second",)

    @property
    def sentence(self) -> str:
        """In words, such as ``most requests/s with p99 within 100 ms``."""
        what = {
            "throughput": f"most {self.per} a second",
            "latency": f"shortest {self.figure}",
            "cost": f"lowest cost of a million {self.per}",
        }[self.goal]
        kept = " and ".join(f"{name} within {bound:g} ms" for name, bound in sorted(self.bounds.items()))
        return f"{what} with {kept}" if kept else what

    def figure_of(self, measurement: Measurement) -> Interval:
        """The figure that counts, in :attr:`unit`.

        Raises:
            UsageError: The answers do not have it: they are no stream, or no tokens are counted.
        """
        if self.goal == "latency":
            return latency_of(measurement, self.figure)
        rate = measurement.requests_per_second if self.per == "requests" else measurement.tokens_per_second
        if rate is None:
            raise UsageError(
                "the answers have no tokens to count.", remedy="Take per='requests', or requests that are streamed."
            )
        if self.goal == "throughput":
            return rate
        return Interval(*(self._cost(each) for each in (rate.value, rate.high, rate.low)))

    def excess(self, measurement: Measurement) -> float:
        """By what share the worst bound is exceeded; 0 where all are kept.

        Raises:
            UsageError: A bound is on what the answers do not have.
        """
        over = [latency_of(measurement, name).value / bound - 1 for name, bound in self.bounds.items()]
        return max([0.0, *over])

    def surely_exceeded(self, measurement: Measurement) -> bool:
        """Whether a bound is exceeded by more than chance. Without any answer yet, nothing is sure."""
        over = (latency_of(measurement, name).low > bound for name, bound in self.bounds.items())
        return measurement.answers > 0 and any(over)

    def priced_for(self, machine: Hardware) -> Objective:
        """The same with one price: the cheapest of the table's types that are like ``machine``.

        Raises:
            UsageError: None of them is.
        """
        if not isinstance(self.price_per_hour, Mapping):
            return self
        reasons, alike = [], []
        for name, price in sorted(self.price_per_hour.items()):
            kind = instance_type(name)
            reason = f"{name} is no known instance type" if kind is None else machine.difference(kind)
            if reason is None:
                alike.append(price)
            else:
                reasons.append(reason)
        if not alike:
            raise UsageError(
                f"no type of the price table is like this machine: {'; '.join(reasons)}.",
                remedy="Tune on such an instance, or give the one price that is to count (--price NUMBER).",
            )
        return replace(self, price_per_hour=min(alike))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "bounds": dict(self.bounds)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Objective:
        """What :meth:`to_json` gave."""
        return cls(**data)

    def _cost(self, rate: float) -> float:
        assert isinstance(self.price_per_hour, int | float)  # priced_for() was asked
        return float("inf") if rate <= 0 else self.price_per_hour / _SECONDS_AN_HOUR / rate * _MILLION


def latency_of(measurement: Measurement, figure: str) -> Interval:
    """A latency by its name in :data:`FIGURES`.

    Raises:
        UsageError: The answers are no stream, which have no first token.
    """
    family, _, statistic = measured_name(figure).partition(".")
    found = getattr(measurement, family)
    if not measurement.answers:
        return Interval(math.inf, math.inf, math.inf)
    if found is None:
        raise UsageError(
            f"{figure} cannot be measured: the answers are no streams of tokens.",
            remedy='Give requests with "stream": true in requests= (--requests), or take another latency.',
        )
    interval: Interval = found[statistic]
    return interval


def measured_name(figure: str) -> str:
    """A latency's name in a measurement, such as ``first_token_ms.p99`` for ``first_token_p99``."""
    family, _, statistic = figure.rpartition("_")
    return f"{FAMILIES[f'{family}_' if family else '']}.{statistic}"


def _prices(given: float | Mapping[str, float] | None) -> list[float]:
    if given is None:
        return []
    return list(given.values()) if isinstance(given, Mapping) else [given]


def _one_of(what: str, given: object, known: tuple[str, ...]) -> None:
    if given not in known:
        raise UsageError(f"{what} is {given!r}.", remedy=f"Take one of {', '.join(known)}.")
