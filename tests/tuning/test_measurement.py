"""Measurements as values: figures by name, and JSON there and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.measurement import FIGURES, TIMES, Interval, Measurement

NUMBERS = st.floats(0, 1e9)
INTERVALS = st.builds(Interval, NUMBERS, NUMBERS, NUMBERS | st.just(math.inf))
SETS_OF_TIMES = st.fixed_dictionaries(dict.fromkeys(TIMES, INTERVALS)) | st.just({})
MEASUREMENTS = st.builds(
    Measurement,
    requests_per_second=INTERVALS,
    latency_ms=SETS_OF_TIMES,
    first_token_ms=st.none() | SETS_OF_TIMES,
    token_ms=st.none() | SETS_OF_TIMES,
    tokens_per_second=st.none() | INTERVALS,
    concurrency=NUMBERS,
    answers=st.integers(0, 10**9),
    failures=st.dictionaries(st.text(max_size=20), st.integers(1, 1000), max_size=3),
    error_rate=st.floats(0, 1),
    seconds=NUMBERS,
    warm_up_seconds=NUMBERS,
    settled=st.booleans(),
    memory_bytes=st.none() | st.integers(0, 1 << 40),
    sender_busy=st.floats(0, 1),
    tokens_counted=st.sampled_from([None, "usage", "pieces"]),
    warnings=st.lists(st.text(max_size=20), max_size=2).map(tuple),
)


@given(MEASUREMENTS)
def test_json_there_and_back(measurement):
    text = json.dumps(measurement.to_json(), allow_nan=False)
    assert Measurement.from_json(json.loads(text)) == measurement


@given(MEASUREMENTS, st.sampled_from(FIGURES))
def test_a_figure_is_there_or_not_known(measurement, name):
    found = measurement.figure(name)
    assert found is None or found.to_json() in _values(measurement.to_json())


def _values(data):
    if isinstance(data, dict):
        yield data
        for one in data.values():
            yield from _values(one)


def test_an_unknown_figure_names_those_that_there_are():
    with pytest.raises(UsageError, match=r"no figure 'p99'.*requests_per_second, .*latency_ms.p99"):
        _any().figure("p99")


def test_a_malformed_measurement_says_what_is_missing():
    data = _any().to_json()
    del data["answers"]
    with pytest.raises(UsageError, match="answers"):
        Measurement.from_json(data)
    with pytest.raises(UsageError, match="malformed"):
        Measurement.from_json({**data, "answers": 1, "requests_per_second": 3})


def test_the_width_of_nothing_is_endless():
    assert Interval(0.0, 0.0, 1.0).relative_width == math.inf
    assert Interval(0.0, 0.0, 0.0).relative_width == 0.0


def _any() -> Measurement:
    one = Interval(1.0, 0.5, 1.5)
    return Measurement(one, {}, None, None, None, 1.0, 1, {}, 0.0, 1.0, 0.0, settled=True, memory_bytes=None)
