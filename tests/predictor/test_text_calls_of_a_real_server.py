"""A model that answers in OpenAI's shape on our own server: through the gateway, in AWS's frames, and by URL."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import boto3
import pytest

from cdk_modelbuilder import InferenceSpec, ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import StreamInterruptedError
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.starting import Starter
from tests.aws_stand_in.environment import CREDENTIALS
from tests.conftest import MASTER_KEY

REQUEST = {"messages": [{"role": "user", "content": "a"}], "stream": True, "stream_options": {"include_usage": True}}


class Talker(InferenceSpec):
    """Says the words of the last message; waits for a file whose path is among them."""

    def load(self, model_dir: str) -> None:
        return None

    def invoke(self, input_object, model):
        for word in input_object["messages"][-1]["content"].split():
            if word == "fail":
                raise RuntimeError("secret detail of the model")
            while word.startswith("/") and not os.path.exists(word):  # noqa: PTH110
                time.sleep(0.01)
            yield {"choices": [{"index": 0, "delta": {"content": word + " "}}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    made = ModelBuilder(
        inference_spec=Talker(),
        schema_builder=SchemaBuilder(REQUEST, iter([{"choices": [{"index": 0}]}])),
        name="talker",
        model_path=tmp_path_factory.mktemp("talker") / "talker",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()
    # Our own server is none of language models; the predictor is to take it for one.
    return made, dataclasses.replace(made, container=dataclasses.replace(made.container, model_server="vllm"))


@pytest.fixture(scope="module")
def gateway(bundle):
    with LocalGateway(host_bundles([bundle[0]]), start=Starter(signing_key=MASTER_KEY)) as running:
        yield running


@pytest.fixture(params=["gateway", "sagemaker", "url"])
def predictor(request, bundle, gateway, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (copy,) = gateway._endpoints["talker"].served[0].copy_sets[0].copies
    if request.param == "url":
        options = {"url": copy.running.url}
    else:
        options = {"endpoint_name": "talker"}
        url = gateway.url
        if request.param == "sagemaker":
            service = request.getfixturevalue("service")
            service.endpoints["talker"] = copy.running.url
            url = service.url
        options["boto_client"] = boto3.Session().client("sagemaker-runtime", endpoint_url=url)
    with Predictor.from_bundle(bundle[1], **options) as made:
        yield made


def ask(predictor, text):
    return predictor.chat([{"role": "user", "content": text}], stream=True)


def test_pieces_come_while_the_model_is_at_work(predictor, tmp_path):
    sign = tmp_path / "go-on"
    with ask(predictor, f"Grüß {sign} Gott") as stream:
        assert next(stream).text == "Grüß "
        Path(sign).touch()
        assert [piece.text for piece in stream] == [f"{sign} ", "Gott ", ""]
    assert (stream.text, stream.finish_reason) == (f"Grüß {sign} Gott ", "stop")


def test_an_error_on_the_way(predictor):
    stream = ask(predictor, "one fail two")
    assert next(stream).text == "one "
    with pytest.raises(StreamInterruptedError, match="after 1 pieces") as caught:
        list(stream)
    assert "secret detail" not in str(caught.value)


def test_a_stream_that_is_left_early(predictor):
    with ask(predictor, "one two three") as stream:
        assert next(stream).text == "one "
    assert list(stream) == []
    again = ask(predictor, "four")
    assert [piece.text for piece in again] == ["four ", ""]
