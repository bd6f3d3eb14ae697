"""An image on top of AWS's whose entry point verifies first. A stand-in has that of AWS's, which is not to be had."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.errors import UsageError
from tests.containers.docker_base import make_base_image, run_docker, why_not
from tests.containers.serving import secrets_of

GPU = "ml.g6e.2xlarge"
BASE, TAG = "cdk-modelbuilder-tests/vllm:local", "cdk-modelbuilder-tests/verifying:local"


@pytest.fixture
def bundle(build, weights) -> ModelBundle:
    return build(model=weights, model_server="vllm", instance_type=GPU, verifying_image=True)


def entry_point(bundle: ModelBundle) -> list[str]:
    text = (bundle.path / "image" / "Dockerfile").read_text()
    return json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])


def test_the_images_own_entry_point_comes_after_the_one_that_verifies(bundle):
    spec = bundle.container
    assert (spec.verified, spec.image.build, spec.image.repository) == ("entry-point", "image", "vllm")
    assert list(spec.secret_environment) == ["MODELBUILDER_HMAC_KEY"]
    words = entry_point(bundle)
    assert words[:2] == ["python3", "/opt/modelbuilder/verify/entry_point.py"]
    assert words[2] == "/usr/local/bin/sagemaker_entrypoint.sh"
    assert not any("verifies" in note for note in bundle.notes)


def test_python_is_added_where_an_image_has_none(build, encoder):
    bundle = build(model=encoder, model_server="tei", verifying_image=True)
    assert "apt-get install --yes --no-install-recommends python3" in (bundle.path / "image" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("server", "own"),
    [
        ("ray", ["/usr/local/bin/sagemaker_entrypoint.sh"]),
        ("sklearn", []),  # the image states none: SageMaker's word `serve` is a program in it
        ("triton", ["/opt/nvidia/nvidia_entrypoint.sh"]),
    ],
)
def test_code_of_a_framework_gets_one_too(server, own, build, regression):
    from cdk_modelbuilder import SchemaBuilder

    bundle = build(
        model=regression.model,
        schema_builder=SchemaBuilder(regression.X, regression.y),
        dependencies={"auto": False, "packaging": "image" if server == "triton" else "install"},
        model_server=server,
        verifying_image=True,
    )
    assert bundle.container.verified == "entry-point"
    assert entry_point(bundle) == ["python3", "/opt/modelbuilder/verify/entry_point.py", *own]
    if server == "ray":
        assert bundle.container.installs == "index"
        assert "pip install" not in (bundle.path / "image" / "Dockerfile").read_text()


def test_an_image_of_ones_own_is_refused(build, weights):
    with pytest.raises(UsageError, match="that of image_uri is not known"):
        build(model=weights, model_server="vllm", image_uri="registry/own:1", verifying_image=True)


@pytest.fixture
def image(bundle, tmp_path) -> Iterator[str]:
    context = tmp_path / "base"
    context.mkdir()
    script = entry_point(bundle)[2]
    (context / "start.sh").write_text('#!/bin/sh\necho "server started with $*"\n')
    (context / "start.sh").chmod(0o755)
    (context / "Dockerfile").write_text(f"FROM {make_base_image()}\nCOPY start.sh {script}\n")
    run_docker("build", "--tag", BASE, context)
    run_docker("build", "--tag", TAG, "--build-arg", f"BASE_IMAGE={BASE}", bundle.path / "image")
    yield TAG
    run_docker("image", "rm", "--force", TAG, BASE, check=False)


@pytest.mark.docker
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_docker_starts_the_server_or_refuses_the_folder(bundle, image, tmp_path):
    def start(folder: Path, variables: dict[str, str]):
        words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        mount = ["--volume", f"{folder.resolve()}:/opt/ml/model:ro", "--read-only", "--network", "none"]
        done = run_docker("run", "--rm", *mount, *words, image, "serve", check=False)
        return done.returncode, done.stdout + done.stderr

    variables = {**bundle.container.environment, **secrets_of(bundle)}
    assert start(bundle.model_dir, variables) == (0, "server started with serve\n")
    changed = tmp_path / "changed"
    shutil.copytree(bundle.model_dir, changed)
    (changed / "model.safetensors").write_bytes(bytes(63) + b"\1")
    status, said = start(changed, variables)
    assert status == 1
    assert "the model folder was refused: model.safetensors" in said
    assert "server started" not in said
    keyless = {name: value for name, value in variables.items() if name != "MODELBUILDER_HMAC_KEY"}
    status, said = start(bundle.model_dir, keyless)
    assert (status, "MODELBUILDER_HMAC_KEY" in said) == (1, True)
