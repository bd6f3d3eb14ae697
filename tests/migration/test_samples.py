"""Code for the SageMaker SDK's ModelBuilder runs when its import lines name this package and nothing else changes."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder.schema.codecs import class_references

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.py"))
IMPORT = re.compile(r"^from sagemaker[\w.]* import", re.MULTILINE)
CONTAINERS = {"framework_model": "xgboost", "local_mode": "xgboost", "own_container": "torchserve"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, count = IMPORT.subn("from cdk_modelbuilder import", sample.read_text("utf-8"))
    assert count >= 3
    assert "sagemaker." not in text
    script = tmp_path / sample.name
    script.write_text(text, "utf-8")
    found = runpy.run_path(str(script), run_name="__main__")
    try:
        np.testing.assert_equal(found["answer"], found["expected"])
    finally:
        found["predictor"].delete_endpoint()
    (bundle,) = (tmp_path / "build").iterdir()
    server = re.search(r'"model_server": "(\w+)"', (bundle / "container.json").read_text("utf-8"))[1]
    assert server == CONTAINERS.get(sample.stem, server)


def test_a_script_that_builds_after_it_served_a_verified_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr(class_references, "_verified", [True])
    monkeypatch.delitem(sys.modules, class_references.SCRIPT_MODULE, raising=False)
    test_a_sample(Path(__file__).with_name("samples") / "translators.py", tmp_path, monkeypatch)
