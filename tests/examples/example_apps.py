"""The apps below examples/, with bundles to deploy: built as the examples themselves say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import MASTER_KEY

EXAMPLES = Path(__file__).parents[2] / "examples"
APPS = sorted(EXAMPLES.glob("*/app.py"))
CLI = (sys.executable, "-m", "cdk_modelbuilder.cli")


def build_bundles(folder: Path) -> dict[str, str]:
    """Build what the apps deploy; returns the context that names it."""
    environment = {**os.environ, "MODELBUILDER_MASTER_KEY": MASTER_KEY}
    key = folder / "release.key"
    commands = [
        ["keys", "create-pair", "--file", str(key)],
        ["build", "tumour.py", "--output", str(folder / "tumour"), "--private-key", str(key)],
        ["build", "scaler.py", "--output", str(folder / "scaler")],
    ]
    for command in commands:
        done = subprocess.run([*CLI, *command], cwd=EXAMPLES, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    tumour = str(folder / "tumour")
    return {
        "bundles": tumour,
        "bundle": tumour,
        "tried": tumour,
        "scaler": str(folder / "scaler"),
        "public_key": str(key.with_suffix(".pub")),
    }
