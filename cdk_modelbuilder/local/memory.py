"""How much memory a tree of processes holds, as Linux tells it."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes(pid: int) -> int | None:
    """Resident memory of process ``pid`` and all its descendants, in bytes; None where there is no ``/proc``.

    Pages that several of them share are counted once for each, as ``ps`` does.
    """
    children: dict[int, list[int]] = {}
    pages: dict[int, int] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            # The name in parentheses may hold spaces; the fields behind it are state and parent, then many more.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            pages[int(folder.name)] = int((folder / "statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it ended in between
        children.setdefault(parent, []).append(int(folder.name))
    if pid not in pages:
        return None
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += pages[one]
        waiting += children.get(one, [])
    return total * _PAGE
