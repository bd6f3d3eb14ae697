"""The points of the plot: how much each configuration does against how long its answers take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.objective import latency_of
from cdk_modelbuilder.tuning.result import Configuration, TuningResult


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration in the plot.

    Attributes:
        latency: Of the figure on the axis, in ms.
        rate: Requests or tokens a second.
        words: The configuration and its load.
        kind: ``tried``, ``default`` or ``chosen``.
        status: As the configuration has it.
        best: Whether no other has both more a second and shorter answers.
    """

    latency: float
    rate: float
    words: str
    kind: str
    status: str
    best: bool = False


def axis_of(result: TuningResult) -> str:
    """The latency on the axis: that of the goal, else the first bound's, else p99."""
    if result.objective.goal == "latency":
        return result.objective.figure
    return min(result.objective.bounds, default="p99")


def points_of(result: TuningResult) -> list[Point]:
    """The points: each configuration tried, and what was measured again with the mean over its repeats."""
    again = {one.words: one for one in (result.default, *result.finalists)}
    found: list[Point] = []
    for one in [again.pop(each.words, each) for each in result.trials] + list(again.values()):
        if not one.measurements:
            continue
        kind = "tried"
        if one.words == result.default.words:
            kind = "default"
        if one.words == result.chosen.words:
            kind = "chosen"
        found.append(_point(result, one, kind))
    return [Point(one.latency, one.rate, one.words, one.kind, one.status, best=_is_best(one, found)) for one in found]


def front(points: Sequence[Point]) -> list[Point]:
    """The Pareto front: those that no other beats in both, by latency."""
    return sorted((one for one in points if one.best), key=lambda one: one.latency)


def rate_of(measurement: Measurement, per: str) -> float:
    """Requests or tokens a second."""
    if per == "tokens" and measurement.tokens_per_second is not None:
        return measurement.tokens_per_second.value
    return measurement.requests_per_second.value


def _point(result: TuningResult, one: Configuration, kind: str) -> Point:
    axis, count = axis_of(result), len(one.measurements)
    return Point(
        latency=sum(latency_of(each, axis).value for each in one.measurements) / count,
        rate=sum(rate_of(each, result.objective.per) for each in one.measurements) / count,
        words=f"{one.words} at {one.load}",
        kind=kind,
        status=one.status,
    )


def _is_best(one: Point, others: Sequence[Point]) -> bool:
    if one.status not in ("good", "over"):
        return False
    return not any(
        other.status in ("good", "over")
        and other.latency <= one.latency
        and other.rate >= one.rate
        and (other.latency, other.rate) != (one.latency, one.rate)
        for other in others
    )
