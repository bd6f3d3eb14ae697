"""Puts a server that has started under load, and says what its behaviour means."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from cdk_modelbuilder.local.running import RunningModel
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.watch import Watch
from cdk_modelbuilder.tuning.load.window import run_load
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.trials import outcome as outcomes
from cdk_modelbuilder.tuning.trials.kernel import memory_kills
from cdk_modelbuilder.tuning.trials.outcome import TrialOutcome
from cdk_modelbuilder.tuning.trials.probe import Probe
from cdk_modelbuilder.tuning.trials.readiness import Workers


class Examination:
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
