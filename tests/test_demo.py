"""The demo's whole path, with the real CDK CLI: build, run, tamper, synth, deploy, update, destroy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws_stand_in.cdk_cli import CdkCliMissing, _script

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.heavy  # CI runs `make demo` itself
def test_the_demo_ends_with_every_step_done(tmp_path):
    try:
        _script()
    except CdkCliMissing as missing:
        pytest.skip(str(missing))
    run = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "demo.py")], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    for words in (
        "143 predictions over HTTP equal those in memory",
        "model.ubj was changed after signing",
        "endpoint InService, key resolved from the",
        "same endpoint, new model and configuration",
        "nothing left",
    ):
        assert words in run.stdout
    assert list(tmp_path.iterdir()) == []
