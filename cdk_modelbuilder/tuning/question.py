"""What tune() was asked, checked: where, under which load, with which requests, within which budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.tuning.attempt import Level
from cdk_modelbuilder.tuning.budget import Budget
from cdk_modelbuilder.tuning.load import Load, LoadRequest, read_requests, sample_requests
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.timing import Timing


def budget_of(budget: Budget | None, max_tuning_duration: float | None) -> Budget:
    """The budget, by either of its names.

    Raises:
        UsageError: Both are given.
    """
    if max_tuning_duration is None:
        return budget or Budget()
    if budget is not None:
        raise UsageError(
            "both budget and max_tuning_duration are given.", remedy="Give budget=Budget(seconds=...) alone."
        )
    return Budget(seconds=max_tuning_duration)


def mode_of(bundle: ModelBundle, mode: Mode | None, command: Sequence[str] | None) -> Mode:
    """Where the server is started.

    Raises:
        UsageError: Where it would be another server.
    """
    if command is not None:
        return Mode.LOCAL_PROCESS
    own = bundle.container.model_server == "builtin"
    chosen = mode or (Mode.LOCAL_PROCESS if own else Mode.LOCAL_CONTAINER)
    if chosen not in (Mode.LOCAL_PROCESS, Mode.LOCAL_CONTAINER):
        raise UsageError(
            f"a tuning in mode {chosen.name} would measure something else than the server.",
            remedy="Use Mode.LOCAL_PROCESS or Mode.LOCAL_CONTAINER: it runs on this machine.",
        )
    if chosen is Mode.LOCAL_PROCESS and not own:
        raise UsageError(
            f"the container of {bundle.name} runs {bundle.container.model_server}, and a process here this project's "
            "own server, whose properties are others.",
            remedy="Use Mode.LOCAL_CONTAINER (--container), or give the command= that starts the server here.",
        )
    return chosen


def levels_of(
    goal: Objective, concurrency: int | Sequence[int] | None, rate: float | Sequence[float] | None
) -> list[Level]:
    """The loads, lightest first.

    Raises:
        UsageError: None, both kinds, or several for the shortest latency.
    """
    if concurrency is not None and rate is not None:
        raise UsageError(
            "both concurrency and rate are given.", remedy="Give users who wait for answers, or arrivals a second."
        )
    if rate is not None:
        rates = [rate] if isinstance(rate, int | float) else list(rate)
        levels = [Level(rate=float(one)) for one in sorted(rates)]
    else:
        users = [8] if concurrency is None else [concurrency] if isinstance(concurrency, int) else list(concurrency)
        levels = [Level(concurrency=one) for one in sorted(users)]
    if not levels:
        raise UsageError("there is no load.", remedy="Give concurrency= or rate=.")
    if goal.goal == "latency" and len(levels) > 1:
        raise UsageError(
            "the shortest latency is sought under one load, and several are given.",
            remedy="Give one concurrency or rate, or take goal='throughput' with a bound.",
        )
    return levels


def requests_of(bundle: ModelBundle, given: Path | str | Sequence[LoadRequest] | None) -> tuple[LoadRequest, ...]:
    """What is sent.

    Raises:
        UsageError: The file is no such file, or there is no sample.
    """
    if given is None:
        return sample_requests(bundle)
    return read_requests(given) if isinstance(given, Path | str) else tuple(given)


def load_maker(
    goal: Objective, times: Timing, arrivals: str, seed: int
) -> Callable[[tuple[LoadRequest, ...], Level], Load]:
    """What makes the load of an attempt."""

    def make(requests: tuple[LoadRequest, ...], level: Level) -> Load:
        return Load(
            requests=requests,
            concurrency=level.concurrency,
            rate=level.rate,
            arrivals=cast("Any", arrivals),  # Load checks it
            warm_up_seconds=times.warm_up_seconds,
            min_seconds=times.min_seconds,
            max_seconds=times.max_seconds,
            relative_width=times.relative_width,
            figures=goal.watched,
            most_errors=goal.max_error_rate,
            seed=seed,
        )

    return make


def load_words(levels: Sequence[Level], requests: Sequence[LoadRequest], mode: Mode) -> str:
    """The load in words, for the result."""
    kinds = len({one.body for one in requests})
    what = "one request" if kinds == 1 else f"{kinds} requests in random order"
    where = "a container" if mode is Mode.LOCAL_CONTAINER else "a process"
    return f"{', '.join(level.words for level in levels)}; {what}; the server in {where}"
