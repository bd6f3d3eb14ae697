"""Measurements that are made up, so that what a search makes of them is known beforehand."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from cdk_modelbuilder.tuning.attempt import Level
from cdk_modelbuilder.tuning.hardware import Hardware
from cdk_modelbuilder.tuning.measurement import Interval, Measurement
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.result import Configuration, TuningResult
from cdk_modelbuilder.tuning.space import Candidate, Dimension, Option, Space
from cdk_modelbuilder.tuning.trial import TrialOutcome

Does = Callable[[Candidate, Level], tuple[float, float] | str]
MACHINE = Hardware("x86_64", "a processor", 2, 8192)


def near(value: float, width: float = 0.03) -> Interval:
    return Interval(value, value * (1 - width), value * (1 + width))


def measurement(rate: float, p99: float = 10.0, *, errors: float = 0.0, tokens: float | None = None) -> Measurement:
    times = {"p50": near(p99 / 2), "p90": near(p99 * 0.9), "p99": near(p99), "mean": near(p99 / 2)}
    return Measurement(
        requests_per_second=near(rate),
        latency_ms=times,
        first_token_ms=None if tokens is None else times,
        token_ms=None if tokens is None else times,
        tokens_per_second=None if tokens is None else near(tokens),
        concurrency=1.0,
        answers=100,
        failures={"500": 3} if errors else {},
        error_rate=errors,
        seconds=5.0,
        warm_up_seconds=1.0,
        settled=True,
        memory_bytes=None,
    )


def space(**dimensions: list[object]) -> Space:
    """Dimensions whose first value is the bundle's own."""
    return Space(
        tuple(
            Dimension(
                name,
                tuple(Option(value, {name.upper(): None if value is None else str(value)}) for value in values),
                values[0],
                "",
            )
            for name, values in dimensions.items()
        )
    )


class Scripted:
    """Measures by a table: what a configuration does, plus noise of a known size."""

    def __init__(
        self, does: Callable[[Candidate, Level], tuple[float, float] | str], *, noise: float, seed: int
    ) -> None:
        self._does, self._noise, self._random = does, noise, random.Random(seed)
        self.asked: list[Mapping[str, object]] = []

    def __call__(self, candidate, level, ends_early, left) -> TrialOutcome:
        self.asked.append(dict(candidate))
        found = self._does(candidate, level)
        if isinstance(found, str):
            return TrialOutcome(found, None, f"scripted {found}", None)
        rate, latency = (each * self._random.lognormvariate(0, self._noise) for each in found)
        measured = measurement(rate, latency)
        if ends_early is not None and ends_early(measured):
            return TrialOutcome("pruned", measured, None, 1.0)
        return TrialOutcome("measured", measured, None, 1.0)


def configuration(rate: float | None, *, status: str = "good", times: int = 1, **values: object) -> Configuration:
    return Configuration(
        values=values,
        load="8 users",
        status=status,
        figure=None if rate is None else near(rate),
        measurements=() if rate is None else tuple(measurement(rate, 1000 / rate) for _ in range(times)),
        cause=None if status == "good" else "scripted",
    )


def result(**changes: object) -> TuningResult:
    default, better = configuration(100.0, times=2, workers=1), configuration(180.0, times=2, workers=2)
    given: dict[str, object] = {
        "bundle": "churn",
        "root_sha256": "0" * 64,
        "served": {"framework": "sklearn 1.9.1", "image": "repository:tag", "model_server": "builtin"},
        "objective": Objective(bounds={"p99": 50.0}),
        "load": "8 users; one request; the server in a process",
        "hardware": MACHINE,
        "versions": {"cdk-modelbuilder": "0.1.0"},
        "date": "2026-11-26",
        "seed": 0,
        "seconds": 61.0,
        "default": default,
        "chosen": better,
        "gain": Interval(1.8, 1.7, 1.9),
        "environment": {"MODELBUILDER_WORKERS": "2"},
        "content_type": None,
        "finalists": (better,),
        "trials": (
            configuration(101.0, workers=1),
            configuration(175.0, workers=2),
            configuration(40.0, status="over", workers=8),
            configuration(None, status="out-of-memory", workers=64),
        ),
        "notes": ("<a note> & more",),
    }
    return TuningResult(**{**given, **changes})
