"""The project's own server in its own image: built by a real Docker, run read-only, called, tampered with, stopped."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import urllib3
from sklearn.linear_model import LogisticRegression

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import BASE_IMAGE, make_base_image, python_version, run_docker, why_not
from tests.containers.serving import secrets_of

pytestmark = [pytest.mark.docker, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

TAG = "cdk-modelbuilder-tests/builtin:local"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def iris():
    from sklearn.datasets import load_iris

    data = load_iris()
    return data.data, LogisticRegression(max_iter=500).fit(data.data, data.target)


@pytest.fixture(scope="module")
def bundle(iris, tmp_path_factory) -> Iterator[ModelBundle]:
    if python_version() != HERE:
        pytest.skip(f"the base image has Python {python_version()}, and the tests run on {HERE}")
    X, model = iris
    built = ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(X[:3], model.predict_proba(X[:3])),
        model_path=tmp_path_factory.mktemp("own") / "iris",
        model_server="builtin",
        base_image=BASE_IMAGE,
        signing_key=MASTER_KEY,
    ).build()
    make_base_image()
    run_docker("build", "--tag", TAG, "--build-arg", f"BASE_IMAGE={built.container.image.uri}", built.path / "image")
    yield built
    run_docker("image", "rm", "--force", TAG, check=False)


def container(bundle: ModelBundle, model_dir: Path, *options: str) -> str:
    """Started as SageMaker starts it: the word serve, the folder read-only; and nothing else can be written either."""
    variables = {**bundle.container.environment, **secrets_of(bundle)}
    words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    mount = ["--volume", f"{model_dir.resolve()}:/opt/ml/model:ro", "--read-only"]
    return run_docker("run", "--detach", *mount, *words, *options, TAG, "serve").stdout.strip()


@contextlib.contextmanager
def serving(bundle: ModelBundle) -> Iterator[tuple[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    name = container(bundle, bundle.model_dir, "--publish", f"127.0.0.1:{port}:8080")
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if urllib3.request("GET", url + "/ping", retries=False, timeout=2).status == 200:
                    break
            assert run_docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true", logs(name)
            time.sleep(0.05)
        yield name, url
    finally:
        run_docker("rm", "--force", name)


def logs(name: str) -> str:
    done = run_docker("logs", name)
    return done.stdout + done.stderr


def test_the_bundle_says_how_it_is_verified_and_what_is_inside(bundle):
    assert bundle.container.verified == "entry-point"
    assert bundle.container.installs == "nothing"
    assert bundle.container.image.python == HERE
    wanted = (bundle.path / "image" / "requirements.txt").read_text()
    assert {"numpy", "scikit-learn", "uvicorn"} <= {line.partition("==")[0] for line in wanted.splitlines()}
    assert not any("requirements" in path for path in bundle.manifest.files)


@pytest.mark.proves("sklearn", "builtin")
def test_it_answers_as_the_model_in_memory_and_stops_when_asked(bundle, iris):
    X, model = iris
    with serving(bundle) as (name, url):
        predictor = Predictor(url, schema=bundle.schema, container=bundle.container)
        np.testing.assert_allclose(predictor.predict(X), model.predict_proba(X))
        body = json.dumps(X[:2].tolist())
        answer = urllib3.request("POST", url + "/invocations", body=body, headers={"Content-Type": "application/json"})
        assert answer.status == 200
        wrong = urllib3.request("POST", url + "/invocations", body="x", headers={"Content-Type": "image/png"})
        assert wrong.status == 415
        run_docker("stop", "--time", "25", name)
        assert run_docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout.strip() == "0", logs(name)


@pytest.mark.parametrize("change", ["data", "code", "unlisted"])
def test_a_changed_folder_is_refused_before_anything_of_it_runs(bundle, tmp_path, change):
    model_dir = tmp_path / "model"
    shutil.copytree(bundle.model_dir, model_dir)
    place = {"data": "model.pkl", "code": "code/inference.py", "unlisted": "code/sitecustomize.py"}[change]
    with (model_dir / place).open("ab") as file:
        file.write(b"\nprint('this ran')\n")
    name = container(bundle, model_dir)
    try:
        assert run_docker("wait", name).stdout.strip() == "1"
        said = logs(name)
        assert "the model folder was refused" in said
        assert place in said
        assert "this ran" not in said
    finally:
        run_docker("rm", "--force", name)
