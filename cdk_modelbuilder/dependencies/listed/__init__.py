"""What the user lists: requirements files, project files, locks, and the lines of ``custom``."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement, Listed
from cdk_modelbuilder.dependencies.listed.requirements_file import read_text_lines
from cdk_modelbuilder.dependencies.listed.selection import read_selection
from cdk_modelbuilder.errors import UsageError

__all__ = ["GivenRequirement", "Listed", "read_lines", "read_listed"]

# Pattern of a file's name -> module and function that read it; imported when they are needed, because each takes time.
_OF_PROJECTS: Sequence[tuple[re.Pattern[str], str, str]] = (
    (re.compile(r"pyproject\.toml"), "pyproject", "read_pyproject"),
    (re.compile(r"pylock(\.[^.]+)?\.toml"), "pylock_file", "read_pylock"),
    (re.compile(r"uv\.lock"), "uv_lock", "read_uv_lock"),
)
_OF_LISTS: Sequence[tuple[re.Pattern[str], str, str]] = (
    (re.compile(r".*\.ya?ml", re.IGNORECASE), "conda_file", "read_conda_file"),
    (
        re.compile(r"(.*\.(txt|in|pip)|[\w.-]*requirements[\w.-]*\.lock)", re.IGNORECASE),
        "requirements_file",
        "read_requirements_file",
    ),
)
_INSTEAD = {
    "poetry.lock": "Name the file that `poetry export -o requirements.txt` writes.",
    "pdm.lock": "Name the file that `pdm export -o requirements.txt` writes.",
    "Pipfile": "Name the file that `pipenv requirements > requirements.txt` writes.",
    "Pipfile.lock": "Name the file that `pipenv requirements > requirements.txt` writes.",
    "setup.py": "List its dependencies in [project] of a pyproject.toml, or in a requirements.txt.",
    "setup.cfg": "List its dependencies in [project] of a pyproject.toml, or in a requirements.txt.",
    "conda-lock.yml": "Name the environment.yml that it was made from.",
    "pixi.toml": "Name the file that `pixi project export conda-environment environment.yml` writes.",
    "pixi.lock": "Name the file that `pixi project export conda-environment environment.yml` writes.",
}


def read_listed(path: str | os.PathLike[str], *, environment: Mapping[str, str]) -> Listed:
    """Read the file that the user names, by what it is called.

    Args:
        path: A file; see docs/dependencies.md for the kinds. Of ``pyproject.toml``, ``pylock.toml`` and ``uv.lock``
            parts may be named: ``pyproject.toml[extra]``, ``pyproject.toml:group``.
        environment: Values of markers in the container, from ``Target.marker_environment()``.

    Raises:
        UsageError: It cannot be read, is of no kind that is known, or lists something that cannot be kept.
        ToolMissingError: What reads it is not installed; the message names the extra.
    """
    chosen = read_selection(Path(path))
    name = chosen.path.name
    if name in _INSTEAD:
        raise UsageError(f"{name} is in a format of its tool's own, and is not read.", remedy=_INSTEAD[name])
    for pattern, module, function in _OF_PROJECTS:
        if pattern.fullmatch(name):
            return _reader(module, function)(chosen, name, environment=environment)
    if not chosen.is_whole_file:
        raise UsageError(
            f"{name} has no extras and no groups, and {str(path)!r} names some.", remedy=f"Name {name} alone."
        )
    for pattern, module, function in _OF_LISTS:
        if pattern.fullmatch(name):
            return _reader(module, function)(chosen.path, name, environment=environment)
    raise UsageError(
        f"{name!r} is no file whose kind is known by its name.",
        remedy="Name a requirements.txt, pyproject.toml, pylock.toml, uv.lock or environment.yml.",
    )


def read_lines(lines: Sequence[str], place: str, *, environment: Mapping[str, str]) -> Listed:
    """Read requirement lines, each as a line of a requirements file.

    Args:
        lines: Such as ``["numpy==2.1.0", "-e git+https://host/x@<commit>#egg=x"]``.
        place: What they stand in, such as ``dependencies['custom']``.
        environment: Values of markers in the container, from ``Target.marker_environment()``.

    Raises:
        UsageError: One is no requirement, or one that cannot be kept.
    """
    return read_text_lines(lines, place, environment=environment)


def _reader(module: str, function: str) -> Callable[..., Listed]:
    found: Callable[..., Listed] = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return found
