"""One trial: a server with the candidate's environment is started, put under load, measured, and ended."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.running import RunningModel
from cdk_modelbuilder.local.starting import start_container, start_process
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.servers.base import ModelServer
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.trials import outcome as outcomes
from cdk_modelbuilder.tuning.trials.command import ServerCommand, run_command
from cdk_modelbuilder.tuning.trials.examination import Examination
from cdk_modelbuilder.tuning.trials.outcome import TrialOutcome
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
        LocalEndpointError: The process that sends the load did not go on; what the server does is an outcome.
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

    is_ours = mode is Mode.LOCAL_PROCESS or spec.model_server == ModelServer.BUILTIN
    seen = Workers(on_log, is_ours=is_ours)
    return _run(start, load, seen, path=spec.invocations_path, deadline=deadline, on_interim=on_interim)


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
        LocalEndpointError: The process that sends the load did not go on; what the server does is an outcome.
    """

    def start(on_line: Callable[[str], object]) -> RunningModel:
        return run_command(command, on_log=on_line, deadline=deadline)

    path = command.invocations_path
    return _run(start, load, Workers(on_log), path=path, deadline=deadline, on_interim=on_interim)


def _run(
    start: Callable[[Callable[[str], object]], RunningModel],
    load: Load,
    workers: Workers,
    *,
    path: str,
    deadline: float | None,
    on_interim: Callable[[Measurement], bool] | None,
) -> TrialOutcome:
    began = time.monotonic()
    if deadline is not None and deadline <= began:
        return TrialOutcome(outcomes.TIMED_OUT, cause="there was no time left to start it")
    examination = Examination(load, workers, path=path, deadline=deadline, on_interim=on_interim)
    try:
        started_server = start(workers.line)
    except LocalEndpointError as error:
        failed = outcomes.start_failure(error, workers.lines)
        is_late = deadline is not None and time.monotonic() >= deadline and error.status is None
        return replace(failed, status=outcomes.TIMED_OUT) if is_late else failed
    with _ended(started_server) as server:
        if not workers.wait(min(deadline or math.inf, time.monotonic() + _ALL_LOADED_SECONDS)):
            return examination.unready(server)
        started = time.monotonic() - began
        return replace(examination.measured(server), started_seconds=started)


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
