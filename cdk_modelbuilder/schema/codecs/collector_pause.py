"""No passes of the garbage collector while many containers are made at once, none of which can be garbage yet."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import Iterator

_lock = threading.Lock()
_pauses = 0
_was_enabled = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """For a few calls into C that hold the interpreter's lock; the last of overlapping pauses ends it for all."""
    global _pauses, _was_enabled  # noqa: PLW0603 - the collector is one for the process
    with _lock:
        if not _pauses:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _was_enabled:
                gc.enable()
