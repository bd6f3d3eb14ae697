"""tune(): measures a bundle under other serving properties on this machine, and writes the better ones into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.bundle import TUNING_FOLDER, ModelBundle
from cdk_modelbuilder.errors import ToolMissingError, TuningError, UsageError
from cdk_modelbuilder.integrity.keys import find_master_key
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.tuning.attempt import Attempt, Level
from cdk_modelbuilder.tuning.budget import Budget
from cdk_modelbuilder.tuning.by_command import server_command
from cdk_modelbuilder.tuning.change import spec_diff, with_environment
from cdk_modelbuilder.tuning.conclusion import result_of, what_then, why_nothing
from cdk_modelbuilder.tuning.dimensions import space_of
from cdk_modelbuilder.tuning.encoded import encoded_as
from cdk_modelbuilder.tuning.files import JOURNAL_FILE, PAGE_FILE, PLOT_FILE
from cdk_modelbuilder.tuning.hardware import hardware_here
from cdk_modelbuilder.tuning.journal import Journal
from cdk_modelbuilder.tuning.load import LoadRequest
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.question import budget_of, levels_of, load_maker, load_words, mode_of, requests_of
from cdk_modelbuilder.tuning.report.chart import draw
from cdk_modelbuilder.tuning.report.page import page
from cdk_modelbuilder.tuning.result import TuningResult
from cdk_modelbuilder.tuning.search import Search
from cdk_modelbuilder.tuning.space import Candidate, Value
from cdk_modelbuilder.tuning.timing import Timing
from cdk_modelbuilder.tuning.trial import TrialOutcome, run_command_trial, run_trial

_START_SECONDS = 1.0
"""What the start of a server takes at least."""


def tune(
    bundle: ModelBundle,
    *,
    objective: Objective | None = None,
    dimensions: Mapping[str, Sequence[Value | None]] | None = None,
    concurrency: int | Sequence[int] | None = None,
    rate: float | Sequence[float] | None = None,
    arrivals: str = "poisson",
    requests: Path | str | Sequence[LoadRequest] | None = None,
    budget: Budget | None = None,
    timing: Timing | None = None,
    mode: Mode | None = None,
    command: Sequence[str] | None = None,
    seed: int = 0,
    resume: bool = True,
    max_tuning_duration: float | None = None,
    signing_key: str | bytes | None = None,
    on_attempt: Callable[[Attempt], object] | None = None,
    on_log: Callable[[str], object] | None = None,
    **options: Any,
) -> TuningResult:
    """Search for better serving properties of ``bundle`` on this machine, and write them into its ``tuning.json``.

    Each configuration is the bundle's own server, started with other variables and put under load. The best are
    measured again beside the bundle's own, in random order; one is chosen if it is better by more than chance.

    Args:
        bundle: What is tuned; its model files are checked first.
        objective: What for. Default: most requests a second.
        dimensions: Dimension -> values to try, such as ``{"workers": [1, 2, 4]}``; None as a value leaves it to the
            server. Default: those dimensions of the server that change only the speed, with usual values;
            ``cdk-modelbuilder tune BUNDLE --list`` has them.
        concurrency: Users, each of whom waits for the answer before the next request. With several numbers, a
            configuration is asked how many it takes within the bounds. Default: 8.
        rate: Requests a second instead, which do not wait for each other; or several such rates.
        arrivals: How those of ``rate`` are spaced: ``poisson``, or ``constant``.
        requests: What is sent: a file with a request a line, or such requests. Default: the bundle's sample.
        budget: How many configurations, how long, how many repeats.
        timing: How long each is measured.
        mode: ``Mode.LOCAL_PROCESS`` or ``Mode.LOCAL_CONTAINER``. Default: a process for this project's own server.
        command: Starts the server here instead, such as ``["python", "-m", "vllm.entrypoints.openai.api_server",
            "--port", "{port}"]``; ``{model_dir}`` stands for the model's folder, and the container's variables are
            made arguments as its image does.
        seed: Of every choice by chance.
        resume: Go on with an interrupted run of the same question.
        max_tuning_duration: The SageMaker SDK's name of the budget's seconds.
        signing_key: The master key that signed the bundle. Default: the environment's, else the key file's.
        on_attempt: Called after each attempt, also with those that were made before an interruption.
        on_log: Called with each line of the servers' logs.
        options: Of containers, such as ``gpus="all"``.

    Returns:
        What was found. ``tuning.json`` has it, ``tuning/`` its journal, ``pareto.png`` and ``pareto.html``.

    Raises:
        IntegrityError: The bundle was changed, or signed with another key.
        ToolMissingError: Optuna is not installed, and the space is larger than ``budget.trials``.
        TuningError: No configuration ran and kept the bounds. An earlier ``tuning.json`` is as it was.
        UsageError: A dimension, value or load that cannot be, too small a budget, or no sample.
    """
    limits, times = budget_of(budget, max_tuning_duration), timing or Timing()
    here = hardware_here()
    goal = (objective or Objective()).priced_for(here)
    where = mode_of(bundle, mode, command)
    space = space_of(bundle, here, dimensions)
    levels = levels_of(goal, concurrency, rate)
    sent = requests_of(bundle, requests)
    limits.check(times.warm_up_seconds + times.min_seconds + _START_SECONDS)
    if space.size < 2:  # the bundle's own configuration, and another
        raise UsageError(
            "there is nothing to choose between: every dimension has one value.",
            remedy="Give more values in dimensions= (--set).",
        )
    types = {None, *(option.content_type for dimension in space.dimensions for option in dimension.options)}
    encoded = {one: encoded_as(bundle, sent, one) for one in types}
    make_load = load_maker(goal, times, arrivals, seed)
    _check(bundle, signing_key)

    def measure(
        candidate: Candidate,
        level: Level,
        ends_early: Callable[[Measurement], bool] | None,
        left: float | None,
    ) -> TrialOutcome:
        spec = with_environment(bundle.container, space.environment(candidate))
        load = make_load(encoded[space.content_type(candidate)], level)
        told: dict[str, Any] = {
            "deadline": None if left is None else time.monotonic() + left,
            "on_interim": ends_early,
            "on_log": on_log,
        }
        if command is not None:
            return run_command_trial(server_command(bundle, spec, command), load, **told)
        return run_trial(bundle, spec, load, mode=where, key=signing_key, options=options or None, **told)

    question = {
        "arrivals": arrivals,
        "bundle": bundle.root_sha256,
        "command": list(command or ()),
        "container": bundle.container.to_json(),
        "hardware": here.to_json(),
        "levels": [level.to_json() for level in levels],
        "mode": where.name,
        "objective": goal.to_json(),
        "options": {name: repr(value) for name, value in sorted(options.items())},
        "requests": [one.to_json() for one in sent],
        "seed": seed,
        "space": {one.name: list(one.values) for one in space.dimensions},
        "timing": [times.warm_up_seconds, times.min_seconds, times.max_seconds, times.relative_width],
        "version": __version__,
    }
    folder = bundle.path / TUNING_FOLDER
    with Journal(folder / JOURNAL_FILE, question, resume=resume) as journal:
        tell = on_attempt or (lambda _: None)
        findings = Search(space, goal, levels, measure, journal, budget=limits, seed=seed, tell=tell).run()
    if findings.chosen is None:
        raise TuningError(why_nothing(findings, goal), remedy=what_then(findings))
    result = result_of(bundle, space, goal, findings, hardware=here, seed=seed, load=load_words(levels, sent, where))
    _write(bundle, result, folder)
    return result


def _check(bundle: ModelBundle, signing_key: str | bytes | None) -> None:
    """The signature, where a key is at hand, and every file: not each server looks at them when it starts."""
    master = find_master_key(signing_key, create=False)
    if master is not None:
        bundle.check_signature(master.secret)
    bundle.check_content()


def _write(bundle: ModelBundle, result: TuningResult, folder: Path) -> None:
    change = spec_diff(bundle.container, result.environment) if result.is_better else ""
    (folder / PAGE_FILE).write_text(page(result, change), "utf-8")
    try:
        draw(result, folder / PLOT_FILE)
    except ToolMissingError:
        (folder / PLOT_FILE).unlink(missing_ok=True)  # not that of another tuning
    result.save(bundle.path)
