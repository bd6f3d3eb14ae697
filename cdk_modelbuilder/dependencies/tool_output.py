"""Runs a tool and hears what it says while it says it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def run_tool(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, on_line: Callable[[str], object] | None
) -> tuple[int, str]:
    """Run ``command``; returns its exit status and all that it said, errors too. It is ended when this is interrupted.

    Args:
        command: The program and its arguments.
        environment: Its variables.
        folder: Where it is started.
        on_line: Called with each line as it comes, without the line's end.
    """
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=folder,
        env=environment,
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                said.append(line)
                if on_line is not None:
                    on_line(line.rstrip())
        except BaseException:
            child.terminate()
            raise
    return child.returncode, "".join(said)
