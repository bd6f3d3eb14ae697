"""Removes a container at once when the process that owns it is killed: a small child process that waits for that.

    python -m cdk_modelbuilder.local.container.watcher PID FOLDER NAME...

Its standard input is a pipe of the owner's. A byte there means that the owner has removed everything itself; the end of
the pipe, or of the owner, means that nobody has.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_GRACE_SECONDS = 10
"""A container that the owner was just asking for may still come into being."""
_POLL_SECONDS = 0.25


class Watcher:
    """The owner's side of it.

    Args:
        names: The container, which need not be there yet, and those that only live beside it.
        folder: A temporary folder that goes with them, or None.
        daemon: ``DOCKER_HOST`` for it; None leaves the environment as it is.
    """

    def __init__(self, names: list[str], folder: Path | None, daemon: str | None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONSAFEPATH": "1"}
        if daemon is not None:
            environment["DOCKER_HOST"] = daemon
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, str(os.getpid()), str(folder or ""), *names],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is the owner's to handle
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """Everything is removed: it ends."""
        if self._child.stdin is not None and not self._child.stdin.closed:
            with contextlib.suppress(OSError):
                self._child.stdin.write(b"x")
                self._child.stdin.flush()
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        self._child.wait()

    def take_over(self) -> None:
        """What is left is the watcher's to remove: it tries for a while, and nobody waits for it."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        threading.Thread(target=self._child.wait, name="container-watcher", daemon=True).start()


def _wait_for_end(owner: int) -> bool:
    """Whether the owner ended without a word."""
    watched: list[int] = [0]
    with contextlib.suppress(OSError, AttributeError):
        watched.append(os.pidfd_open(owner))  # a child that the owner forked may keep the pipe open
    if os.getppid() != owner:
        return True
    ready, _, _ = select.select(watched, [], [])
    return not (0 in ready and os.read(0, 1))


def _remove(names: list[str], folder: str) -> None:
    # Not before it is needed: most watchers never do.
    from cdk_modelbuilder.local.container.engine import find_engine  # noqa: PLC0415
    from cdk_modelbuilder.local.container.ownership import remove_container, remove_folder  # noqa: PLC0415

    deadline = time.monotonic() + _GRACE_SECONDS
    is_done = False
    while not is_done:
        with contextlib.suppress(Exception):  # the daemon may restart; the next start here reaps too
            engine = find_engine()
            is_done = remove_container(engine.api, names[0])
            for name in names[1:]:
                remove_container(engine.api, name)
            engine.close()
        if time.monotonic() > deadline:
            break
        time.sleep(0 if is_done else _POLL_SECONDS)
    remove_folder(folder)


def main(owner: str, folder: str, *names: str) -> None:
    """The child's side of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if _wait_for_end(int(owner)):
        _remove(list(names), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
