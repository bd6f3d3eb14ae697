"""Many inputs in worker processes: what dies or hangs is found too, and the rest goes on."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.findings import Finding
from tests.fuzz.trial import Tally

HANGS_AFTER = 60.0
"""Seconds on one input, after which a worker is taken for hung."""

BATCH = 2000
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Task:
    """Inputs ``first`` up to ``first + count`` of a target."""

    target: str
    first: int
    count: int


@dataclass
class Campaign:
    """One run.

    Attributes:
        seed: Decides every input.
        tallies: Target -> what its inputs came to.
        findings: The first of each kind and cause, and how often there was one.
    """

    seed: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: dict[tuple[str, str], tuple[Finding, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, targets: list[str], inputs: int, processes: int, first: int = 0) -> None:
        """Read ``inputs`` inputs, as many of each target."""
        each = -(-inputs // len(targets))
        tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        for name in targets:
            for start in range(first, first + each, BATCH):
                tasks.put(Task(name, start, min(BATCH, first + each - start)))
        threads = [threading.Thread(target=self._work, args=(tasks,)) for _ in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        with self._lock:
            known, times = self.findings.get(finding.key, (finding, 0))
            self.findings[finding.key] = (known, times + 1)

    def _count(self, target: str, tally: Tally) -> None:
        with self._lock:
            total = self.tallies.setdefault(target, Tally())
            total.inputs += tally.inputs
            total.values += tally.values
            total.most_memory = max(total.most_memory, tally.most_memory)
            total.longest = max(total.longest, tally.longest)

    def _work(self, tasks: queue.SimpleQueue[Task]) -> None:
        worker = None
        while True:
            try:
                task = tasks.get_nowait()
            except queue.Empty:
                break
            while task.count > 0:
                worker = worker or Worker(self.seed)
                told, tally, reached = worker.do(task)
                for finding in told:
                    self.add(finding)
                if tally is not None:
                    self._count(task.target, tally)
                    break
                kind, detail = worker.end()
                worker = None
                self.add(Finding(task.target, reached or task.first, kind, detail, f"{task.target} {detail[:60]}"))
                if reached is None:
                    break  # it does not get as far as an input
                self._count(task.target, Tally(inputs=reached + 1 - task.first))
                task = Task(task.target, reached + 1, task.first + task.count - reached - 1)
        if worker is not None:
            worker.end()


class Worker:
    """A process of :mod:`tests.fuzz.worker`."""

    def __init__(self, seed: int) -> None:
        handle, name = tempfile.mkstemp()
        os.close(handle)
        self._progress = Path(name)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the process runs
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.worker", str(seed), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
        )
        self._hung = False
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def do(self, task: Task) -> tuple[list[Finding], Tally | None, int | None]:
        """Findings and tally of a task; without the tally, the process ended at the input of that number."""
        assert self._process.stdin is not None
        self._progress.write_bytes(b"")
        request: dict[str, Any] = {"target": task.target, "first": task.first, "count": task.count}
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return [], None, None
        found: list[Finding] = []
        for line in self._lines():
            answer = json.loads(line)
            if "tally" in answer:
                return found, Tally(**answer["tally"]), None
            found.append(Finding(**answer["finding"]))
        return found, None, self._reached()

    def end(self) -> tuple[str, str]:
        """End it; whether it had died or hung, and its last words."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        if self._hung:
            self._process.kill()
        status = self._process.wait()
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.seek(0)
        words = self._errors.read()[-1500:].decode("utf-8", "replace")
        self._progress.unlink()
        self._errors.close()
        if self._hung:
            return "hung", f"over {HANGS_AFTER:.0f} s on one input"
        return "died", f"status {status}: {words}"

    def _reached(self) -> int | None:
        data = self._progress.read_bytes()
        return int.from_bytes(data, "little") if len(data) == 8 else None

    def _lines(self) -> Iterator[str]:
        """The lines of the process until it ends or hangs."""
        last, since = self._reached(), time.monotonic()
        while True:
            try:
                line = self._said.get(timeout=1.0)
            except queue.Empty:
                reached = self._reached()
                if reached != last:
                    last, since = reached, time.monotonic()
                elif time.monotonic() - since > HANGS_AFTER:
                    self._hung = True
                    return
            else:
                if line is None:
                    return
                yield line

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(None)
