"""Starts pip, which downloads and builds wheels: this environment's own, else the one that uv fetches."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cdk_modelbuilder.dependencies.tool_output import run_tool
from cdk_modelbuilder.dependencies.uv_tool import find_uv_or_none
from cdk_modelbuilder.errors import ToolMissingError

_UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|Max retries exceeded"
    r"|Could not fetch URL|ProxyError|Network is unreachable"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")
SOURCE_DATE_EPOCH = "315532800"
"""1980, where ZIP's clock begins: what builders that know the variable write as the time of every file."""


def pip_command() -> list[str]:
    """How pip is started.

    Raises:
        ToolMissingError: Neither pip nor uv is installed.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = find_uv_or_none()
    if uv is None:
        raise ToolMissingError(
            "this environment has neither pip nor uv; one of them is needed to put wheels into a bundle.",
            remedy="Install one: python -m ensurepip, or pip install 'cdk-modelbuilder[lock]'.",
        )
    return [uv, "tool", "run", "--quiet", "--python", sys.executable, "--no-python-downloads", "pip"]


def run_pip(arguments: Sequence[str], *, on_line: Callable[[str], object] | None = None) -> tuple[int, str]:
    """Run pip outside the caller's folder; returns its exit status and all that it said.

    Args:
        arguments: After the program's name.
        on_line: Called with each line as it comes.
    """
    command = [*pip_command(), "--disable-pip-version-check", "--no-input", *arguments]
    with tempfile.TemporaryDirectory(prefix="modelbuilder-pip-") as folder:
        return run_tool(command, environment=pip_environment(os.environ), folder=Path(folder), on_line=on_line)


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` for pip: with uv's settings of where packages come from, where pip has none in the environment.

    Constraints of the user's are for what is installed here; versions are decided when pip is asked for wheels.
    """
    found = dict(environ)
    default = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL")
    extra = environ.get("UV_INDEX") or environ.get("UV_EXTRA_INDEX_URL")
    if default:
        found.setdefault("PIP_INDEX_URL", _without_label(default))
    if extra:
        found.setdefault("PIP_EXTRA_INDEX_URL", " ".join(map(_without_label, extra.split())))
    if found.get("PIP_RETRIES", "0") == "0":
        found["PIP_RETRIES"] = "1"  # with none, pip does not say that an index is dead, only that it has nothing
    found.update(
        PIP_CONSTRAINT=os.devnull, SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH, PYTHONHASHSEED="0", GIT_TERMINAL_PROMPT="0"
    )
    return found


def is_unreachable(said: str) -> bool:
    """Whether pip found no index behind the address."""
    return _UNREACHABLE.search(said) is not None


def last_words(said: str, count: int = 12) -> str:
    """The last lines of what a tool said, without passwords."""
    lines = [line.rstrip() for line in _CREDENTIALS.sub("", said).splitlines() if line.strip()]
    return "\n".join(lines[-count:])


def _without_label(index: str) -> str:
    """``https://...`` of uv's ``name=https://...``."""
    head, equals, rest = index.partition("=")
    return rest if equals and "://" not in head else index
