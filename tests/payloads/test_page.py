"""docs/payloads.md says what the codecs do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_payload_tables.py"


@pytest.mark.slow
def test_the_matrix_is_up_to_date():
    run = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    if run.returncode == 2:
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stderr
