"""All three deliveries of the key with real servers: served with the right one, refused with another or changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.integrity import verifier
from tests.aws_stand_in.stand_in import AwsStandIn
from tests.conftest import MASTER_KEY
from tests.containers.toolkit import ENVIRONMENT, Container
from tests.serving.running_server import RunningServer

from .key_pairs import private_key, private_pem

MODES = ["hmac", "secret_reference", "public_key"]
X = np.arange(12, dtype=float).reshape(6, 2)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> ModelBundle:
    from sklearn.linear_model import LinearRegression

    y = X @ [1.0, 2.0]
    return ModelBuilder(
        model=LinearRegression().fit(X, y),
        schema_builder=SchemaBuilder(X, y),
        model_path=tmp_path_factory.mktemp("built") / "line",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
        signing_private_key=private_pem(),
    ).build()


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as stand_in:
        yield stand_in


def deliveries(bundle: ModelBundle, aws: AwsStandIn) -> dict[str, tuple[Mapping[str, str], Mapping[str, str], str]]:
    """Of each mode the variables that are right, those of another key, and words of the refusal."""
    key = bundle.verify(bytes.fromhex(MASTER_KEY)).secret.hex()
    secrets = aws.client("secretsmanager")
    arns = []
    for name, value in (("right", {bundle.key_id: key}), ("other", {bundle.key_id: "11" * 32})):
        with contextlib.suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=name, SecretString=json.dumps(value))
        arns.append(secrets.describe_secret(SecretId=name)["ARN"])
    reference = [{**aws.environment, verifier.KEY_ARN_VARIABLE: arn} for arn in arns]
    public = [{verifier.PUBLIC_KEY_VARIABLE: pair.public.line} for pair in (private_key(), private_key(2))]
    return {
        "hmac": ({verifier.KEY_VARIABLE: key}, {verifier.KEY_VARIABLE: "11" * 32}, "does not have the id"),
        "secret_reference": (*reference, "does not have the id"),
        "public_key": (*public, "was made with the key"),
    }


@contextlib.contextmanager
def server(
    bundle: ModelBundle, model_dir: Path, delivery: Mapping[str, str], *options: str
) -> Iterator[subprocess.Popen]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MODELBUILDER_", "AWS_"))}
    child = subprocess.Popen(
        [sys.executable, "-m", "cdk_modelbuilder.serving", "--model-dir", str(model_dir), "--port", "0", *options],
        env={**inherited, **bundle.container.environment, **delivery},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


def refusal(child: subprocess.Popen) -> str:
    said = child.stderr.read()
    assert child.wait(60) == 1
    assert "listening" not in said
    return said


@pytest.mark.parametrize("mode", MODES)
def test_our_server_serves_with_the_right_key(built, aws, mode):
    right, _, _ = deliveries(built, aws)[mode]
    with server(built, built.model_dir, right) as child:
        running = RunningServer(child, loaded=True)
        answer = Predictor(running.url, schema=built.schema, container=built.container).predict(X)
        np.testing.assert_allclose(answer, X @ [1.0, 2.0])
        running.stop()


@pytest.mark.parametrize("mode", MODES)
def test_our_server_refuses_another_key_and_a_changed_file(built, aws, mode, tmp_path):
    right, wrong, words = deliveries(built, aws)[mode]
    with server(built, built.model_dir, wrong) as child:
        said = refusal(child)
        assert "the model folder was refused" in said
        assert words in said
    folder = shutil.copytree(built.model_dir, tmp_path / "model")
    with (folder / "code" / "inference.py").open("a") as handle:
        handle.write("print('listening')\n")
    with server(built, folder, right) as child:
        assert "code/inference.py was changed after signing" in refusal(child)


def test_our_server_refuses_two_ways_at_once_and_none(built, aws):
    every = deliveries(built, aws)
    with server(built, built.model_dir, {**every["hmac"][0], **every["public_key"][0]}) as child:
        assert "exactly one of them" in refusal(child)
    with server(built, built.model_dir, {}) as child:
        assert "the environment lacks MODELBUILDER_HMAC_KEY" in refusal(child)


@pytest.mark.slow
@pytest.mark.extra_install
@pytest.mark.parametrize("mode", ["secret_reference", pytest.param("public_key", marks=pytest.mark.heavy)])
def test_aws_s_toolkit_serves_with_the_right_key_and_refuses_another_and_a_changed_file(built, aws, mode, tmp_path):
    right, wrong, words = deliveries(built, aws)[mode]
    python = ENVIRONMENT.python()
    with Container(python, built, right, tmp_path / "right") as container:
        assert container.ping() == 200, container.log
        answer = Predictor(container.url, schema=built.schema, container=built.container).predict(X)
        np.testing.assert_allclose(answer, X @ [1.0, 2.0])
    with Container(python, built, wrong, tmp_path / "wrong") as container:
        assert container.ping() == 500
        assert words in container.log
    with Container(python, built, right, tmp_path / "changed") as container:
        model = next(path for path in container.model_dir.iterdir() if path.name.startswith("model."))
        model.write_bytes(model.read_bytes() + b"\0")
        assert container.ping() == 500
        assert f"{model.name} was changed after signing" in container.log
