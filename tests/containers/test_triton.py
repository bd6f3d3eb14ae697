"""Bundles in the real Triton server: tensors, texts, tables, several inputs and outputs, and a changed folder."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import DependencyError, ModelFailedError
from cdk_modelbuilder.schema.codecs.tensor_messages import BINARY
from tests.conftest import MASTER_KEY
from tests.containers.private_network import can_have_one
from tests.containers.serving import secrets_of
from tests.containers.triton import ENVIRONMENT, TritonContainer, why_not
from tests.payloads.cases import SAMPLES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.extra_install,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.skipif(not can_have_one(), reason="this process may make no network of its own"),
]

OWN_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/triton:1"


def build(path: Path, schema: SchemaBuilder, **options) -> ModelBundle:
    return ModelBuilder(
        schema_builder=schema,
        model_path=path,
        model_server="triton",
        image_uri=OWN_IMAGE,
        dependencies={"packaging": "image", "auto": False},
        signing_key=MASTER_KEY,
        **options,
    ).build()


@pytest.fixture(scope="session")
def python() -> Path:
    return ENVIRONMENT.python()


def serve(python: Path, bundle: ModelBundle, base: Path) -> TritonContainer:
    base.mkdir()
    return TritonContainer(python, bundle, secrets_of(bundle), base)


def ready(container: TritonContainer) -> Predictor:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and container._process.poll() is None:
        try:
            if container.ping() == 200:
                return Predictor(container.url, schema=container.bundle.schema, container=container.bundle.container)
        except Exception:  # noqa: BLE001 - nobody listens yet behind the relay
            time.sleep(0.1)
    raise AssertionError(container.log)


@pytest.fixture
def echo():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import echo

        yield echo
    sys.modules.pop("echo")


@pytest.mark.proves("xgboost", "triton")
def test_a_classifier_answers_as_in_memory_in_both_forms(python, tumours, tmp_path):
    probabilities = tumours.model.predict_proba(tumours.X)
    bundle = build(tmp_path / "b", SchemaBuilder(tumours.X[:5], probabilities[:5]), model=tumours.model)
    with serve(python, bundle, tmp_path / "ml") as container:
        predictor = ready(container)
        np.testing.assert_allclose(predictor.predict(tumours.X), probabilities, rtol=1e-6)
        tensor = {"name": "input", "shape": [2, 30], "datatype": "FP64", "data": tumours.X[:2].reshape(-1).tolist()}
        answer = container.invoke(json.dumps({"inputs": [tensor]}).encode(), Content_Type="application/json")
        assert answer.status == 200
        (output,) = json.loads(answer.body)["outputs"]
        assert (output["name"], output["shape"], output["datatype"]) == ("output", [2, 2], "FP32")
        np.testing.assert_allclose(np.reshape(output["data"], (2, 2)), probabilities[:2], rtol=1e-6)
        for body, content_type in ((b"{}", "application/json"), (b"1,2", "text/csv")):
            assert container.invoke(body, Content_Type=content_type).status >= 400
        wrong = json.dumps({"inputs": [{**tensor, "shape": [1, 60]}]}).encode()
        assert container.invoke(wrong, Content_Type="application/json").status >= 400
        np.testing.assert_allclose(predictor.predict(tumours.X[:1]), probabilities[:1], rtol=1e-6)
    assert bundle.model_dir.joinpath("model", "config.pbtxt").is_file()


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param({"ids": np.arange(6).reshape(2, 3), "mask": np.array([True, False]), "title": "Ł"}, id="a dict"),
        pytest.param([np.zeros((2, 2), "f4"), np.array([b"a", b"bc"])], id="a list with bytes"),
        pytest.param(pd.DataFrame({"age": [1, 2], "tall": [True, False], "size": [0.5, 1]}), id="a table"),
        pytest.param(["one", "two, three", ""], id="texts"),
        pytest.param("one text", id="a text"),
        pytest.param({"any": [1, {"json": None}]}, id="a document"),
        pytest.param(np.float32(2.5), id="a number"),
    ],
)
@pytest.mark.proves("InferenceSpec", "triton")
def test_values_come_back_as_they_went(python, echo, tmp_path, sample):
    from tests.payloads.equality import same

    bundle = build(tmp_path / "b", SchemaBuilder(sample, sample), inference_spec=echo.Echo())
    with serve(python, bundle, tmp_path / "ml") as container:
        assert same(ready(container).predict(sample), sample)


def test_a_model_that_fails_fails_that_request_alone(python, echo, tmp_path):
    bundle = build(tmp_path / "b", SchemaBuilder("a", "a"), inference_spec=echo.Echo())
    with serve(python, bundle, tmp_path / "ml") as container:
        predictor = ready(container)
        body = json.dumps({"inputs": [{"name": "input", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}).encode()
        broken = body.replace(b'"input"', b'"other"')
        assert container.invoke(broken, Content_Type="application/json").status >= 400
        with pytest.raises(ModelFailedError):
            predictor.invoke(b"{}", content_type=f"{BINARY};json-header-size=2")
        assert predictor.predict("still there") == "still there"


def test_a_changed_folder_is_not_served(python, echo, tmp_path):
    bundle = build(tmp_path / "b", SchemaBuilder("a", "a"), inference_spec=echo.Echo())
    (tmp_path / "ml").mkdir()
    with TritonContainer(python, bundle, {}, tmp_path / "ml") as container:
        container._process.wait(60)
        assert "the environment lacks MODELBUILDER_HMAC_KEY" in container.log


def test_packages_that_triton_would_not_install_are_named(tumours, tmp_path):
    with pytest.raises(DependencyError, match="Triton installs nothing when it starts"):
        ModelBuilder(
            model=tumours.model,
            schema_builder=SchemaBuilder(tumours.X[:5], tumours.model.predict(tumours.X[:5])),
            model_path=tmp_path / "b",
            model_server="triton",
            image_uri=OWN_IMAGE,
            dependencies={"auto": False},
        ).build()
