"""File systems that are mounted here, to name one with room."""

from __future__ import annotations

import os
from pathlib import Path

_TABLE = Path("/proc/self/mounts")
_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"})
"""File systems on disks, that Docker's data and models can lie on. Not FAT, nor networks."""


def roomiest_mount(table: Path = _TABLE) -> Path | None:
    """The mounted disk with most free space; None where the system has no table of them."""
    try:
        lines = table.read_text(errors="replace").splitlines()
    except OSError:
        return None
    found: dict[Path, int] = {}
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 4 or fields[2] not in _KINDS or "ro" in fields[3].split(","):
            continue
        path = Path(_unescaped(fields[1]))
        try:
            if path.is_dir():  # not a file that is mounted, as into containers
                state = os.statvfs(path)
                found[path] = state.f_bavail * state.f_frsize
        except OSError:
            continue
    return max(found, key=lambda path: (found[path], -len(str(path)))) if found else None


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
