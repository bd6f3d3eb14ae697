"""app.py, run as the CDK CLI runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CONTEXT = json.loads((REPOSITORY / "cdk.json").read_text())["context"]


def synth(out: Path, *, cwd: Path = REPOSITORY, seed: str = "0", **context) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps({**CONTEXT, **context}),
        "CDK_OUTDIR": str(out),
        "CDK_VALIDATION": "false",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "PYTHONHASHSEED": seed,
    }
    return subprocess.run([sys.executable, REPOSITORY / "app.py"], env=env, cwd=cwd, capture_output=True, text=True)


def test_templates_are_the_same_bytes_in_other_processes_and_folders(tumour_bundle, tmp_path):
    texts = []
    for seed in ("1", "2"):
        copy = tmp_path / seed / "bundle"
        shutil.copytree(tumour_bundle.path, copy)
        run = synth(tmp_path / seed / "out", seed=seed, bundles=str(copy))
        assert run.returncode == 0, run.stderr
        names = ("tumour-endpoint.template.json", "tumour-endpoint.assets.json")
        texts.append([(tmp_path / seed / "out" / name).read_bytes() for name in names])
    assert texts[0] == texts[1]


def test_one_stack_for_each_bundle_that_a_pattern_names(tumour_bundle, tmp_path):
    shutil.copytree(tumour_bundle.path, tmp_path / "build" / "tumour")
    (tmp_path / "build" / "no-bundle").mkdir()
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf"
    run = synth(
        tmp_path / "out", cwd=tmp_path, region="eu-west-1", account="123456789012", signing_secret=arn, instance_count=2
    )
    assert run.returncode == 0, run.stderr
    assert [path.name for path in (tmp_path / "out").glob("*.template.json")] == ["tumour-endpoint.template.json"]
    template = (tmp_path / "out" / "tumour-endpoint.template.json").read_text()
    assert f"{{{{resolve:secretsmanager:{arn}:SecretString:{tumour_bundle.key_id}::}}}}" in template
    assert '"InitialInstanceCount": 2' in template
    assert "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost" in template
    assert "Mappings" not in template


def test_without_a_bundle_bootstrapping_still_works(tmp_path):
    run = synth(tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 0
    assert "No bundle in 'build/*'" in run.stderr


@pytest.mark.parametrize("damage", ["absent", "tampered"])
def test_a_bundle_that_cannot_be_deployed_is_one_line(tumour_bundle, tmp_path, damage):
    copy = tmp_path / "bundle"
    if damage == "tampered":
        shutil.copytree(tumour_bundle.path, copy)
        (copy / "model" / "model.ubj").write_bytes(b"x")
    run = synth(tmp_path / "out", bundles=str(copy))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert ("does not exist" if damage == "absent" else "model.ubj was changed") in run.stderr
