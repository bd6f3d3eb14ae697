"""Runs a command in a process group of its own and ends the group when standard input ends, or the command does.

A program of its own, of the standard library alone: ``python -I keeper.py GRACE_SECONDS PROGRAM ARGUMENTS...``. Whoever
started it may be killed: then its end of standard input is closed, too. Its exit status is the command's; one that a
signal has ended gives 128 and the signal, as in a shell.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_CANNOT_RUN = 127
_PR_SET_CHILD_SUBREAPER = 36


def _adopt_orphans() -> None:
    """Become the parent of what the command starts and leaves, so that it can be found; on Linux alone."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it ended in between
            if int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(folder.name))
    return found


def _reap(child: int) -> None:
    """Take leave of adopted children that have ended, or their group would seem to be there still."""
    for one in _children():
        if one != child:  # whose status main() waits for
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one, os.WNOHANG)


def _end_group(group: int, grace: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        until = time.monotonic() + grace
        while time.monotonic() < until:
            _reap(group)
            os.killpg(group, 0)  # raises when the last one is gone
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


def _end_orphans() -> None:
    """End what has left the group; as each one ends, its children come here."""
    for _ in range(100):
        children = _children()
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def main() -> int:
    """Run, wait, end; returns the command's status."""
    grace, command = float(sys.argv[1]), sys.argv[2:]
    _adopt_orphans()
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
        return _CANNOT_RUN
    asked = threading.Event()

    def wait_for_the_end() -> None:
        with contextlib.suppress(OSError):
            os.read(0, 1)
        asked.set()
        _end_group(child.pid, grace)

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=_end_group, args=(child.pid, grace)).start())
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    status = child.wait()
    _end_group(child.pid, grace if asked.is_set() else 0.0)  # what it has left behind
    _end_orphans()
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
