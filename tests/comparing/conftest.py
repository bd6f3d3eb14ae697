"""Bundles that several tests share. Copy one before changing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBundle
from tests.comparing.homes import build_homes, git
from tests.conftest import MASTER_KEY


@pytest.fixture(scope="session")
def homes(tmp_path_factory) -> ModelBundle:
    """The first bundle."""
    return build_homes(tmp_path_factory.mktemp("first") / "homes", signing_key=MASTER_KEY, keep_samples=True)


@pytest.fixture(scope="session")
def other_homes(tmp_path_factory) -> ModelBundle:
    """The same but for the weights."""
    folder = tmp_path_factory.mktemp("other") / "homes"
    return build_homes(folder, prices=[151.0, 212.0, 270.0], signing_key=MASTER_KEY, keep_samples=True)


@pytest.fixture
def repository(tmp_path) -> Path:
    """An empty git repository."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder
