"""Streams from a generator in ``invoke`` to the caller's loop, through our own server, and AWS's frames around it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import StreamInterruptedError
from tests.conftest import MASTER_KEY


class Writer(InferenceSpec):
    """Says the words of its prompt, one after another; a path among them is waited for."""

    def load(self, model_dir: str) -> None:
        return None

    def invoke(self, input_object, model):
        for word in input_object.split():
            if word == "fail":
                raise RuntimeError("secret detail of the model")
            while word.startswith("/") and not os.path.exists(word):  # noqa: PTH110
                time.sleep(0.01)
            yield {"word": word}


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    schema = SchemaBuilder("a prompt", iter([{"word": "a"}]))
    path = tmp_path_factory.mktemp("writer") / "writer"
    bundle = ModelBuilder(
        inference_spec=Writer(), schema_builder=schema, model_path=path, signing_key=MASTER_KEY
    ).build()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        predictor.bundle = bundle
        yield predictor


@pytest.fixture(params=["url", "sagemaker"])
def predictor(request, writer):
    if request.param == "url":
        yield writer
        return
    service = request.getfixturevalue("service")
    service.endpoints["writer"] = writer.url
    with Predictor.from_bundle(writer.bundle, endpoint_name="writer") as through_aws:
        yield through_aws


def test_items_come_while_the_model_is_at_work(predictor, tmp_path):
    sign = tmp_path / "go-on"
    stream = predictor.predict_stream(f"one {sign} two")
    assert next(stream) == {"word": "one"}
    Path(sign).touch()
    assert list(stream) == [{"word": str(sign)}, {"word": "two"}]


def test_collected_they_are_a_list(predictor):
    assert predictor.predict("one two") == [{"word": "one"}, {"word": "two"}]


def test_a_model_that_fails_on_the_way(predictor):
    stream = predictor.predict_stream("one two fail three")
    assert [next(stream), next(stream)] == [{"word": "one"}, {"word": "two"}]
    with pytest.raises(StreamInterruptedError, match="after 2 whole items") as caught:
        next(stream)
    assert caught.value.items_received == 2
    assert "secret detail" not in str(caught.value)


def test_many_streams_at_a_time(predictor):
    found = predictor.predict_batch([f"{n} {n}" for n in range(40)], concurrency=6)
    assert found == [[{"word": str(n)}] * 2 for n in range(40)]
