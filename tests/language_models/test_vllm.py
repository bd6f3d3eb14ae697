"""Real vLLM behind the local gateway, told what our adapter says: chats, completions, streams, and LoRA adapters."""

from __future__ import annotations

import dataclasses
import shutil
import threading

import boto3
import pytest
import urllib3

from cdk_modelbuilder import ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import RequestRejectedError
from cdk_modelbuilder.local.gateway import Hosted, LocalGateway, host_bundles
from cdk_modelbuilder.local.gateway.hosted import Component, HostedContainer, HostedEndpoint, HostedModel, Variant
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of
from tests.containers.vllm import ENVIRONMENT, VllmContainer
from tests.language_models.tiny_llama import write_adapter, write_tiny_llama

pytestmark = [pytest.mark.heavy, pytest.mark.slow, pytest.mark.extra_install]

HELLO = [{"role": "user", "content": "Hello?"}]
ON_PROCESSORS = {"SM_VLLM_DTYPE": "float32", "SM_VLLM_ENFORCE_EAGER": "true"}
"""What is different here from the GPUs that the values are chosen for."""
LOADS = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "true"}
"""What serving={"adapters": ...} sets for adapters that come as components; beside lora_adapters= nothing does."""


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
        lora_adapters={
            "sql": write_adapter(folder / "sql", 1),
            "talk": write_adapter(folder / "talk", 2, rank=20, targets=("down_proj", "gate_proj", "q_proj")),
        },
        env_vars={**ON_PROCESSORS, **LOADS},
        verifying_image=True,
        name="tiny",
        model_path=folder / "bundle",
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="module")
def running(bundle, python):
    """The gateway, and the one server behind it."""
    servers = []

    def start(bundle, environment, *, on_log):
        servers.append(VllmContainer(bundle, environment, on_log=on_log, python=python))
        return servers[-1]

    with LocalGateway(host_bundles([bundle]), start=start) as gateway:
        yield gateway, servers[0]


@pytest.fixture(scope="module")
def predictor(bundle, running):
    """Through SageMaker's API, as boto3 speaks it."""
    gateway, _ = running
    client = boto3.Session("key", "secret", region_name="eu-west-1").client(
        "sagemaker-runtime", endpoint_url=gateway.url
    )
    with Predictor.from_bundle(bundle, endpoint_name="tiny", boto_client=client) as made:
        yield made
    client.close()


@pytest.fixture(scope="module")
def directly(bundle, running):
    """By the server's own URL."""
    with Predictor.from_bundle(bundle, url=running[1].url) as made:
        yield made


@pytest.mark.proves("files read by the server", "vllm")
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


def test_what_it_was_started_with(running):
    """The adapter's variables, as vLLM says that it understood them; and the start was verified."""
    log = running[1].log
    for said in ("'max_loras': 2", "'max_lora_rank': 32", "'max_model_len': 128", "'max_num_seqs': 8"):
        assert said in log
    for name in ("sql", "talk"):
        assert f"Loaded new LoRA adapter: name '{name}'" in log


@pytest.mark.parametrize("way", ["predictor", "directly"])
def test_adapters_answer_otherwise_than_their_base(way, request):
    asked = request.getfixturevalue(way)
    options = {"max_tokens": 8, "temperature": 0, "ignore_eos": True}
    answers = {name: asked.chat(HELLO, model=name, **options) for name in ("tiny", "sql", "talk")}
    assert [answer.raw["model"] for answer in answers.values()] == ["tiny", "sql", "talk"]
    assert len({answer.text for answer in answers.values()}) == 3
    assert asked.chat(HELLO, **options).text == answers["tiny"].text
    with asked.chat(HELLO, model="sql", stream=True, **options) as stream:
        assert "".join(piece.text for piece in stream) == answers["sql"].text
    completions = [asked.complete("Once", model=name, **options).text for name in ("tiny", "sql", "talk")]
    assert len(set(completions)) == 3


@pytest.mark.parametrize("way", ["predictor", "directly"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_adapter_that_there_is_not(way, stream, request):
    with pytest.raises(RequestRejectedError, match="`nope` does not exist") as caught:
        request.getfixturevalue(way).chat(HELLO, model="nope", stream=stream)
    assert caught.value.status == 404


def test_an_adapter_as_an_inference_component(bundle, running, tmp_path):
    """SageMaker has the base's container load it (POST /adapters), and names it in a header when it is called."""
    _, server = running
    weights = write_adapter(tmp_path / "late", 3)
    http = urllib3.PoolManager(retries=False, timeout=30)
    loaded = http.request("POST", f"{server.url}/adapters", json={"name": "late", "src": str(weights)})
    assert loaded.status == 200, loaded.data
    model = HostedModel("base", (HostedContainer("primary", bundle, dict(bundle.container.environment)),))
    components = (Component("base", "AllTraffic", model), Component("late", "AllTraffic", None, base="base"))
    endpoint = HostedEndpoint("shared", "shared", (Variant("AllTraffic", None),), components)
    options = {"max_tokens": 8, "temperature": 0, "ignore_eos": True}
    answers = {}
    with LocalGateway(Hosted((endpoint,)), start=lambda *given, **named: Lent(server)) as gateway:
        client = boto3.Session("key", "secret", region_name="eu-west-1").client(
            "sagemaker-runtime", endpoint_url=gateway.url
        )
        for name in ("base", "late"):
            with Predictor.from_bundle(
                bundle, endpoint_name="shared", inference_component_name=name, boto_client=client
            ) as asked:
                answers[name] = asked.chat(HELLO, **options)
                with asked.chat(HELLO, stream=True, **options) as stream:
                    assert "".join(piece.text for piece in stream) == answers[name].text
        client.close()
    assert {name: answer.raw["model"] for name, answer in answers.items()} == {"base": "tiny", "late": "late"}
    assert answers["base"].text != answers["late"].text
    http.clear()


class Lent:
    """A server that another gateway goes on with."""

    def __init__(self, server):
        self._server, self._ended = server, threading.Event()

    def __getattr__(self, name):
        return getattr(self._server, name)

    def wait(self):
        self._ended.wait()
        return 0

    def stop(self):
        self._ended.set()


@pytest.mark.parametrize("changed", ["model.safetensors", "adapters/sql/adapter_model.safetensors"])
def test_changed_weights_do_not_start(bundle, python, tmp_path, changed):
    copy = dataclasses.replace(bundle, path=tmp_path / "copy")
    shutil.copytree(bundle.path, copy.path)
    weights = copy.path / "model" / changed
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.unlink()
    weights.write_bytes(raw)
    with pytest.raises(AssertionError, match=f"the model folder was refused: .*{changed}"):
        VllmContainer(copy, bundle.container.environment, python=python, secrets=secrets_of(bundle))
