"""Generators as answers: item by item through the real server, and joined for servers that do not stream."""

from __future__ import annotations

import numpy as np
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import SchemaError, StreamInterruptedError
from cdk_modelbuilder.schema.codecs import decode
from cdk_modelbuilder.schema.codecs.marshaller import Marshaller
from tests.conftest import MASTER_KEY
from tests.payloads.equality import same

STREAMS = {
    "texts": ["Łó", "dź\n", ""],
    "documents": [{"token": "a"}, {"token": "b"}],
    "numbers": [1, 2.5],
    "arrays": [np.array([0.5]), np.array([1.5, 2.5])],
    "bytes": [b"\x00", b"\xff\n"],
}


def builder_for(items: list) -> SchemaBuilder:
    return SchemaBuilder(items, iter(items))


@pytest.mark.parametrize("name", STREAMS)
def test_items_come_back_one_by_one(name, echo, tmp_path):
    items = STREAMS[name]
    bundle = ModelBuilder(
        inference_spec=echo.EchoStream(),
        schema_builder=builder_for(items),
        model_path=tmp_path / "stream",
        signing_key=MASTER_KEY,
        archive=False,
    ).build()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert same(list(predictor.predict_stream(items)), items)
        assert same(predictor.predict(items), items)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_whatever_the_borders_of_the_chunks(name, size):
    items = STREAMS[name]
    marshaller = builder_for(items).marshaller
    for content_type in marshaller.output.content_types[:3]:
        pieces, label = marshaller.stream_response(iter(items), content_type)
        body = b"".join(pieces)
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        assert same(list(marshaller.decode_stream(chunks, label)), items)
        assert marshaller.encode_response(iter(items), content_type) == (body, content_type)


def test_running_text_and_bytes_lose_only_the_borders():
    texts, data = builder_for(["Łó", "dź"]).marshaller, builder_for([b"a", b"b"]).marshaller
    pieces, label = texts.stream_response(iter(["Łó", "dź"]), "text/plain")
    body = b"".join(pieces)
    assert "".join(texts.decode_stream([body[:1], body[1:3], body[3:]], label)) == "Łódź"
    assert b"".join(data.stream_response(iter([b"a", b"b"]), "application/octet-stream")[0]) == b"ab"


def test_what_other_servers_send_as_events():
    marshaller = builder_for([{"n": 1}]).marshaller
    body = b': comment\r\nevent: x\r\ndata: {"n":\r\ndata: 1}\r\n\r\ndata:{"n":2}\n\ndata: [DONE]\n\n'
    assert list(marshaller.decode_stream([body], "text/event-stream")) == [{"n": 1}, {"n": 2}]


def test_closing_the_stream_closes_the_generator():
    closed = []

    def generate():
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    pieces, _ = builder_for(["a"]).marshaller.stream_response(generate(), None)
    next(pieces)
    pieces.close()
    assert closed == [True]


def test_an_empty_stream_is_no_sample():
    with pytest.raises(SchemaError, match="at least one item"):
        SchemaBuilder("x", iter([]))
    with pytest.raises(SchemaError, match="requests are not streamed"):
        SchemaBuilder(iter(["x"]), "x")


def test_an_item_that_does_not_fit_cuts_the_stream(echo, tmp_path):
    schema = SchemaBuilder([None], iter([1]))
    bundle = ModelBuilder(
        inference_spec=echo.EchoStream(), schema_builder=schema, model_path=tmp_path / "odd", signing_key=MASTER_KEY
    ).build()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        stream = predictor.predict_stream([1, 2, "three"])
        assert [next(stream), next(stream)] == [1, 2]
        with pytest.raises(StreamInterruptedError):
            next(stream)


def test_the_joined_stream_is_read_as_a_list():
    marshaller: Marshaller = builder_for(["a"]).marshaller
    body, content_type = marshaller.encode_response(iter(["a", "b"]), None)
    assert decode(marshaller.output, body, content_type) == ["a", "b"]


def test_json_lines_under_the_name_that_aws_gives_them():
    marshaller = builder_for([1]).marshaller
    body, content_type = marshaller.encode_response(iter([1, 2]), "application/jsonlines")
    assert (body, content_type) == (b"1\n2\n", "application/jsonlines")
