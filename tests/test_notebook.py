"""Classes that a notebook defines, in a real IPython shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CELLS = [
    "import numpy as np",
    "from cdk_modelbuilder import InferenceSpec, ModelBuilder, SchemaBuilder",
    "FACTOR = 3\ndef scaled(values):\n    return values * FACTOR",
    (
        "class FromCell(InferenceSpec):\n"
        "    def load(self, model_dir):\n        return None\n"
        "    def invoke(self, input_object, model):\n        return scaled(input_object)"
    ),
    "%time X = np.ones((2, 2))",
    "ModelBuilder(inference_spec=FromCell(), schema_builder=SchemaBuilder(X, X), name='cell').build()",
]

RUN = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True).raise_error()
"""


@pytest.mark.slow
def test_a_spec_defined_in_a_cell_is_written_out_from_its_source(tmp_path):
    pytest.importorskip("IPython", exc_type=ImportError)
    run = subprocess.run(
        [sys.executable, "-c", RUN.format(cells=CELLS)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    source = Path(tmp_path, "build/cell/model/code/modelbuilder_script.py").read_text()
    assert "class FromCell" in source
    assert "FACTOR = 3" in source
    assert "%time" not in source
