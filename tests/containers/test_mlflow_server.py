"""Bundles in MLflow's scoring server, unchanged: tables, arrays, documents, and a changed folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.containers.mlflow_server import ENVIRONMENT, MlflowContainer
from tests.containers.serving import secrets_of
from tests.containers.tampering import with_changed_file
from tests.containers.toolkit import can_mount
from tests.payloads.cases import SAMPLES
from tests.payloads.equality import same

pytestmark = [
    pytest.mark.slow,
    pytest.mark.heavy,
    pytest.mark.extra_install,
    pytest.mark.skipif(not can_mount(), reason="this process may make no mount namespace"),
]

JSON = "application/json"


def build(path: Path, schema: SchemaBuilder, **options) -> ModelBundle:
    return ModelBuilder(
        schema_builder=schema,
        model_path=path,
        model_server="mlflow",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/mlflow:1",
        dependencies={"auto": False, "packaging": "image"},
        signing_key=MASTER_KEY,
        **options,
    ).build()


@pytest.fixture(scope="module")
def python() -> Path:
    return ENVIRONMENT.python()


@pytest.fixture(scope="module")
def forest(tumours):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=5, random_state=0).fit(tumours.frame, tumours.y)


@pytest.fixture(scope="module")
def bundle(forest, tumours, tmp_path_factory) -> ModelBundle:
    schema = SchemaBuilder(tumours.frame[:5], forest.predict_proba(tumours.frame[:5]))
    return build(tmp_path_factory.mktemp("mlflow") / "bundle", schema, model=forest)


@pytest.fixture(scope="module")
def container(python, bundle, tmp_path_factory) -> Iterator[MlflowContainer]:
    with MlflowContainer(python, bundle, secrets_of(bundle), tmp_path_factory.mktemp("ml")) as container:
        assert container.ping() == 200, container.log
        yield container


def predictor(container: MlflowContainer) -> Predictor:
    return Predictor(container.url, schema=container.bundle.schema, container=container.bundle.container)


@pytest.mark.proves("sklearn", "mlflow")
def test_a_classifier_answers_as_in_memory(container, forest, tumours):
    found = predictor(container).predict(tumours.frame)
    np.testing.assert_allclose(found, forest.predict_proba(tumours.frame), rtol=1e-9)


def test_requests_are_those_of_mlflow(container, forest, tumours):
    wanted = forest.predict_proba(tumours.frame[:2])
    table = json.loads(tumours.frame[:2].to_json(orient="split"))
    for body in ({"dataframe_split": table}, {"dataframe_records": tumours.frame[:2].to_dict("records")}):
        answer = container.invoke(json.dumps(body).encode(), Content_Type=JSON)
        assert (answer.status, answer.content_type) == (200, JSON), answer
        np.testing.assert_allclose(json.loads(answer.body)["predictions"], wanted, rtol=1e-9)
    csv = tumours.frame[:2].to_csv(index=False).encode()
    np.testing.assert_allclose(
        json.loads(container.invoke(csv, Content_Type="text/csv").body)["predictions"], wanted, rtol=1e-9
    )


def test_a_wrong_request_fails_alone(container, forest, tumours):
    assert container.invoke(b"x", Content_Type="image/png").status == 415
    for body in (b"{", b'{"inputs": [[1]]}', b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}'):
        assert container.invoke(body, Content_Type=JSON).status == 400
    test_a_classifier_answers_as_in_memory(container, forest, tumours)


def test_a_body_of_twenty_megabytes(container, forest, tumours):
    data = pd.concat([tumours.frame] * 100, ignore_index=True)
    assert len(data.to_json(orient="split")) > 10 << 20
    np.testing.assert_allclose(predictor(container).predict(data), forest.predict_proba(data), rtol=1e-9)


@pytest.fixture
def echo():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import echo

        yield echo
    sys.modules.pop("echo")


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param({"ids": np.arange(6).reshape(2, 3), "mask": np.array([True, False])}, id="a dict of arrays"),
        pytest.param(np.array([[1.5, np.nan], [np.inf, -0.0]], "f4"), id="an array"),
        pytest.param(pd.DataFrame({"n": [1, 2], "t": ["a", "Ł"], "f": [0.5, np.nan]}), id="a table"),
        pytest.param({"any": [1, {"json": None}], "file": b"\x00\xff"}, id="a document with bytes"),
    ],
)
@pytest.mark.proves("InferenceSpec", "mlflow")
def test_values_come_back_as_they_went(python, echo, tmp_path, sample):
    bundle = build(tmp_path / "b", SchemaBuilder(sample, sample), inference_spec=echo.Echo())
    (tmp_path / "ml").mkdir()
    with MlflowContainer(python, bundle, secrets_of(bundle), tmp_path / "ml") as container:
        container.wait_until_listening()
        assert same(predictor(container).predict(sample), sample)
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as local:
        assert same(local.predict(sample), sample)


@pytest.mark.parametrize("name", ["model.pkl", "code/inference.py", "MLmodel"])
def test_a_changed_file_is_refused_and_named(python, bundle, tmp_path, name):
    changed = with_changed_file(bundle, name, tmp_path)
    refused(python, changed, secrets_of(bundle), tmp_path, f"{name} was changed after signing")


def test_nothing_is_served_without_the_key(python, bundle, tmp_path):
    refused(python, bundle, {}, tmp_path, "the environment lacks MODELBUILDER_HMAC_KEY")


def refused(python: Path, bundle: ModelBundle, secrets: dict[str, str], folder: Path, words: str) -> None:
    base = folder / "ml"
    base.mkdir()
    with MlflowContainer(python, bundle, secrets, base) as container:
        assert container._process.wait(60) != 0
        assert words in container.log
