"""Runs what a generated app brings, as its owners do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import MASTER_KEY


def run_in(folder: Path, *words: str, status: int = 0, **variables: str) -> str:
    """Run ``python -m words`` in an app; as on somebody's machine, which is no CI, unless ``variables`` say so."""
    env = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    env |= {
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "MODELBUILDER_MASTER_KEY": MASTER_KEY,
        **variables,
    }
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_tests(folder: Path, *words: str, status: int = 0, **variables: str) -> str:
    """Run the app's own tests."""
    return run_in(
        folder, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *words, status=status, **variables
    )
