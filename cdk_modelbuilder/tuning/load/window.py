"""Sends a load and measures until the figures asked for are known well enough."""

from __future__ import annotations

import time
from dataclasses import replace

from cdk_modelbuilder.tuning.load.figures import Circumstances, measure
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.sending import Sending
from cdk_modelbuilder.tuning.load.stopping import StoppingRule, are_too_many
from cdk_modelbuilder.tuning.load.watch import Watch
from cdk_modelbuilder.tuning.measurement import Measurement

_LOOK_SECONDS = 0.1
_GRID_SECONDS = 0.25
_EVALUATION_SHARE = 10.0
"""Reckoning takes at most one part in so many of the time: it runs on the machine that is measured."""


def run_load(load: Load, *, port: int, path: str, watch: Watch | None = None) -> Measurement | None:
    """Send ``load`` and return what was measured; None where ``watch`` ended it before there was anything.

    Args:
        load: What is sent, and when that is enough.
        port: Of the server, on 127.0.0.1.
        path: Where requests without a path of their own go.
        watch: Looks at the server meanwhile.

    Raises:
        LocalEndpointError: The process that sends did not go on.
    """
    watch = watch or Watch()
    sending = Sending(load, port=port, path=path)
    try:
        return _Window(load, sending, watch).run()
    finally:
        sending.end()


class _Window:
    """The time that is counted: from the warm-up's end to a moment before which every request has come to its end."""

    def __init__(self, load: Load, sending: Sending, watch: Watch) -> None:
        self._load, self._sending, self._watch = load, sending, watch
        self._begin = load.warm_up_seconds
        self._rule = StoppingRule(load)

    def run(self) -> Measurement | None:
        load, sending, watch = self._load, self._sending, self._watch
        next_look = time.monotonic() + 1
        while True:
            time.sleep(_LOOK_SECONDS)
            sending.check()
            watch.look()
            if watch.ended_by is not None:
                return self._until(sending.oldest)
            elapsed, closed = sending.now - self._begin, sending.oldest - self._begin
            if closed >= load.max_seconds:
                return self._measure(self._begin + load.max_seconds)
            if elapsed >= load.max_seconds + load.timeout_seconds + 1:  # no timeout has ended it: it never will
                sending.add_unanswered(sending.now)
                return self._until(sending.now)
            now = time.monotonic()
            if now < next_look:
                continue
            found = self._evaluate(closed)
            next_look = now + max(1.0, _EVALUATION_SHARE * (time.monotonic() - now))
            if found is not None:
                return found

    def _evaluate(self, closed: float) -> Measurement | None:
        """Whether that is enough: the measurement if it is."""
        found = self._until(self._begin + closed)
        if found is None:
            return None
        if self._rule.is_met(found):
            return found
        self._watch.tell(found)
        if are_too_many(found, self._load):
            self._watch.ended_by = "errors"
        return found if self._watch.ended_by is not None else None

    def _measure(self, end: float) -> Measurement:
        load, sending = self._load, self._sending
        circumstances = Circumstances(
            warm_up_seconds=load.warm_up_seconds,
            sender_busy=sending.busy_between(self._begin, end),
            memory_bytes=self._watch.memory_bytes,
        )
        with sending.records() as records:
            found = measure(records, self._begin, end, circumstances)
        return replace(found, settled=self._rule.is_narrow(found))

    def _until(self, moment: float) -> Measurement | None:
        """What there is until then, or a little less: not until where a request happens to begin or end."""
        end = self._begin + int((moment - self._begin) / _GRID_SECONDS) * _GRID_SECONDS
        return None if end <= self._begin else self._measure(end)
