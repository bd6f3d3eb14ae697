"""Asks NVIDIA's driver which GPUs this machine has, with the tool that it brings."""

from __future__ import annotations

import re
import subprocess

_SECONDS = 5


def gpus(field: str) -> list[tuple[str, str]]:
    """Name of each GPU and ``field`` of it, without a unit; none where there is no driver, or it does not answer.

    Args:
        field: One that begins with a number, such as ``driver_version`` or ``memory.total``;
            ``nvidia-smi --help-query-gpu`` has them all.
    """
    command = ("nvidia-smi", f"--query-gpu=name,{field}", "--format=csv,noheader,nounits")
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout.decode(errors="replace").splitlines() if done.returncode == 0 else []
    found = [line.rpartition(",") for line in lines]
    return [(name.strip(), value.strip()) for name, _, value in found if re.match(r"\s*\d+", value)]
