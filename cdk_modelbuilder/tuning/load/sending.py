"""The process that sends a load."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.records import UNANSWERED, Record, Records, read_frame

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
