"""Embeddings of real vLLM, whose pooling runner makes vectors of a model that writes."""

from __future__ import annotations

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import UnreadableAnswerError
from tests.conftest import MASTER_KEY
from tests.containers.vllm import ENVIRONMENT, VllmContainer
from tests.language_models.tiny_llama import write_tiny_llama

pytestmark = [pytest.mark.heavy, pytest.mark.slow, pytest.mark.extra_install]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embeddings")
    bundle = ModelBuilder(
        model=write_tiny_llama(folder / "weights"),
        schema_builder=SchemaBuilder({"input": ["a"]}, {"data": []}),
        model_server="vllm",
        instance_type="ml.g5.xlarge",
        serving={"max_length": 128, "sequences": 8},
        env_vars={
            "SM_VLLM_CONVERT": "embed",
            "SM_VLLM_DTYPE": "float32",
            "SM_VLLM_ENFORCE_EAGER": "true",
            "SM_VLLM_RUNNER": "pooling",
        },
        name="vectors",
        model_path=folder / "bundle",
        signing_key=MASTER_KEY,
    ).build()
    with (
        VllmContainer(bundle, bundle.container.environment, python=ENVIRONMENT.python()) as server,
        Predictor.from_bundle(bundle, url=server.url) as made,
    ):
        yield made


def test_a_vector_for_each_text(predictor):
    found = predictor.embed(["one", "two", "one"])
    array = np.asarray(found)
    assert array.shape == (3, 128)
    assert np.allclose(np.linalg.norm(array, axis=1), 1, atol=1e-5)
    assert np.allclose(array[0], array[2], atol=1e-5)
    assert not np.allclose(array[0], array[1], atol=1e-2)
    assert found.usage.total_tokens == 9
    assert found.raw[0]["model"] == "vectors"


def test_one_text(predictor):
    assert np.allclose(predictor.embed("one")[0], predictor.embed(["one"])[0], atol=1e-6)


def test_a_chat_that_it_makes_a_vector_of(predictor):
    with pytest.raises(UnreadableAnswerError, match="did not answer with a chat"):
        predictor.chat([{"role": "user", "content": "Hello?"}])
