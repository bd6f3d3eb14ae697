"""Finds a Python of a given minor version on this machine; downloads none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.dependencies.uv_tool import find_uv_or_none
from cdk_modelbuilder.errors import TrialError

_MINOR = re.compile(r"\d+\.\d+")
_PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs.

    Attributes:
        path: Its executable.
        version: Such as ``3.12.1``.
    """

    path: str
    version: str

    @property
    def minor(self) -> str:
        """Such as ``3.12``."""
        return self.version.rpartition(".")[0]


def find_interpreter(wanted: str) -> Interpreter | None:
    """A Python of the minor version ``wanted``: this one, of PATH, known to uv, or of pyenv; None if there is none."""
    for path in _candidates(wanted):
        found = probe(path)
        if found is not None and found.minor == wanted:
            return found
    return None


def named_interpreter(name: str) -> Interpreter:
    """The Python that the user names by its path, its command or its minor version.

    Raises:
        TrialError: There is none, or it does not run.
    """
    found = find_interpreter(name) if _MINOR.fullmatch(name) else probe(shutil.which(name) or name)
    if found is None:
        raise TrialError(
            f"{name} is not a Python that runs here.",
            remedy="Give the path of an interpreter, or a minor version of one on PATH, such as 3.12.",
        )
    return found


def this_interpreter() -> Interpreter:
    """The one that runs this."""
    return Interpreter(sys.executable, ".".join(map(str, sys.version_info[:3])))


def probe(path: str) -> Interpreter | None:
    """The interpreter at ``path``, or None if it does not run: a shim of pyenv may lead nowhere."""
    try:
        said = subprocess.run(
            [path, "-I", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = said.stdout.strip()
    return Interpreter(path, version) if said.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+", version) else None


def _candidates(wanted: str) -> Iterator[str]:
    if this_interpreter().minor == wanted:
        yield sys.executable
    on_path = shutil.which(f"python{wanted}")
    if on_path:
        yield on_path
    uv = find_uv_or_none()
    if uv:
        said = subprocess.run(
            [uv, "python", "find", "--quiet", "--no-project", "--system", "--no-python-downloads", wanted],
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode == 0 and said.stdout.strip():
            yield said.stdout.strip()
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from (str(path) for path in sorted(versions.glob(f"{wanted}.*/bin/python{wanted}"), reverse=True))
