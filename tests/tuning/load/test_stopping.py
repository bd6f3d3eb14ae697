"""The whole way from users to the end of a trial, on simulated servers whose figures are known."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator

import pytest

from cdk_modelbuilder.tuning.load import Load, LoadRequest
from cdk_modelbuilder.tuning.load.figures import Circumstances, measure
from cdk_modelbuilder.tuning.load.records import GOOD, Record, Records
from cdk_modelbuilder.tuning.load.stopping import StoppingRule, are_too_many
from cdk_modelbuilder.tuning.measurement import Interval, Measurement

MEAN_SERVICE = 0.02
WARM_UP, LONGEST = 2.0, 60


def answers_of_one_server(rng: random.Random, users: int) -> list[tuple[float, float]]:
    """Start and end of each request where so many users wait for one server with exponential service times."""
    free, found = 0.0, []
    ready = [rng.random() * MEAN_SERVICE for _ in range(users)]
    while ready[0] < WARM_UP + LONGEST + 2:
        start = heapq.heappop(ready)
        free = max(start, free) + rng.expovariate(1 / MEAN_SERVICE)
        found.append((start, free))
        heapq.heappush(ready, free)
    return found


def trial(seed: int, users: int, figure: str) -> Measurement:
    """What a trial ends with that looks every two seconds."""
    load = Load(requests=(LoadRequest(b"1"),), concurrency=users, figures=(figure,), relative_width=0.06)
    rule, records = StoppingRule(load), Records()
    spans = answers_of_one_server(random.Random(seed), users)
    for end in looks():
        while spans[len(records)][0] < end:
            start, answered = spans[len(records)]
            records.add(Record(start, start, math.nan, math.nan, answered, math.nan, GOOD))
        found = measure(records, WARM_UP, end, Circumstances())
        if rule.is_met(found):
            return found
    return found


def looks() -> Iterator[float]:
    return (WARM_UP + seconds for seconds in range(6, LONGEST + 1, 2))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("users", "figure", "truth"),
    [(1, "requests_per_second", 50.0), (4, "requests_per_second", 50.0), (4, "latency_ms.mean", 80.0)],
)
def test_the_interval_at_the_end_covers_the_truth_though_the_end_was_chosen_by_it(users, figure, truth):
    ends = [trial(seed, users, figure).figure(figure) for seed in range(60)]
    assert sum(one.low <= truth <= one.high for one in ends) >= 0.87 * len(ends)
    assert sum(one.relative_width <= 0.06 for one in ends) >= 0.9 * len(ends)


def found(width: float, *, seconds: float = 10.0, errors: int = 0, answers: int = 100) -> Measurement:
    interval = Interval(100.0, 100 - 100 * width, 100 + 100 * width)
    rate = errors / (errors + answers)
    failures = {"500": errors} if errors else {}
    return Measurement(interval, {}, None, None, None, 1.0, answers, failures, rate, seconds, 0.0, True, None)


ONE = Load(requests=(LoadRequest(b"1"),), concurrency=1, min_seconds=5, relative_width=0.05)


def test_one_narrow_look_is_chance_and_two_are_enough():
    rule = StoppingRule(ONE)
    assert [rule.is_met(found(width)) for width in (0.04, 0.06, 0.04, 0.04)] == [False, False, False, True]


def test_it_takes_its_least_time():
    rule = StoppingRule(ONE)
    assert [rule.is_met(found(0.01, seconds=seconds)) for seconds in (3, 4, 5, 6)] == [False, False, False, True]


def test_a_figure_that_is_not_known_is_not_narrow():
    load = Load(requests=ONE.requests, concurrency=1, figures=("requests_per_second", "latency_ms.p99"))
    assert not StoppingRule(load).is_narrow(found(0.0))
    assert StoppingRule(ONE).is_narrow(found(0.0))
    assert not StoppingRule(Load(requests=ONE.requests, concurrency=1, figures=())).is_narrow(found(0.0))


@pytest.mark.parametrize(
    ("errors", "answers", "too_many"),
    [(9, 0, False), (10, 0, True), (10, 300, True), (12, 1000, False), (3, 10, False)],
)
def test_errors_are_too_many_only_where_that_is_certain(errors, answers, too_many):
    assert are_too_many(found(0.1, errors=errors, answers=answers), ONE) is too_many
