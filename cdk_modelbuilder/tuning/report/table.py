"""The table of a tuning, for a terminal."""

from __future__ import annotations

from collections.abc import Callable

from cdk_modelbuilder.tuning.attempt import Attempt
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.objective import latency_of
from cdk_modelbuilder.tuning.report.points import axis_of, rate_of
from cdk_modelbuilder.tuning.result import Configuration, TuningResult

_MOST_ROWS = 20
_LONGEST_CAUSE = 60


def table(result: TuningResult, *, most: int = _MOST_ROWS) -> str:
    """A line for each configuration: what was measured again first, then the others, best first."""
    again = [result.default, *result.finalists]
    shown = {one.words for one in again}
    others = sorted((one for one in result.trials if one.words not in shown), key=_worth(result), reverse=True)
    rows = [_head(result), *(_row(result, one) for one in [*again, *others][:most])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    left = len(again) + len(others) - most
    return "\n".join([*lines, *([f"... and {left} more in tuning.json"] if left > 0 else [])])


def words_of(attempt: Attempt) -> str:
    """An attempt in a line, as it is shown while the tuning runs."""
    values = " ".join(f"{name}={'-' if value is None else value}" for name, value in attempt.values.items())
    outcome, measured = attempt.outcome, attempt.outcome.measurement
    said = outcome.status
    if measured is not None and measured.answers:
        said = f"{measured.requests_per_second.value:.4g}/s, p99 {measured.latency_ms['p99'].value:.4g} ms"
        said += "" if outcome.status == "measured" else f" ({outcome.status})"
    return f"{values} at {attempt.level.words}: {said}"


def _head(result: TuningResult) -> list[str]:
    names = list(result.default.values)
    return ["", *names, "load", f"{result.objective.per}/s", f"{axis_of(result)} ms", "errors", "times", "result"]


def _row(result: TuningResult, one: Configuration) -> list[str]:
    marks = {"own": result.default.words, "chosen": result.chosen.words}
    mark = ", ".join(name for name, words in marks.items() if words == one.words)
    values = ["-" if value is None else str(value) for value in one.values.values()]
    if not one.measurements:
        return [mark, *values, one.load, "", "", "", "", _said(one)]
    figures = [
        _mean(one, lambda each: rate_of(each, result.objective.per)),
        _mean(one, lambda each: latency_of(each, axis_of(result)).value),
    ]
    wrong = max(each.error_rate for each in one.measurements)
    return [mark, *values, one.load, *figures, f"{wrong:.1%}" if wrong else "0", str(len(one.measurements)), _said(one)]


def _mean(one: Configuration, figure: Callable[[Measurement], float]) -> str:
    return f"{sum(map(figure, one.measurements)) / len(one.measurements):.4g}"


def _said(one: Configuration) -> str:
    if one.cause is None:
        return one.status
    cause = " ".join(one.cause.split())
    return f"{one.status}: {cause if len(cause) <= _LONGEST_CAUSE else cause[: _LONGEST_CAUSE - 3] + '...'}"


def _worth(result: TuningResult) -> Callable[[Configuration], float]:
    sign = 1 if result.objective.grows else -1

    def worth(one: Configuration) -> float:
        if one.figure is None:
            return float("-inf")
        return sign * one.figure.value - (0 if one.status == "good" else 1e12)

    return worth
