"""Files that a user may name, and what is read from them for a container with Python 3.12."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.target import Target


@pytest.fixture
def environment():
    return Target(python="3.12").marker_environment()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def write_files(**texts: str) -> None:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write_files


@pytest.fixture
def read(write, environment):
    """Writes files, and reads the first one, or the part of it that is named."""

    def read_first(files: dict[str, str | bytes], part: str = "", python: str | None = None):
        write(**files)
        known = environment if python is None else Target(python=python).marker_environment()
        return read_listed(next(iter(files)) + part, environment=known)

    return read_first
