"""What the kernel says of processes that it killed for want of memory."""

from __future__ import annotations

from pathlib import Path

_COUNTERS = Path("/proc/vmstat")


def memory_kills() -> int:
    """How many processes the kernel has ended for want of memory, in containers too; 0 where it does not tell.

    Source: ``oom_kill`` in Linux's ``/proc/vmstat``, since 4.13.
    """
    try:
        lines = _COUNTERS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
