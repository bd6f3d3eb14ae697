"""Intervals against distributions whose figures are known: they have to cover them 95 times in 100, or nearly so."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.tuning.measurement import Interval
from cdk_modelbuilder.tuning.statistics import (
    flow_interval,
    mean_in_flight,
    mean_interval,
    quantile_interval,
    rate_interval,
    t_quantile,
)

RUNS = 200
TIMES = st.floats(0, 1e4)


def covered(interval: Callable[[random.Random], Interval], truth: float) -> float:
    """The share of seeded runs whose interval has the true figure in it."""
    found = [interval(random.Random(seed)) for seed in range(RUNS)]
    return sum(one.low <= truth <= one.high for one in found) / RUNS


def independent(rng: random.Random, count: int) -> list[float]:
    return [rng.expovariate(1) for _ in range(count)]


def dependent(rng: random.Random, count: int) -> list[float]:
    """Positive numbers each of which is near the last: the exponential of a normal series with correlation 0.7."""
    now, found = rng.gauss(0, 1), []
    for _ in range(count):
        now = 0.7 * now + math.sqrt(1 - 0.49) * rng.gauss(0, 1)
        found.append(math.exp(now))
    return found


def bimodal(rng: random.Random, count: int) -> list[float]:
    return [rng.choice((1, 1, 1, 10)) + rng.random() for _ in range(count)]


def test_the_mean_of_independent_times_is_covered():
    assert 0.90 <= covered(lambda rng: mean_interval(independent(rng, 500)), 1.0) <= 0.99


def test_the_mean_of_times_that_depend_on_each_other_is_covered():
    assert covered(lambda rng: mean_interval(dependent(rng, 1500)), math.exp(0.5)) >= 0.90


def test_the_usual_formula_would_not_cover_it():
    def naive(rng: random.Random) -> Interval:
        values = dependent(rng, 1500)
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((one - mean) ** 2 for one in values) / (len(values) - 1))
        half = 1.96 * deviation / math.sqrt(len(values))
        return Interval(mean, mean - half, mean + half)

    assert covered(naive, math.exp(0.5)) < 0.75


@pytest.mark.parametrize(("share", "count"), [(0.5, 200), (0.9, 400), (0.99, 1500)])
def test_quantiles_of_independent_times_are_covered(share, count):
    truth = -math.log(1 - share)
    assert 0.92 <= covered(lambda rng: quantile_interval(independent(rng, count), share), truth) <= 1.0


@pytest.mark.parametrize(("share", "count"), [(0.5, 800), (0.9, 1500), (0.99, 3000)])
def test_quantiles_of_times_that_depend_on_each_other_are_covered(share, count):
    truth = math.exp(NormalDist().inv_cdf(share))
    assert covered(lambda rng: quantile_interval(dependent(rng, count), share), truth) >= 0.90


@pytest.mark.parametrize(("share", "truth"), [(0.5, 1 + 0.5 / 0.75), (0.9, 10 + 0.15 / 0.25)])
def test_quantiles_of_two_kinds_of_answers_are_covered(share, truth):
    assert 0.90 <= covered(lambda rng: quantile_interval(bimodal(rng, 600), share), truth) <= 1.0


def test_the_tail_of_few_answers_is_not_known():
    found = quantile_interval(independent(random.Random(0), 100), 0.99)
    assert found.high == math.inf
    assert found.relative_width == math.inf
    assert quantile_interval(independent(random.Random(0), 100), 0.5).high < math.inf


def test_the_rate_of_random_events_is_covered():
    def events(rng: random.Random) -> Interval:
        times, now = [], 0.0
        while (now := now + rng.expovariate(20)) < 10:
            times.append(now)
        return rate_interval(times, 0, 10)

    assert 0.90 <= covered(events, 20.0) <= 0.99


def test_events_like_clockwork_are_known_to_half_an_event():
    def events(rng: random.Random) -> Interval:
        first = rng.random() / 3.7
        return rate_interval((first + number / 3.7 for number in range(100)), 0, 8)

    assert covered(events, 3.7) == 1.0
    assert events(random.Random(0)).relative_width < 0.35


def test_no_event_is_a_rate_of_zero_whose_upper_end_is_poissons():
    found = rate_interval([], 0, 10)
    assert (found.value, found.low) == (0.0, 0.0)
    assert math.exp(-10 * found.high) == pytest.approx(0.025)


def test_events_outside_of_the_window_do_not_count():
    assert rate_interval([-1, 0, 1, 2, 3.999, 4, 5], 0, 4).value == 1.0


@given(st.lists(st.tuples(st.floats(-5, 15), st.just(0) | st.floats(1e-6, 10), st.floats(0.5, 100)), max_size=30))
def test_what_flows_is_shared_out_by_time(pieces):
    spans = [(start, start + length, amount) for start, length, amount in pieces]
    found = flow_interval(spans, 0, 10).value * 10
    expected = sum(
        amount * (max(0.0, min(stop, 10) - max(start, 0)) / (stop - start) if stop > start else 0 <= start < 10)
        for start, stop, amount in spans
    )
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10)), min_size=1, max_size=50))
def test_littles_law_holds_exactly_where_the_window_has_all_of_each_request(pairs):
    spans = [(start, start + length) for start, length in pairs]
    begin, end = -1.0, 111.0
    arrivals_per_second = len(spans) / (end - begin)
    mean_time = sum(stop - start for start, stop in spans) / len(spans)
    assert mean_in_flight(spans, begin, end) == pytest.approx(arrivals_per_second * mean_time)


@given(st.lists(TIMES, min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_was_measured_and_lies_in_its_interval(values, share):
    found = quantile_interval(values, share)
    assert found.value in values
    assert found.low <= found.value <= found.high
    assert sum(value <= found.value for value in values) >= share * len(values) - 1e-6


@given(st.lists(TIMES, min_size=1, max_size=300))
def test_a_mean_lies_in_its_interval(values):
    found = mean_interval(values)
    assert 0 <= found.low <= found.value <= found.high


def test_times_that_are_all_the_same_have_no_width():
    assert mean_interval([3.0] * 100) == Interval(3.0, 3.0, 3.0)
    assert quantile_interval([3.0] * 100, 0.5) == Interval(3.0, 3.0, 3.0)


@pytest.mark.parametrize("function", [mean_interval, lambda values: quantile_interval(values, 0.5)])
def test_nothing_has_no_figure(function):
    with pytest.raises(ValueError, match="no values"):
        function([])


@pytest.mark.parametrize("degrees", [1, 2, 4, 7, 15, 31, 1000])
def test_students_t_is_that_of_scipy(degrees):
    stats = pytest.importorskip("scipy.stats", exc_type=ImportError)
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-3)
