"""One trial: a server with the candidate's environment is started, put under load, measured, and ended."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.running import RunningModel
from cdk_modelbuilder.local.starting import start_container, start_process
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.sending import Watch, run_load
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.trials import outcome as outcomes
from cdk_modelbuilder.tuning.trials.command import ServerCommand, run_command
from cdk_modelbuilder.tuning.trials.kernel import memory_kills
from cdk_modelbuilder.tuning.trials.outcome import TrialOutcome
from cdk_modelbuilder.tuning.trials.probe import Probe
from cdk_modelbuilder.tuning.trials.readiness import Workers

if TYPE_CHECKING:
    from cdk_modelbuilder.bundle import ModelBundle

__all__ = ["ServerCommand", "TrialOutcome", "run_command_trial", "run_trial"]

_ALL_LOADED_SECONDS = 120.0


def run_trial(
    bundle: ModelBundle,
    spec: ContainerSpec,
    load: Load,
    *,
    mode: Mode = Mode.LOCAL_PROCESS,
    workers: int | None = None,
    key: str | bytes | None = None,
    deadline: float | None = None,
    on_log: Callable[[str], object] | None = None,
    on_interim: Callable[[Measurement], bool] | None = None,
    options: Mapping[str, Any] | None = None,
) -> TrialOutcome:
    """Serve ``bundle`` as ``spec`` says, send ``load``, and say what came of it. Nothing of the server is left behind.

    Args:
        bundle: What is served.
        spec: Its container spec with the candidate's environment.
        load: What is sent, and when that is enough.
        mode: ``LOCAL_PROCESS`` or ``LOCAL_CONTAINER``.
        workers: Processes of this project's own server. Default: as the environment says.
        key: The master key that signed the bundle. Default: the environment's, else the key file's.
        deadline: The trial ends then at the latest, by ``time.monotonic()``.
        on_log: Told of each line of the server's log.
        on_interim: Told about once a second what was measured so far; True ends the trial as ``pruned``.
        options: Options of a container, such as ``memory_mb``.

    Raises:
        IntegrityError: The bundle was signed with another key.
        KeyFileError: There is no master key.
        UsageError: Another mode, an option that there is not, or a bundle that cannot be served so.
    """
    if mode not in (Mode.LOCAL_PROCESS, Mode.LOCAL_CONTAINER):
        raise UsageError(
            f"a trial runs on this machine, and not in Mode.{mode.name}.",
            remedy="Give Mode.LOCAL_PROCESS or Mode.LOCAL_CONTAINER.",
        )
    if options and mode is Mode.LOCAL_PROCESS:
        raise UsageError(f"{min(options)}= is for containers.", remedy="Leave it out, or use Mode.LOCAL_CONTAINER.")

    def start(on_line: Callable[[str], object]) -> RunningModel:
        changed = replace(bundle, container=_in_time(spec, deadline))
        if mode is Mode.LOCAL_CONTAINER:
            return start_container(changed, signing_key=key, on_log=on_line, on_progress=on_log, **(options or {}))
        return start_process(changed, workers=workers, signing_key=key, on_log=on_line, own_group=True)

    return _run(start, load, path=spec.invocations_path, deadline=deadline, on_log=on_log, on_interim=on_interim)


def run_command_trial(
    command: ServerCommand,
    load: Load,
    *,
    deadline: float | None = None,
    on_log: Callable[[str], object] | None = None,
    on_interim: Callable[[Measurement], bool] | None = None,
) -> TrialOutcome:
    """The same for a server that is started by a command, such as vLLM's in an environment of its own.

    Args:
        command: How it is started and asked.
        load: What is sent, and when that is enough.
        deadline: See :func:`run_trial`.
        on_log: See :func:`run_trial`.
        on_interim: See :func:`run_trial`.

    Raises:
        UsageError: The command's program cannot be started.
    """

    def start(on_line: Callable[[str], object]) -> RunningModel:
        return run_command(command, on_log=on_line, deadline=deadline)

    return _run(start, load, path=command.invocations_path, deadline=deadline, on_log=on_log, on_interim=on_interim)


def _run(
    start: Callable[[Callable[[str], object]], RunningModel],
    load: Load,
    *,
    path: str,
    deadline: float | None,
    on_log: Callable[[str], object] | None,
    on_interim: Callable[[Measurement], bool] | None,
) -> TrialOutcome:
    began = time.monotonic()
    if deadline is not None and deadline <= began:
        return TrialOutcome(outcomes.TIMED_OUT, cause="there was no time left to start it")
    workers = Workers(on_log)
    trial = _Trial(load, workers, path=path, deadline=deadline, on_interim=on_interim)
    try:
        with _ended(start(workers.line)) as server:
            if not workers.wait(min(deadline or math.inf, time.monotonic() + _ALL_LOADED_SECONDS)):
                return trial.unready(server)
            started = time.monotonic() - began
            return replace(trial.measured(server), started_seconds=started)
    except LocalEndpointError as error:
        failed = outcomes.start_failure(error, workers.lines)
        is_late = deadline is not None and time.monotonic() >= deadline and error.status is None
        return replace(failed, status=outcomes.TIMED_OUT) if is_late else failed


class _Trial:
    """What is done with a server that has started, and what its behaviour means."""

    def __init__(
        self,
        load: Load,
        workers: Workers,
        *,
        path: str,
        deadline: float | None,
        on_interim: Callable[[Measurement], bool] | None,
    ) -> None:
        self._load, self._workers, self._path = load, workers, path
        self._deadline, self._on_interim = deadline, on_interim
        self._kills = memory_kills()

    def measured(self, server: RunningModel) -> TrialOutcome:
        """Send the load and say what came of it."""
        load, deadline = self._load, self._deadline
        left = math.inf if deadline is None else max(0.1, deadline - time.monotonic())
        probe = Probe(url=server.url, path=self._path, seconds=min(load.timeout_seconds, left))
        rejected = probe.rejection(load)
        if rejected is not None:
            return self._rejected(server, rejected.status, rejected.words)
        if self._workers.threads > 1:
            # Nobody knows whether a model may be called from several threads at a time. One that may not mixes up its
            # answers, and fast wrong answers must not win.
            load = probe.with_expected_answers(load)
        watch = Watch(
            memory=server.memory_bytes,
            is_running=lambda: server.is_running() and not self._workers.replaced,
            on_interim=self._on_interim,
            deadline=deadline,
        )
        found = run_load(load, port=server.port, path=self._path, watch=watch)
        if not _goes_on(server):
            return self._dead(server, found)
        if self._workers.replaced:
            return self._replaced(found)
        if watch.ended_by == "callback":
            return TrialOutcome(outcomes.PRUNED, found)
        if found is None or (watch.ended_by == "deadline" and found.seconds < load.min_seconds):
            return TrialOutcome(outcomes.TIMED_OUT, found, cause="the time was over before enough was measured")
        if found.error_rate > load.most_errors:
            return self._erroneous(server, found)
        if not found.answers:
            return TrialOutcome(outcomes.TIMED_OUT, found, cause="no answer came in the window that was counted")
        return TrialOutcome(outcomes.MEASURED, found)

    def unready(self, server: RunningModel) -> TrialOutcome:
        """Some of the workers were never ready."""
        if not _goes_on(server):
            return self._dead(server, None)
        is_late = self._deadline is not None and time.monotonic() >= self._deadline
        status = outcomes.TIMED_OUT if is_late else outcomes.START_FAILED
        return TrialOutcome(
            outcomes.OUT_OF_MEMORY if self._memory_ran_out(server.last_log_lines()) else status,
            cause=f"{self._workers.missing} of the server's workers did not load the model",
        )

    def _rejected(self, server: RunningModel, status: int, words: str) -> TrialOutcome:
        if not _goes_on(server):
            return self._dead(server, None)
        if 400 <= status < 500:
            kind = outcomes.REJECTED
        else:
            kind = outcomes.ERRORS
            if self._memory_ran_out([words, *server.last_log_lines()]):
                kind = outcomes.OUT_OF_MEMORY
        got = f"status {status}" if status else "no answer"
        return TrialOutcome(kind, cause=outcomes.short_cause(f"the sample got {got}: {words}"))

    def _erroneous(self, server: RunningModel, found: Measurement) -> TrialOutcome:
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(found.failures.items()))
        cause = outcomes.short_cause(f"{100 * found.error_rate:.3g} % of the requests failed: {kinds}")
        is_memory = self._memory_ran_out(server.last_log_lines())
        return TrialOutcome(outcomes.OUT_OF_MEMORY if is_memory else outcomes.ERRORS, found, cause)

    def _replaced(self, found: Measurement | None) -> TrialOutcome:
        # However few requests that broke: a process that ends under load will end in production.
        count = self._workers.replaced
        cause = f"{count} of the server's workers ended under load and had to be started again"
        is_memory = self._memory_ran_out(self._workers.lines)
        return TrialOutcome(outcomes.OUT_OF_MEMORY if is_memory else outcomes.ERRORS, found, cause)

    def _dead(self, server: RunningModel, found: Measurement | None) -> TrialOutcome:
        status = server.wait()
        ending = getattr(server, "ending", None)  # of a container
        is_memory = bool(ending is not None and ending.out_of_memory) or memory_kills() > self._kills
        kind, cause = outcomes.death(status, server.last_log_lines(), out_of_memory=is_memory)
        return TrialOutcome(kind, found, cause)

    def _memory_ran_out(self, log: Iterable[str]) -> bool:
        return memory_kills() > self._kills or outcomes.names_memory(log)


def _goes_on(server: RunningModel) -> bool:
    """Whether it has not ended; a process that is being killed takes a moment."""
    for _ in range(10):
        if not server.is_running():
            return False
        time.sleep(0.02)
    return True


@contextlib.contextmanager
def _ended(server: RunningModel) -> Iterator[RunningModel]:
    try:
        yield server
    finally:
        server.stop()


def _in_time(spec: ContainerSpec, deadline: float | None) -> ContainerSpec:
    """The spec; the server has to be ready before ``deadline``."""
    if deadline is None:
        return spec
    left = max(1, math.ceil(deadline - time.monotonic()))
    check = spec.health_check
    return replace(spec, health_check=replace(check, startup_seconds=min(check.startup_seconds, left)))
