"""Objectives: the figure that counts, bounds, and names that there are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.measurement import FIGURES as MEASURED
from cdk_modelbuilder.tuning.objective import FIGURES, Objective, latency_of, measured_name
from tests.tuning.scripted import MACHINE, measurement


def test_every_latency_is_one_that_is_measured():
    assert {measured_name(name) for name in FIGURES} | {"requests_per_second", "tokens_per_second"} == set(MEASURED)


def test_cost_is_price_by_rate():
    goal = Objective(goal="cost", price_per_hour=3.6, per="tokens")
    figure = goal.figure_of(measurement(10.0, tokens=1000.0))
    assert figure.value == pytest.approx(1.0)  # 3.6 an hour, 3.6 million tokens an hour
    assert figure.low == pytest.approx(1 / 1.03)
    assert figure.high == pytest.approx(1 / 0.97)
    assert not goal.grows


def test_bounds():
    goal = Objective(bounds={"p99": 8.0, "p50": 100.0})
    assert goal.excess(measurement(1.0, 10.0)) == pytest.approx(0.25)
    assert goal.excess(measurement(1.0, 8.0)) == 0
    assert goal.surely_exceeded(measurement(1.0, 10.0))
    assert not goal.surely_exceeded(measurement(1.0, 8.1))  # within its interval
    assert not goal.surely_exceeded(replace(measurement(1.0, 10.0), answers=0, latency_ms={}))  # just begun
    assert goal.excess(replace(measurement(1.0, 10.0), answers=0, latency_ms={})) == float("inf")
    assert goal.sentence == "most requests a second with p50 within 100 ms and p99 within 8 ms"


def test_streams():
    streamed = measurement(1.0, 10.0, tokens=50.0)
    assert latency_of(streamed, "first_token_p50").value == 5.0
    with pytest.raises(UsageError, match="no streams of tokens"):
        latency_of(measurement(1.0), "token_p99")
    with pytest.raises(UsageError, match="no tokens to count"):
        Objective(per="tokens").figure_of(measurement(1.0))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"goal": "speed"}, "goal is 'speed'. Take one of throughput, latency, cost"),
        ({"figure": "p95"}, "figure is 'p95'"),
        ({"bounds": {"p95": 1.0}}, "a bound's latency is 'p95'"),
        ({"bounds": {"p99": 0}}, "the bound p99 is 0"),
        ({"bounds": {"p99": True}}, "the bound p99 is True"),
        ({"goal": "cost"}, "there is no price"),
        ({"goal": "cost", "price_per_hour": {}}, "there is no price"),
        ({"goal": "cost", "price_per_hour": {"ml.m5.large": 0}}, "the price of an hour is 0"),
        ({"max_error_rate": 1}, "max_error_rate is 1"),
    ],
)
def test_what_cannot_be(wrong, says):
    with pytest.raises(UsageError, match=says):
        Objective(**wrong)


def test_a_price_table():
    table = {"ml.m5.large": 0.115, "ml.c6i.large": 0.102, "ml.c6i.xlarge": 0.05, "ml.g5.xlarge": 0.01}
    goal = Objective(goal="cost", price_per_hour=table).priced_for(MACHINE)
    assert goal.price_per_hour == 0.102  # of those with two processors
    with pytest.raises(UsageError, match=r"no type of the price table is like this machine: ml\.no is no known"):
        Objective(goal="cost", price_per_hour={"ml.no": 1.0}).priced_for(MACHINE)


def test_round_trip():
    goal = Objective(goal="latency", figure="first_token_p90", bounds={"p99": 3.0})
    assert Objective.from_json(goal.to_json()) == goal
