"""Hugging Face models in the toolkit of Hugging Face's containers: with the bundle's code, and without any."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode
from cdk_modelbuilder.schema.codecs.marshaller import open_schema_data
from tests.conftest import MASTER_KEY
from tests.containers.huggingface import ENVIRONMENT, ROOT, HuggingFaceContainer, built_there
from tests.containers.huggingface_bundles import OPTIONS, TEXTS
from tests.containers.serving import secrets_of
from tests.containers.tampering import with_changed_file
from tests.containers.toolkit import can_mount

pytest.importorskip("torch", exc_type=ImportError)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.heavy,
    pytest.mark.extra_install,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which Multi Model Server runs on"),
    pytest.mark.skipif(not can_mount(), reason="this process may make no mount namespace"),
]

JSON = "application/json"


@pytest.fixture(scope="module")
def python() -> Path:
    return ENVIRONMENT.python()


def built(kind: str, folder: Path) -> SimpleNamespace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELBUILDER_MASTER_KEY", MASTER_KEY)
        built_there(ROOT / "tests" / "containers" / "huggingface_bundles.py", kind, folder)
    bundle = ModelBundle.load(folder / "bundle")
    return SimpleNamespace(bundle=bundle, answers=json.loads((folder / "answers.json").read_text()), folder=folder)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> SimpleNamespace:
    return built("classifier", tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="class")
def container(python, classifier, tmp_path_factory) -> Iterator[HuggingFaceContainer]:
    secrets = secrets_of(classifier.bundle)
    with HuggingFaceContainer(python, classifier.bundle, secrets, tmp_path_factory.mktemp("ml")) as container:
        container.wait_until_listening()
        yield container


def predictor(container: HuggingFaceContainer) -> Predictor:
    return Predictor(container.url, schema=container.bundle.schema, container=container.bundle.container)


def assert_labels(found, wanted) -> None:
    assert [one["label"] for one in found] == [one["label"] for one in wanted]
    np.testing.assert_allclose([one["score"] for one in found], [one["score"] for one in wanted], rtol=1e-5)


class TestOneContainer:
    """A class, so that it ends before the next one starts: the toolkit looks for a second server."""

    @pytest.mark.proves("transformers", "mms")
    def test_a_pipeline_answers_as_in_memory(self, container, classifier):
        assert_labels(predictor(container).predict(TEXTS), classifier.answers)
        assert container.ping() == 200

    def test_every_content_type_both_ways(self, container, classifier):
        schema = open_schema_data(classifier.bundle.schema)
        for content_type in schema.input.written_types:
            body = bytes(schema.input.encode(TEXTS, content_type))
            for accept in schema.output.written_types:
                answer = container.invoke(body, Content_Type=content_type, Accept=accept)
                assert (answer.status, answer.content_type) == (200, accept), (answer, container.log)
                assert_labels(decode(schema.output, answer.body, answer.content_type), classifier.answers)

    def test_a_wrong_request_fails_alone(self, container, classifier):
        for body, content_type in ((b"x", "image/png"), (b'{"a": 1}', JSON), (b"{", JSON)):
            answer = container.invoke(body, Content_Type=content_type, Accept=JSON)
            assert answer.status == 400, answer  # as this toolkit answers every error
        assert b"is not supported" in container.invoke(b"x", Content_Type="image/png").body
        assert_labels(predictor(container).predict(TEXTS), classifier.answers)

    def test_a_body_of_twenty_megabytes(self, container, classifier):
        body = json.dumps(TEXTS).encode() + b" " * (20 << 20)
        answer = container.invoke(body, Content_Type=JSON, Accept=JSON)
        assert answer.status == 200, answer
        assert_labels(json.loads(answer.body), classifier.answers)


@pytest.mark.proves("sentence_transformers", "mms")
def test_real_weights_of_sentence_transformers(python, tmp_path):
    real = built("sentences", tmp_path)
    (tmp_path / "ml").mkdir()
    with HuggingFaceContainer(python, real.bundle, secrets_of(real.bundle), tmp_path / "ml") as container:
        container.wait_until_listening()
        found = predictor(container).predict(TEXTS)
        assert found.shape == (2, 384)
        np.testing.assert_allclose(found, real.answers, atol=1e-5)


@pytest.mark.parametrize("name", ["model.safetensors", "code/inference.py", "code/modelbuilder_mms.py"])
def test_a_changed_file_is_refused_and_named(python, classifier, tmp_path, name):
    changed = with_changed_file(classifier.bundle, name, tmp_path)
    refused(python, changed, secrets_of(classifier.bundle), tmp_path, f"{name} was changed after signing")


def test_nothing_is_served_without_the_key(python, classifier, tmp_path):
    refused(python, classifier.bundle, {}, tmp_path, "the environment lacks MODELBUILDER_HMAC_KEY")


def refused(python: Path, bundle: ModelBundle, secrets: dict[str, str], folder: Path, words: str) -> None:
    base = folder / "ml"
    base.mkdir()
    with HuggingFaceContainer(python, bundle, secrets, base) as container:
        container.wait_until_listening()
        answer = container.invoke(json.dumps(TEXTS).encode(), Content_Type=JSON, Accept=JSON)
        assert answer.status >= 400
        assert words in container.log


@pytest.mark.proves("files read by the server", "mms")
def test_the_toolkit_makes_a_pipeline_of_a_prefix_without_code(python, classifier, tmp_path):
    schema = SchemaBuilder({"inputs": TEXTS}, [{"label": "good", "score": 0.5}])
    bundle = ModelBuilder(
        model="s3://weights/classifier/", schema_builder=schema, model_path=tmp_path / "bundle", **OPTIONS
    ).build()
    files, base = classifier.folder / "files", tmp_path / "ml"
    base.mkdir()
    with HuggingFaceContainer(python, bundle, {}, base, files=files) as container:
        container.wait_until_listening()
        assert_labels(predictor(container).predict({"inputs": TEXTS}), classifier.answers)
        answer = container.invoke(b"not json", Content_Type=JSON, Accept=JSON)
        assert answer.status == 400
