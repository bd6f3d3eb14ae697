"""PyTorch modules in SageMaker's PyTorch serving stack: TorchServe and its toolkit, both unchanged."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode
from cdk_modelbuilder.schema.codecs.marshaller import open_schema_data
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of
from tests.containers.tampering import with_changed_file
from tests.containers.toolkit import can_mount
from tests.containers.torchserve import ENVIRONMENT, TorchServeContainer

torch = pytest.importorskip("torch", exc_type=ImportError)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.heavy,
    pytest.mark.extra_install,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which TorchServe runs on"),
    pytest.mark.skipif(not can_mount(), reason="this process may make no mount namespace"),
]

WIDE = 1000
PUBLIC_TORCH = torch.__version__.partition("+")[0]
"""A build for CPUs alone has a local version here, which no public index has."""


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(WIDE, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).eval()


@pytest.fixture(scope="module")
def bundle(module, tmp_path_factory) -> ModelBundle:
    sample = np.zeros((2, WIDE), "f4")
    return ModelBuilder(
        model=module,
        schema_builder=SchemaBuilder(sample, predictions(module, sample)),
        model_path=tmp_path_factory.mktemp("torchserve") / "bundle",
        signing_key=MASTER_KEY,
        model_server="torchserve",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
        dependencies={"auto": False, "custom": [f"torch=={PUBLIC_TORCH}"], "packaging": "image"},
    ).build()


@pytest.fixture(scope="module")
def python() -> Path:
    return ENVIRONMENT.python()


@pytest.fixture(scope="module")
def container(python, bundle, tmp_path_factory) -> Iterator[TorchServeContainer]:
    with TorchServeContainer(python, bundle, secrets_of(bundle), tmp_path_factory.mktemp("ml")) as container:
        assert container.ping() == 200, container.log
        yield container


def predictions(module, data):
    with torch.inference_mode():
        return module(torch.from_numpy(data)).numpy()


def rows(count: int):
    return np.random.default_rng(0).standard_normal((count, WIDE), "f4")


@pytest.mark.proves("pytorch", "torchserve")
def test_a_module_answers_as_in_memory(container, module, bundle):
    data = rows(5)
    predictor = Predictor(container.url, schema=bundle.schema, container=bundle.container)
    np.testing.assert_allclose(predictor.predict(data), predictions(module, data), rtol=1e-4, atol=1e-6)


def test_every_content_type_both_ways(container, module, bundle):
    data = rows(3)
    schema = open_schema_data(bundle.schema)
    for content_type in schema.input.written_types:
        body = bytes(schema.input.encode(data, content_type))
        for accept in schema.output.written_types:
            answer = container.invoke(body, Content_Type=content_type, Accept=accept)
            assert (answer.status, answer.content_type.partition(";")[0]) == (200, accept), (answer, container.log)
            found = decode(schema.output, bytearray(answer.body), answer.content_type)
            np.testing.assert_allclose(found, predictions(module, data), rtol=1e-4, atol=1e-6)


def test_a_wrong_request_fails_alone(container, module, bundle):
    for body, content_type in ((b"x", "image/png"), (b"[[1, 2]]", "application/json"), (b"{", "application/json")):
        answer = container.invoke(body, Content_Type=content_type)
        assert answer.status == 500, answer  # as the toolkit answers every error of a hook
    assert b"is not supported" in container.invoke(b"x", Content_Type="image/png").body
    test_a_module_answers_as_in_memory(container, module, bundle)


def test_a_body_of_twenty_megabytes(container, module, bundle):
    data = rows(5_000)
    predictor = Predictor(container.url, schema=bundle.schema, container=bundle.container)
    np.testing.assert_allclose(predictor.predict(data), predictions(module, data), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["weights.safetensors", "code/inference.py", "code/modelbuilder_torchserve.py"])
def test_a_changed_file_is_refused_and_named(python, bundle, tmp_path, name):
    changed = with_changed_file(bundle, name, tmp_path)
    refused(python, changed, secrets_of(bundle), tmp_path, f"{name} was changed after signing")


def test_nothing_is_served_without_the_key(python, bundle, tmp_path):
    refused(python, bundle, {}, tmp_path, "the environment lacks MODELBUILDER_HMAC_KEY")


def refused(python: Path, bundle: ModelBundle, secrets: dict[str, str], folder: Path, words: str) -> None:
    base = folder / "ml"
    base.mkdir()
    with TorchServeContainer(python, bundle, secrets, base) as container:
        deadline = time.monotonic() + 60
        while words not in container.log and time.monotonic() < deadline:
            time.sleep(0.1)
        assert words in container.log
        assert "Backend worker process died" in container.log
