"""The command line as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.aws_stand_in import AwsStandIn

REPOSITORY = Path(__file__).resolve().parents[1]
COMMANDS = (
    "build",
    "inspect",
    "verify",
    "run",
    "invoke",
    "publish",
    "diff",
    "keys",
    "keys create",
    "keys id",
    "keys push",
)


def run(*words, status: int = 0, env: dict[str, str] | None = None, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120", **(env or {})}, **options
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


TRAIN = """
import numpy as np
from sklearn.linear_model import LinearRegression
from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X = np.arange(8.0).reshape(4, 2)
y = X.sum(axis=1)
schema = SchemaBuilder(X, y)
plain = {{"schema_builder": schema, "dependencies": {{"auto": False}}}}
one = ModelBuilder(model=LinearRegression().fit(X, y), name="one", **plain)
{more}
if __name__ == "__main__":
    raise SystemExit("the main block must not run")
"""


@pytest.fixture
def script(tmp_path):
    def write(more: str = "") -> Path:
        path = tmp_path / "train.py"
        path.write_text(TRAIN.format(more=more))
        return path

    return write


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    text = run(*command.split(), "--help").stdout
    assert f"Example: cdk-modelbuilder {command.split()[0]}" in text
    assert "--help" in text


def test_version_and_wrong_usage():
    assert "0.1.0" in run("--version").stdout
    assert "No such command" in run("frobnicate", status=2).stderr
    assert "Missing argument" in run("inspect", status=2).stderr


def test_build_then_inspect_then_verify(script, tmp_path):
    built = json.loads(run("build", script(), "--output", tmp_path / "out" / "one", "--json").stdout)
    assert built["path"] == str(tmp_path / "out" / "one")
    shown = json.loads(run("inspect", built["path"], "--json").stdout)
    assert shown["root sha256"] == built["root sha256"]
    assert shown["model"].startswith("sklearn.linear_model._base.LinearRegression")
    text = run("inspect", built["path"]).stdout
    assert "scikit-learn==" in text
    verified = json.loads(run("verify", built["path"], "--json").stdout)
    assert verified == {"content": "ok", "root sha256": built["root sha256"], "signature": "ok"}
    assert "was not checked" in run("verify", built["path"], "--content-only").stdout


def test_build_picks_the_builder_by_name(script, tmp_path):
    path = script(
        'two = ModelBuilder(model=one.model, schema_builder=schema, name="two", dependencies={"auto": False})'
    )
    assert "2 ModelBuilders" in run("build", path, status=2, cwd=tmp_path).stderr
    assert "no ModelBuilder called 'three'" in run("build", f"{path}:three", status=2, cwd=tmp_path).stderr
    run("build", f"{path}:two", cwd=tmp_path)
    assert (tmp_path / "build" / "two" / "bundle.json").is_file()
    assert not (tmp_path / "build" / "one").exists()


def test_build_ships_a_spec_that_the_script_defines(tmp_path):
    path = tmp_path / "spec_script.py"
    path.write_text(
        "from cdk_modelbuilder import InferenceSpec, ModelBuilder, SchemaBuilder\n"
        "class Echo(InferenceSpec):\n"
        "    def load(self, model_dir):\n        return None\n"
        "    def invoke(self, input_object, model):\n        return input_object\n"
        'builder = ModelBuilder(inference_spec=Echo(), schema_builder=SchemaBuilder("a", "a"), name="echo")\n'
    )
    run("build", path, cwd=tmp_path)
    answer = run("invoke", "build/echo", "--data", '"hello"', cwd=tmp_path)
    assert json.loads(answer.stdout) == "hello"


def test_a_script_that_fails_is_reported_without_our_stack(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import numpy\nvalue = 1 / 0\n")
    message = run("build", path, status=1).stderr
    assert "broken.py" in message
    assert "ZeroDivisionError" in message
    assert "line 2" in message
    assert "does not exist" in run("build", tmp_path / "none.py", status=2).stderr


def test_verify_refuses_a_changed_bundle(tumour_bundle, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tumour_bundle.path, copy)
    (copy / "model" / "model.ubj").write_bytes(b"")
    message = run("verify", copy, status=1).stderr
    assert "model.ubj" in message
    as_json = json.loads(run("verify", copy, "--json", status=1).stderr)
    assert set(as_json) == {"error", "remedy"}
    other_key = {"MODELBUILDER_MASTER_KEY": "11" * 32}
    assert "another master key" in run("verify", tumour_bundle.path, status=1, env=other_key).stderr
    bad_key = {"MODELBUILDER_MASTER_KEY": "short"}
    assert "64 hexadecimal digits" in run("verify", tumour_bundle.path, status=1, env=bad_key).stderr
    assert "no master key" in run("verify", tumour_bundle.path, status=1, env={"MODELBUILDER_MASTER_KEY": ""}).stderr


def test_invoke_with_files_of_every_kind(tumour_bundle, tumours, tmp_path):
    expected = tumours.model.predict(tumours.X[:2]).tolist()
    np.save(tmp_path / "rows.npy", tumours.X[:2])
    (tmp_path / "rows.json").write_text(json.dumps(tumours.X[:2].tolist()))
    np.savetxt(tmp_path / "rows.csv", tumours.X[:2], delimiter=",", fmt="%.17g")
    for name in ("rows.npy", "rows.json", "rows.csv"):
        answer = run("invoke", tumour_bundle.path, "--data", f"@{tmp_path / name}")
        assert json.loads(answer.stdout) == expected
    piped = run("invoke", tumour_bundle.path, "--data", "-", "--accept", "text/csv", input="[[0]]", status=1)
    assert "answered 400" in piped.stderr
    assert "cannot be read" in run("invoke", tumour_bundle.path, "--data", "@none.csv", status=2).stderr


def test_keys_create_makes_a_private_file_once(tmp_path):
    path = tmp_path / "deep" / "master.key"
    run("keys", "create", "--file", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text().strip())) == 32
    before = path.read_text()
    assert "holds a master key already" in run("keys", "create", "--file", path, status=1).stderr
    assert path.read_text() == before


def test_first_use_makes_the_key_file_and_says_so(script, tmp_path):
    key_file = tmp_path / "config" / "master.key"
    env = {"MODELBUILDER_MASTER_KEY": "", "MODELBUILDER_MASTER_KEY_FILE": str(key_file)}
    first = run("build", script(), env=env, cwd=tmp_path)
    assert f"made a new master key in {key_file}" in first.stderr
    assert "made a new master key" not in run("build", script(), env=env, cwd=tmp_path).stderr
    key_file.chmod(0o644)
    assert "chmod 600" in run("build", script(), env=env, cwd=tmp_path, status=1).stderr


def test_keys_push_to_secrets_manager(tumour_bundle):
    with AwsStandIn() as aws:
        env = aws.process_environment()
        pushed = json.loads(run("keys", "push", tumour_bundle.path, "--json", env=env).stdout)
        assert pushed["secret name"] == "cdk-modelbuilder/tumour"
        assert pushed["key id"] == run("keys", "id", tumour_bundle.path).stdout.strip()
        secrets = aws.client("secretsmanager")
        keys = json.loads(secrets.get_secret_value(SecretId=pushed["arn"])["SecretString"])
        assert list(keys) == [pushed["key id"]]
        again = run("keys", "push", tumour_bundle.path, env=env)
        assert again.stdout.strip() == pushed["arn"]
        secrets.create_secret(Name="other", SecretString="not json")
        refused = run("keys", "push", tumour_bundle.path, "--secret-name", "other", env=env, status=1)
        assert "stays as it is" in refused.stderr
        assert secrets.get_secret_value(SecretId="other")["SecretString"] == "not json"


def test_the_command_line_starts_without_heavy_modules():
    load = "from cdk_modelbuilder.cli import root_command; root_command.group.get_command(None, 'inspect')"
    code = f"import sys; {load}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "sklearn", "xgboost", "boto3", "aws_cdk", "rich", "jinja2", "uvicorn"} & set(modules)


def test_progress_stays_off_a_pipe(tumour_bundle):
    start = time.monotonic()
    assert run("verify", tumour_bundle.path).stderr == ""
    assert time.monotonic() > start
