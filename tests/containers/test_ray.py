"""Bundles in Ray Serve, started as AWS's Ray containers start it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode
from cdk_modelbuilder.schema.codecs.marshaller import open_schema_data
from tests.conftest import MASTER_KEY
from tests.containers.private_network import can_have_one
from tests.containers.ray import ENVIRONMENT, RayContainer
from tests.containers.serving import secrets_of
from tests.containers.tampering import with_changed_file
from tests.containers.toolkit import can_mount

pytestmark = [
    pytest.mark.slow,
    pytest.mark.heavy,
    pytest.mark.extra_install,
    pytest.mark.skipif(not can_mount(), reason="this process may make no mount namespace"),
    pytest.mark.skipif(not can_have_one(), reason="this process may make no network of its own"),
]

JSON = "application/json"


@pytest.fixture(scope="module")
def python() -> Path:
    return ENVIRONMENT.python()


@pytest.fixture(scope="module")
def forest(tumours):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=5, random_state=0).fit(tumours.X, tumours.y)


@pytest.fixture(scope="module")
def bundle(forest, tumours, tmp_path_factory) -> ModelBundle:
    return ModelBuilder(
        model=forest,
        schema_builder=SchemaBuilder(tumours.X[:5], forest.predict_proba(tumours.X[:5])),
        model_path=tmp_path_factory.mktemp("ray") / "bundle",
        signing_key=MASTER_KEY,
        model_server="ray",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
        dependencies={"auto": False, "packaging": "image"},
    ).build()


@pytest.fixture(scope="class")
def container(python, bundle, tmp_path_factory) -> Iterator[RayContainer]:
    with RayContainer(python, bundle, secrets_of(bundle), tmp_path_factory.mktemp("ml")) as container:
        wait_for(container, lambda: answers(container))
        yield container


def wait_for(container: RayContainer, is_so) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and container._process.poll() is None:
        if is_so():
            return
        time.sleep(0.2)
    raise AssertionError(container.log)


def answers(container: RayContainer) -> bool:
    try:
        return container.ping() == 200 and container.invoke(b"x", Content_Type="image/png").status == 415
    except Exception:  # noqa: BLE001 - nobody listens yet behind the relay
        return False


class TestOneContainer:
    """A class, so that it ends before the next one starts: two of them want much memory."""

    @pytest.mark.proves("sklearn", "ray")
    def test_a_classifier_answers_as_in_memory(self, container, forest, tumours, bundle):
        predictor = Predictor(container.url, schema=bundle.schema, container=bundle.container)
        np.testing.assert_allclose(predictor.predict(tumours.X), forest.predict_proba(tumours.X), rtol=1e-9)

    def test_every_content_type_both_ways(self, container, forest, tumours, bundle):
        schema, wanted = open_schema_data(bundle.schema), forest.predict_proba(tumours.X[:3])
        for content_type in schema.input.written_types:
            body = bytes(schema.input.encode(tumours.X[:3], content_type))
            for accept in schema.output.written_types:
                answer = container.invoke(body, Content_Type=content_type, Accept=accept)
                assert (answer.status, answer.content_type.partition(";")[0]) == (200, accept), answer
                found = decode(schema.output, bytearray(answer.body), answer.content_type)
                np.testing.assert_allclose(found, wanted, rtol=1e-9)

    def test_a_wrong_request_fails_alone(self, container):
        assert container.invoke(b"x", Content_Type="image/png").status == 415
        assert container.invoke(b"{", Content_Type=JSON).status == 400
        assert container.invoke(b"[[1, 2]]", Content_Type=JSON).status == 400
        assert container.invoke(b"[[" + b"1," * 29 + b"1]]", Content_Type=JSON, Accept="image/png").status == 406
        assert container.invoke(b"[[" + b"1," * 29 + b"1]]", Content_Type=JSON).status == 200

    def test_a_body_of_twenty_megabytes(self, container, forest, tumours, bundle):
        data = np.tile(tumours.X, (150, 1))
        assert data.nbytes > 20_000_000
        predictor = Predictor(container.url, schema=bundle.schema, container=bundle.container)
        np.testing.assert_allclose(predictor.predict(data), forest.predict_proba(data), rtol=1e-9)


@pytest.mark.parametrize("name", ["model.pkl", "code/inference.py"])
def test_a_changed_file_is_refused_and_named(python, bundle, tmp_path, name):
    changed = with_changed_file(bundle, name, tmp_path)
    refused(python, changed, secrets_of(bundle), tmp_path, f"{name} was changed after signing")


def test_nothing_is_served_without_the_key(python, bundle, tmp_path):
    refused(python, bundle, {}, tmp_path, "the environment lacks MODELBUILDER_HMAC_KEY")


def refused(python: Path, bundle: ModelBundle, secrets: dict[str, str], folder: Path, words: str) -> None:
    base = folder / "ml"
    base.mkdir()
    with RayContainer(python, bundle, secrets, base) as container:
        wait_for(container, lambda: words in container.log)
        assert not answers(container)
