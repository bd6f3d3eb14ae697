"""Figures of the requests that were recorded, in a window of time."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk_modelbuilder.tuning.load.records import GOOD, Records, outcome_name
from cdk_modelbuilder.tuning.measurement import Interval, Measurement
from cdk_modelbuilder.tuning.statistics import (
    flow_interval,
    mean_in_flight,
    mean_interval,
    quantile_interval,
    rate_interval,
)

_BUSY = 0.85
_LATE_MS = 1.0
_DRIFT = 0.1
_SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the requests.

    Attributes:
        warm_up_seconds: How long load was sent before the window.
        sender_busy: Share of a processor that sending took.
        memory_bytes: Most memory of the server that was seen.
    """

    warm_up_seconds: float = 0.0
    sender_busy: float = 0.0
    memory_bytes: int | None = None


def measure(
    records: Records, begin: float, end: float, circumstances: Circumstances, *, settled: bool = False
) -> Measurement:
    """The figures of the window from ``begin`` to ``end``.

    Every request that was due in the window must be among the records: then no slow one is missing, and none that was
    under way when the window began or ended is counted for more or less than its time in it.
    """
    due = _due_in(records, begin, end)
    good = [place for place in due if records.outcome[place] == GOOD]
    failures = collections.Counter(
        outcome_name(records.outcome[place]) for place in due if records.outcome[place] != GOOD
    )
    start, finish = records.start, records.end
    latencies = [1000 * (finish[place] - start[place]) for place in good]
    completed = [finish[place] for place in range(len(records)) if records.outcome[place] == GOOD]
    tokens, counted = _tokens_per_second(records, begin, end)
    return Measurement(
        requests_per_second=rate_interval(completed, begin, end),
        latency_ms=_times(latencies),
        first_token_ms=_first_token(records, good),
        token_ms=_each_token(records, good),
        tokens_per_second=tokens,
        concurrency=mean_in_flight(zip(start, finish, strict=True), begin, end),
        answers=len(good),
        failures=dict(failures),
        error_rate=failures.total() / len(due) if due else 0.0,
        seconds=end - begin,
        warm_up_seconds=circumstances.warm_up_seconds,
        settled=settled,
        memory_bytes=circumstances.memory_bytes,
        sender_busy=circumstances.sender_busy,
        tokens_counted=counted,
        warnings=(*_warnings(records, due, circumstances), *_drift(completed, begin, end)),
    )


def _due_in(records: Records, begin: float, end: float) -> list[int]:
    """Places of the requests that were due in the window, in the order in which they were."""
    found = [place for place, start in enumerate(records.start) if begin <= start < end]
    found.sort(key=records.start.__getitem__)
    return found


def _times(values: Sequence[float]) -> Mapping[str, Interval]:
    if not values:
        return {}
    quantiles = {name: quantile_interval(values, share) for name, share in _SHARES.items()}
    return {**quantiles, "mean": mean_interval(values)}


def _first_token(records: Records, good: Sequence[int]) -> Mapping[str, Interval] | None:
    times = [1000 * (records.first[place] - records.start[place]) for place in good]
    return _times([time for time in times if not math.isnan(time)]) or None


def _each_token(records: Records, good: Sequence[int]) -> Mapping[str, Interval] | None:
    """The time between an answer's first and last token, by the tokens after the first one."""
    times = []
    for place in good:
        more, first = abs(records.tokens[place]) - 1, records.first[place]
        if more >= 1 and not math.isnan(first):
            times.append(1000 * (records.last[place] - first) / more)
    return _times(times) or None


def _tokens_per_second(records: Records, begin: float, end: float) -> tuple[Interval | None, str | None]:
    """Tokens of good answers, each answer's spread evenly over the time in which they came."""
    pieces = []
    were_told = True
    for place, tokens in enumerate(records.tokens):
        if records.outcome[place] != GOOD or math.isnan(tokens) or records.end[place] < begin:
            continue
        were_told = were_told and not tokens < 0
        first, last = records.first[place], records.last[place]
        spread = (records.start[place], records.end[place]) if math.isnan(first) else (first, last)
        pieces.append((*spread, abs(tokens)))
    if not pieces:
        return None, None
    return flow_interval(pieces, begin, end), "usage" if were_told else "pieces"


def _warnings(records: Records, due: Sequence[int], circumstances: Circumstances) -> tuple[str, ...]:
    # Without the figures themselves: one sentence for all the trials that it holds for.
    found = []
    if circumstances.sender_busy > _BUSY:
        found.append(f"sending the load took more than {_percent(_BUSY)} of a processor: the server may do more")
    late = sorted(1000 * (records.sent[place] - records.start[place]) for place in due)
    if late and late[len(late) // 2] > _LATE_MS:
        found.append(f"half of the requests were sent more than {_LATE_MS:g} ms late: too many were in flight")
    return tuple(found)


def _drift(completed: Sequence[float], begin: float, end: float) -> tuple[str, ...]:
    """A warning where the second half of the window was surely another speed than the first."""
    middle = (begin + end) / 2
    first, second = rate_interval(completed, begin, middle), rate_interval(completed, middle, end)
    are_apart = first.high < second.low or second.high < first.low
    if not are_apart or abs(second.value - first.value) < _DRIFT * first.value:
        return ()
    return (
        f"the speed changed by {_percent(_DRIFT)} or more while it was measured: warm up longer, on a quiet machine",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
