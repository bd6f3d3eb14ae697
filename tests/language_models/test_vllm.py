"""Real vLLM behind the local gateway, told what our adapter says: chats, completions, streams, and LoRA adapters."""

from __future__ import annotations

import boto3
import pytest

from cdk_modelbuilder import ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import RequestRejectedError
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from tests.conftest import MASTER_KEY
from tests.containers.vllm import ENVIRONMENT, VllmContainer
from tests.language_models.tiny_llama import write_tiny_llama

pytestmark = [pytest.mark.heavy, pytest.mark.slow, pytest.mark.extra_install]

HELLO = [{"role": "user", "content": "Hello?"}]
ON_PROCESSORS = {"SM_VLLM_DTYPE": "float32", "SM_VLLM_ENFORCE_EAGER": "true"}
"""What is different here from the GPUs that the values are chosen for."""


@pytest.fixture(scope="session")
def python():
    return ENVIRONMENT.python()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return ModelBuilder(
        model=write_tiny_llama(folder / "weights"),
        schema_builder=SchemaBuilder({"messages": HELLO}, {"choices": []}),
        model_server="vllm",
        instance_type="ml.g5.xlarge",
        serving={"max_length": 128, "sequences": 8},
        env_vars=ON_PROCESSORS,
        verifying_image=True,
        name="tiny",
        model_path=folder / "bundle",
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="module")
def predictor(bundle, python):
    def start(bundle, environment, *, on_log):
        return VllmContainer(bundle, environment, on_log=on_log, python=python)

    session = boto3.Session("key", "secret", region_name="eu-west-1")
    with LocalGateway(host_bundles([bundle]), start=start) as gateway:
        client = session.client("sagemaker-runtime", endpoint_url=gateway.url)
        with Predictor.from_bundle(bundle, endpoint_name="tiny", boto_client=client) as through_sagemaker:
            yield through_sagemaker
        client.close()


def test_a_chat(predictor):
    answer = predictor.chat(HELLO, max_tokens=8, temperature=0, ignore_eos=True)
    assert len(answer.text) == 8
    assert answer.finish_reason == "length"
    assert (answer.usage.completion_tokens, answer.raw["model"]) == (8, "tiny")


def test_a_streamed_chat_says_the_same(predictor):
    options = {"max_tokens": 8, "temperature": 0, "ignore_eos": True}
    whole = predictor.chat(HELLO, **options)
    with predictor.chat(HELLO, stream=True, **options) as stream:
        pieces = list(stream)
    assert len(pieces) > 4
    assert (stream.text, stream.finish_reason, stream.usage) == (whole.text, "length", whole.usage)


def test_a_completion_streamed_and_whole(predictor):
    options = {"max_tokens": 6, "temperature": 0, "ignore_eos": True}
    whole = predictor.complete("Once", **options)
    stream = predictor.complete("Once", stream=True, **options)
    assert "".join(piece.text for piece in stream) == whole.text != ""
    assert stream.usage == whole.usage


def test_a_stop(predictor):
    text = predictor.complete("Once", max_tokens=6, temperature=0, ignore_eos=True).text
    answer = predictor.complete("Once", max_tokens=6, temperature=0, ignore_eos=True, stop=text[3])
    assert (answer.text, answer.finish_reason) == (text[: text.index(text[3])], "stop")


@pytest.mark.parametrize("stream", [False, True])
def test_more_than_the_server_takes(predictor, stream):
    with pytest.raises(RequestRejectedError, match="max_model_len=128"):
        predictor.chat(HELLO, max_tokens=999, stream=stream)
