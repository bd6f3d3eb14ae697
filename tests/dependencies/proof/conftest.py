"""This package as a wheel, and an environment with much in it, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.dependencies.proof.environments")

from .environments import CHECKOUT, Environment, uv  # noqa: E402 - after the line above

CROWD = Path(__file__).with_name("crowd.txt")


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory) -> Path:
    """This package, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder, CHECKOUT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def crowd(own_wheel, tmp_path_factory) -> Environment:
    """An environment with nearly everything that some project needs, so that no project needs most of it."""
    environment = Environment.create(tmp_path_factory.mktemp("crowd") / "venv")
    environment.install(own_wheel, "--requirement", CROWD)
    return environment
