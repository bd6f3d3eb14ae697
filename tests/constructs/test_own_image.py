"""Bundles whose packages are baked into an image of their own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest

from cdk_modelbuilder import InferenceSpec, ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.constructs import ModelEndpoint, SigningSecret
from cdk_modelbuilder.errors import ImageError
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import make_base_image, why_not

SAMPLES = Path(__file__).parents[1] / "containers" / "samples"


def wheel_of(folder: Path) -> Path:
    """A wheel of a package called tiny-words."""
    project = folder / "tiny_words"
    project.mkdir()
    (project / "tiny_words.py").write_text("def count(text):\n    return len(text.split())\n")
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
        "[project]\nname = 'tiny-words'\nversion = '2.5'\n[tool.setuptools]\npy-modules = ['tiny_words']\n"
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", project], check=True)
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def baked(tmp_path_factory) -> Iterator[ModelBundle]:
    folder = tmp_path_factory.mktemp("baked")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        line_counter = importlib.import_module("line_counter")
        yield _built(folder, line_counter.LineCounter())
    sys.modules.pop("line_counter")


def _built(folder: Path, spec: InferenceSpec) -> ModelBundle:
    return ModelBuilder(
        inference_spec=spec,
        schema_builder=SchemaBuilder("a\nb", 2),
        model_path=folder / "lines",
        signing_key=MASTER_KEY,
        dependencies={"packaging": "image", "custom": ["--no-index", str(wheel_of(folder))]},
    ).build()


def test_the_bundle_holds_what_its_image_is_built_from(baked):
    image = baked.path / "image"
    assert (image / "requirements.txt").read_text().splitlines() == [
        "--no-index", "--find-links wheels",
        f"tiny-words==2.5 --hash=sha256:{_digest(image / 'wheels' / 'tiny_words-2.5-py3-none-any.whl')}",
    ]  # fmt: skip
    assert "FROM ${BASE_IMAGE}" in (image / "Dockerfile").read_text()
    assert baked.container.image.build == "image"
    assert baked.container.installs == "nothing"
    assert not any("requirements" in path or "wheels" in path for path in baked.manifest.files)


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def endpoint(bundle: ModelBundle, folder: Path, **environment) -> cdk.cx_api.CloudAssembly:
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "Own", env=cdk.Environment(**environment))
    key = SigningSecret.from_name(stack, "Key", "own-key")
    ModelEndpoint(stack, "Endpoint", bundle=bundle, signing_secret=key, instance_type="ml.c6i.large")
    return app.synth()


def test_the_construct_builds_it_on_top_of_the_image_of_the_region(baked, tmp_path):
    assembly = endpoint(baked, tmp_path / "cdk.out", account="123456789012", region="eu-west-1")
    template = assembly.get_stack_by_name("Own").template
    assets = json.loads((tmp_path / "cdk.out" / "Own.assets.json").read_text())["dockerImages"]
    ((digest, asset),) = assets.items()
    account = baked.container.image.accounts["eu-west-1"]
    name = f"{baked.container.image.repository}:{baked.container.image.tag}"
    assert asset["source"]["dockerBuildArgs"] == {
        "BASE_IMAGE": f"{account}.dkr.ecr.eu-west-1.amazonaws.com/{name}"
    }  # fmt: skip
    (model,) = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::SageMaker::Model"]
    container = model.get("PrimaryContainer") or model["Containers"][0]
    assert digest in json.dumps(container["Image"])
    assert model["EnableNetworkIsolation"] is True
    statements = json.dumps([one for one in template["Resources"].values() if "Policy" in one["Type"]])
    assert "cdk-hnb659fds-container-assets" in statements


def test_the_region_must_be_known(baked, tmp_path):
    with pytest.raises(Exception, match="the stack does not say which") as caught:
        endpoint(baked, tmp_path / "cdk.out")
    assert ImageError.__name__ in type(caught.value).__name__ or "Give the stack env=" in str(caught.value)


@pytest.mark.docker
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_docker_builds_it_and_the_packages_are_inside_without_a_network(baked):
    base, tag = make_base_image(), "cdk-modelbuilder-tests/own:local"
    command = ["docker", "build", "--tag", tag, "--build-arg", f"BASE_IMAGE={base}", str(baked.path / "image")]
    built = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "DOCKER_BUILDKIT": "0"}
    )
    assert built.returncode == 0, built.stdout + built.stderr
    code = "import tiny_words, importlib.metadata as m; print(tiny_words.count('a b c'), m.version('tiny-words'))"
    run = ["docker", "run", "--rm", "--network", "none", tag, "python3", "-c", code]
    try:
        assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() == ["3", "2.5"]
    finally:
        subprocess.run(["docker", "rmi", "--force", tag], capture_output=True)
