"""Sends a load from a process of its own and measures until the figures asked for are known well enough."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.tuning.load.figures import Circumstances, measure
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.records import UNANSWERED, Record, Records, read_frame
from cdk_modelbuilder.tuning.load.stopping import StoppingRule, are_too_many
from cdk_modelbuilder.tuning.measurement import Measurement

_LOOK_SECONDS = 0.1
_GRID_SECONDS = 0.25
_EVALUATION_SHARE = 10.0
"""Reckoning takes at most one part in so many of the time: it runs on the machine that is measured."""
_END_SECONDS = 5.0


class Sending:
    """The process that sends, and what it has told so far.

    Args:
        load: What is sent.
        port: Of the server, on 127.0.0.1.
        path: Where requests without a path of their own go.
    """

    def __init__(self, load: Load, *, port: int, path: str) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._records = Records()
        self.now = self.oldest = 0.0
        self._busy: list[tuple[float, float]] = [(0.0, 0.0)]
        self.complaint = ""
        # Not a thread: it would share one interpreter with whoever reckons, and measure that.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "cdk_modelbuilder.tuning.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        told = json.dumps({"load": load.to_json(), "port": port, "path": path}).encode() + b"\n"
        self._readers = [
            threading.Thread(target=target, args=(stream,), name=f"load-{name}", daemon=True)
            for name, target, stream in (
                ("frames", self._read, self._child.stdout),
                ("complaints", self._listen, self._child.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(told)
            self._child.stdin.flush()

    def check(self) -> None:
        """See that it is still sending.

        Raises:
            LocalEndpointError: It is not.
        """
        if self._child.poll() is not None:
            self._readers[1].join(timeout=1)
            last = self.complaint.strip().splitlines()[-1:] or ["no reason was given"]
            raise LocalEndpointError(
                f"the process that sends the load ended with status {self._child.returncode}: {last[0]}.",
                remedy="Run it with less load.",
            )

    def busy_between(self, begin: float, end: float) -> float:
        """Share of one processor that it used in this time."""
        seen = [one for one in self._busy if begin <= one[0] <= end]
        if len(seen) < 2:
            return 0.0
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])

    @contextlib.contextmanager
    def records(self) -> Iterator[Records]:
        """What has ended so far; nothing is added meanwhile."""
        with self._lock:
            yield self._records

    def add_unanswered(self, until: float) -> None:
        """Take what is still under way for failed, as far as it can be told: one request, as old as the oldest."""
        with self._lock:
            if self.oldest < until:
                nan = float("nan")
                self._records.add(Record(self.oldest, self.oldest, nan, nan, self.now, nan, UNANSWERED))

    def end(self) -> None:
        """Send no more. Does nothing when that is so."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(_END_SECONDS)
        except BaseException as error:
            self._child.kill()
            self._child.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
        finally:
            for reader in self._readers:
                reader.join(timeout=_END_SECONDS)
            for stream in (self._child.stdout, self._child.stderr):
                if stream is not None:
                    stream.close()

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError):  # closed by end()
            while (frame := read_frame(stream)) is not None:  # type: ignore[arg-type]
                with self._lock:
                    for record in frame.records:
                        self._records.add(record)
                    self.now, self.oldest = frame.now, frame.oldest
                    self._busy.append((frame.now, frame.busy))

    def _listen(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError):
            for line in stream:
                self.complaint = (self.complaint + line.decode("utf-8", "replace"))[-4000:]


class Watch:
    """What a measurement looks at meanwhile, and what may end it.

    Args:
        memory: The server's memory in bytes; None where it cannot be told.
        is_running: Whether the server has not ended.
        on_interim: Told about once a second what was measured so far; True ends it.
        deadline: When it has to end at the latest, by ``time.monotonic()``.

    Attributes:
        ended_by: ``callback``, ``server``, ``errors`` or ``deadline``, if that is what ended it.
    """

    def __init__(
        self,
        *,
        memory: Callable[[], int | None] = lambda: None,
        is_running: Callable[[], bool] = lambda: True,
        on_interim: Callable[[Measurement], bool] | None = None,
        deadline: float | None = None,
    ) -> None:
        self._memory, self._is_running = memory, is_running
        self._on_interim, self._deadline = on_interim, deadline
        self._next_memory = 0.0
        self.memory_bytes: int | None = None
        self.ended_by: str | None = None

    def look(self) -> None:
        """Look at the server's memory, now and then, and at whether it is there."""
        now = time.monotonic()
        if now >= self._next_memory:
            found = self._memory()
            took = time.monotonic() - now
            self._next_memory = now + max(0.25, 50 * took)
            self.memory_bytes = found if self.memory_bytes is None else max(self.memory_bytes, found or 0)
        if not self._is_running():
            self.ended_by = "server"
        elif self._deadline is not None and now >= self._deadline:
            self.ended_by = "deadline"

    def tell(self, measurement: Measurement) -> None:
        """Show what was measured so far."""
        if self._on_interim is not None and self._on_interim(measurement):
            self.ended_by = "callback"


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
