"""Starts uv, which resolves for a Python and a platform that are not here: https://docs.astral.sh/uv/.

The user's own settings hold: uv's variables and its user-level ``uv.toml``, else pip's. What the current folder or its
parents configure does not, so that the same pins give the same lock wherever the build is started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cdk_modelbuilder.dependencies.index_settings import uv_settings
from cdk_modelbuilder.errors import DependencyError, ToolMissingError

TIMEOUT_SECONDS = 600


def find_uv(purpose: str) -> str:
    """Path of uv: of the package ``uv`` in this environment, else the one on PATH.

    Raises:
        ToolMissingError: There is none.
    """
    found = find_uv_or_none()
    if found is None:
        raise ToolMissingError(
            f"uv is not installed; it is needed {purpose}.",
            remedy="Install it: pip install 'cdk-modelbuilder[lock]'.",
        )
    return found


def find_uv_or_none() -> str | None:
    """Path of uv, or None."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - an optional extra

        return str(find_uv_bin())
    except (ImportError, OSError):
        return shutil.which("uv")


def run_uv(arguments: Sequence[str], *, purpose: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run uv in a folder of its own and return what it said; the exit status is the caller's to judge.

    Args:
        arguments: After the program's name.
        purpose: What it is needed for, in the words after "it is needed".
        stdin: What it reads from there.

    Raises:
        ToolMissingError: There is no uv.
        DependencyError: It did not end in time.
    """
    uv = find_uv(purpose)
    with (
        tempfile.TemporaryDirectory(prefix="modelbuilder-uv-") as folder,
        uv_settings(os.environ).in_folder(Path(folder)) as environment,
    ):
        try:
            return subprocess.run(
                [uv, *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                env={**environment, "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0"},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DependencyError(
                f"uv {' '.join(arguments[:2])} did not end within {TIMEOUT_SECONDS} s.",
                remedy="Is the package index slow, or a repository that asks for a password? Try again.",
            ) from None


def interpreter_arguments() -> list[str]:
    """What makes uv use this interpreter where it needs one, and download none."""
    return ["--no-python-downloads", "--python", sys.executable]
