"""What the user lists: requirements files, project files, locks, and the lines of ``custom``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement, Listed
from cdk_modelbuilder.dependencies.listed.requirements_file import read_requirements_file, read_text_lines

__all__ = ["GivenRequirement", "Listed", "read_lines", "read_listed"]


def read_listed(path: str | os.PathLike[str], *, environment: Mapping[str, str]) -> Listed:
    """Read the file that the user names, by what it is called.

    Args:
        path: A file; see docs/dependencies.md for the kinds and for ``pyproject.toml[extra]``.
        environment: Values of markers in the container, from ``Target.marker_environment()``.

    Raises:
        UsageError: It cannot be read, is of no kind that is known, or lists something that cannot be kept.
    """
    file = Path(path)
    return read_requirements_file(file, file.name, environment=environment)


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
