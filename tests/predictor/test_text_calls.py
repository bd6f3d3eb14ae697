"""Chats, completions and embeddings: what is sent to each server, and what becomes of its answers."""

from __future__ import annotations

import dataclasses
import json
import threading

import boto3
import numpy as np
import pytest

from cdk_modelbuilder.errors import (
    PayloadTooLargeError,
    RequestRejectedError,
    StreamInterruptedError,
    ThrottledError,
    UnreadableAnswerError,
    UsageError,
)
from tests.aws_stand_in.sagemaker_runtime import Fault
from tests.predictor.conftest import CONTAINER
from tests.predictor.scripted_container import Reply, ScriptedContainer

SESSION = boto3.Session("key", "secret", region_name="us-east-1")  # one for all: it reads its models but once
HELLO = [{"role": "user", "content": "Hello?"}]
CHAT = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Grüß Gott"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
COMPLETION = {"choices": [{"index": 0, "text": " upon a time", "finish_reason": "length"}], "usage": None}
NAMES = {
    "vllm": {"SM_VLLM_SERVED_MODEL_NAME": "base"},
    "sglang": {"SM_SGLANG_SERVED_MODEL_NAME": "base"},
    "djl_serving": {"HF_MODEL_ID": "/opt/ml/model"},
    "tgi": {"LORA_ADAPTERS": "sql=/opt/ml/model/adapters/sql,team/talk@main"},
}


def container_of(server, **environment):
    variables = {**NAMES.get(server, {}), **environment}
    return dataclasses.replace(CONTAINER, model_server=server, environment=variables)


def event(data, end="\n\n"):
    return f"data: {data if isinstance(data, str) else json.dumps(data)}{end}".encode()


def delta(text=None, reason=None, **more):
    content = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": {**content, **more}, "finish_reason": reason}]}


STREAM = [
    event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
    event(delta("Grüß")),
    event(delta(" Gott")),
    event(delta(reason="stop")),
    event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
    event("[DONE]"),
]


@pytest.fixture(params=["url", "sagemaker"])
def asked(request, predictor_for):
    """Makes a predictor of a server that gives `replies`, and what it was sent; once by URL, once through AWS's API."""
    containers = []

    def make(*replies, server="vllm", container=None, **environment):
        scripted = ScriptedContainer(*replies).__enter__()
        containers.append(scripted)
        spec = container or container_of(server, **environment)
        if request.param == "url":
            return predictor_for(scripted.url, container=spec), scripted
        request.getfixturevalue("service").endpoints["writer"] = scripted.url
        return predictor_for(endpoint_name="writer", session=SESSION, container=spec), scripted

    yield make
    for scripted in containers:
        scripted.__exit__(None, None, None)


def reply(value, **options):
    return Reply(body=json.dumps(value, ensure_ascii=False).encode(), **options)


def streamed(pieces, content_type="text/event-stream", **options):
    return Reply(body=pieces, content_type=content_type, **options)


def sent(scripted):
    return json.loads(scripted.requests[-1][1])


def test_a_chat(asked):
    predictor, scripted = asked(reply(CHAT))
    answer = predictor.chat(HELLO, max_tokens=9, temperature=0, top_p=0.5, stop="\n", seed=1)
    assert (answer.text, answer.finish_reason, answer.usage.total_tokens) == ("Grüß Gott", "stop", 5)
    assert answer.raw == CHAT
    assert answer.message == CHAT["choices"][0]["message"]
    assert answer.tool_calls == []
    assert sent(scripted) == {
        "model": "base",
        "messages": HELLO,
        "max_tokens": 9,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["\n"],
        "seed": 1,
    }


def test_an_answer_that_calls_a_tool(asked):
    calls = [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    predictor, scripted = asked(reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]}), reply(CHAT))
    tools = [{"type": "function", "function": {"name": "weather"}}]
    answer = predictor.chat(HELLO, tools=tools, response_format={"type": "text"})
    assert (answer.text, answer.tool_calls, answer.usage) == ("", calls, None)
    assert sent(scripted)["tools"] == tools
    assert sent(scripted)["response_format"] == {"type": "text"}
    result = {"role": "tool", "tool_call_id": "1", "content": "rain"}
    assert predictor.chat([*HELLO, answer.message, result]).text == "Grüß Gott"
    assert sent(scripted)["messages"] == [*HELLO, message, result]


def test_a_completion(asked):
    predictor, scripted = asked(reply(COMPLETION))
    answer = predictor.complete("Once", max_tokens=4)
    assert (answer.text, answer.finish_reason, answer.usage) == (" upon a time", "length", None)
    assert sent(scripted) == {"model": "base", "prompt": "Once", "max_tokens": 4}


@pytest.mark.parametrize(
    ("server", "model", "fields"),
    [
        ("vllm", None, {"model": "base"}),
        ("vllm", "sql", {"model": "sql"}),
        ("sglang", "base", {"model": "base"}),
        ("sglang", "sql", {"model": "base", "lora_path": "sql"}),
        ("djl_serving", None, {}),
        ("djl_serving", "sql", {"adapters": "sql"}),
        ("tgi", None, {}),  # it would take the name of the base for an adapter's
        ("tgi", "sql", {"model": "sql"}),
    ],
)
def test_how_each_server_is_told_the_model(asked, server, model, fields):
    predictor, scripted = asked(reply(CHAT), server=server)
    assert predictor.chat(HELLO, model=model).text == "Grüß Gott"
    assert sent(scripted) == {**fields, "messages": HELLO}


ATTRIBUTES, ADAPTER = "X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Adapter-Identifier"


@pytest.mark.parametrize("own", [None, "trace=7"])
def test_vllm_is_led_to_an_adapter_by_a_route(predictor_for, service, own):
    """At /invocations `model` is overwritten with what SageMaker's header says, which its callers cannot set."""
    said = {**CHAT, "model": "sql"}
    routes = {"chat": "/v1/chat/completions", "complete": "/v1/completions", "embed": "/v1/embeddings"}
    with ScriptedContainer(reply(said), reply(said), reply({"data": [{"embedding": [1.0]}]})) as scripted:
        service.endpoints["writer"] = scripted.url
        for where in ({"url": scripted.url}, {"endpoint_name": "writer", "session": SESSION}):
            predictor = predictor_for(container=container_of("vllm"), custom_attributes=own, **where)
            for call, route in routes.items():
                scripted.replies = [reply({"data": [{"embedding": [1.0]}]} if call == "embed" else said)]
                getattr(predictor, call)(HELLO if call == "chat" else "a", model="sql")
                headers = scripted.requests[-1][0]
                assert headers[ATTRIBUTES] == (f"route={route}" if own is None else f"route={route},{own}")
                assert headers.get(ADAPTER) == ("sql" if "url" in where else None)
            scripted.replies = [reply(CHAT)]
            predictor.chat(HELLO, model="base")
            headers = scripted.requests[-1][0]
            assert (headers.get(ATTRIBUTES), headers.get(ADAPTER)) == (own, None)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_the_base_is_not_taken_for_the_adapters(asked, stream):
    said = {**CHAT, "model": "base"}
    predictor, _ = asked(reply(said))
    with pytest.raises(UnreadableAnswerError, match="adapter 'sql' was asked, and 'base' answered"):
        list(predictor.chat(HELLO, model="sql", stream=True)) if stream else predictor.chat(HELLO, model="sql")


def test_of_several_names_the_first_is_sent(asked):
    predictor, scripted = asked(reply(CHAT), SM_VLLM_SERVED_MODEL_NAME='["one", "two"]')
    predictor.chat(HELLO)
    assert sent(scripted)["model"] == "one"


def test_pieces_come_as_they_are_written(asked):
    gate = threading.Event()
    predictor, scripted = asked(streamed(STREAM, gate=gate))
    gate.set()
    with predictor.chat(HELLO, stream=True) as stream:
        pieces = list(stream)
    assert [piece.text for piece in pieces] == ["Grüß", " Gott", ""]
    assert (stream.text, stream.finish_reason, stream.usage.completion_tokens) == ("Grüß Gott", "stop", 2)
    assert pieces[0].raw == delta("Grüß")
    assert sent(scripted)["stream"] is True
    assert sent(scripted)["stream_options"] == {"include_usage": True}


def test_the_first_piece_is_there_before_the_second_is_written(asked):
    gate = threading.Event()
    predictor, _ = asked(streamed([STREAM[0] + STREAM[1], *STREAM[2:]], gate=gate))
    with predictor.chat(HELLO, stream=True, stream_options={"include_usage": False}) as stream:
        assert next(stream).text == "Grüß"
        assert stream.text == "Grüß"
        gate.set()
        assert [piece.text for piece in stream] == [" Gott", ""]


def test_one_byte_at_a_time(asked):
    whole = b"".join(STREAM).replace(b"\n", b"\r\n")
    predictor, _ = asked(streamed([whole[place : place + 1] for place in range(len(whole))]))
    stream = predictor.chat(HELLO, stream=True)
    assert [piece.text for piece in stream] == ["Grüß", " Gott", ""]
    assert stream.finish_reason == "stop"


def test_streams_share_a_connection(predictor_for):
    with ScriptedContainer(streamed(STREAM)) as scripted:
        predictor = predictor_for(scripted.url, container=container_of("vllm"))
        for _ in range(3):
            assert len(list(predictor.chat(HELLO, stream=True))) == 3
        assert len(set(scripted.clients)) == 1
        predictor.chat(HELLO, stream=True).close()
        assert len(list(predictor.chat(HELLO, stream=True))) == 3


def test_a_streamed_completion(asked):
    pieces = [event({"choices": [{"index": 0, "text": text}]}) for text in (" upon", " a")]
    last = event({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]})
    predictor, _ = asked(streamed([*pieces, last, event("[DONE]")]))
    stream = predictor.complete("Once", stream=True)
    assert [piece.text for piece in stream] == [" upon", " a", ""]
    assert stream.finish_reason == "length"


def test_lmi_streams_lines_of_json(asked):
    lines = [json.dumps(value).encode() + b"\n" for value in (delta("Grüß"), delta(" Gott"), delta(reason="stop"))]
    predictor, _ = asked(streamed([*lines, b"\n"], "application/jsonlines"), server="djl_serving")
    stream = predictor.chat(HELLO, stream=True)
    assert "".join(piece.text for piece in stream) == "Grüß Gott"
    assert stream.finish_reason == "stop"


def test_a_server_that_does_not_stream_gives_one_piece(asked):
    predictor, _ = asked(reply(CHAT))
    stream = predictor.chat(HELLO, stream=True)
    assert [piece.text for piece in stream] == ["Grüß Gott"]
    assert stream.usage.total_tokens == 5


def test_thoughts_and_tools_are_pieces_without_text(asked):
    events = [delta(reasoning_content="hm"), delta(tool_calls=[{"index": 0}]), delta(reason="tool_calls")]
    predictor, _ = asked(streamed([event(one) for one in events] + [event("[DONE]")]))
    pieces = list(predictor.chat(HELLO, stream=True))
    assert [(piece.text, piece.reasoning) for piece in pieces] == [("", "hm"), ("", ""), ("", "")]


def test_of_several_choices_the_text_is_the_first_ones(asked):
    events = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in ((1, "b"), (0, "a"))]
    ends = [{"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]} for index in (1, 0)]
    predictor, _ = asked(streamed([event(one) for one in [*events, *ends]] + [event("[DONE]")]))
    stream = predictor.chat(HELLO, stream=True, n=2)
    assert [(piece.index, piece.text) for piece in stream] == [(1, "b"), (0, "a"), (1, ""), (0, "")]
    assert stream.text == "a"


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([event({"error": {"message": "out of memory", "code": 500}}), event("[DONE]")], "out of memory"),
        ([event("{half")], "no JSON"),
        ([event("[1]")], "no object"),
        ([event({"object": "x"})], "no choices"),
        ([], "ended before the model did"),
    ],
)
def test_errors_within_a_stream(asked, pieces, why):
    predictor, _ = asked(streamed([*STREAM[:2], *pieces]))
    stream = predictor.chat(HELLO, stream=True)
    assert next(stream).text == "Grüß"
    with pytest.raises(StreamInterruptedError, match=f"{why}.*after 1 pieces") as caught:
        next(stream)
    assert caught.value.items_received == 1
    assert stream.text == "Grüß"
    assert list(stream) == []


def test_a_connection_that_breaks(asked):
    predictor, _ = asked(streamed(STREAM[:3], cut=True))
    stream = predictor.chat(HELLO, stream=True)
    with pytest.raises(StreamInterruptedError, match="after 2 pieces") as caught:
        list(stream)
    assert caught.value.items_received == 2


def test_a_stream_that_sagemaker_ends(service, predictor_for):
    service.stream_ends = ("ModelStreamError", "the container broke off")
    with ScriptedContainer(streamed(STREAM[:3])) as scripted:
        service.endpoints["writer"] = scripted.url
        predictor = predictor_for(endpoint_name="writer", session=SESSION, container=container_of("vllm"))
        stream = predictor.chat(HELLO, stream=True)
        with pytest.raises(StreamInterruptedError, match=r"ModelStreamError.*after 2 pieces"):
            list(stream)
    assert stream.text == "Grüß Gott"


@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_that_is_throttled(service, predictor_for, stream):
    service.faults = [Fault(400, "ThrottlingException", "Rate exceeded")]
    service.endpoints["writer"] = "http://127.0.0.1:9"
    predictor = predictor_for(endpoint_name="writer", session=SESSION, container=container_of("vllm"), max_attempts=1)
    with pytest.raises(ThrottledError, match="Rate exceeded"):
        predictor.chat(HELLO, stream=stream)


def test_errors_in_the_shape_of_openai(asked):
    said = {"error": {"message": "max_tokens is too large: 999", "type": "BadRequestError", "code": 400}}
    predictor, _ = asked(reply(said, status=400))
    for stream in (False, True):
        with pytest.raises(RequestRejectedError, match="max_tokens is too large: 999") as caught:
            predictor.chat(HELLO, stream=stream)
        assert caught.value.status == 400


def test_a_server_that_has_too_much_to_do(predictor_for):
    with ScriptedContainer(reply({"error": "Model is overloaded"}, status=429)) as scripted:
        predictor = predictor_for(scripted.url, container=container_of("tgi"), max_attempts=1)
        with pytest.raises(ThrottledError, match="overloaded"):
            predictor.chat(HELLO)


@pytest.mark.parametrize("body", [b"<html>no</html>", b"{}", b'{"choices": []}', b"[]", b"\xff"])
def test_answers_in_another_shape(asked, body):
    predictor, _ = asked(Reply(body=body))
    with pytest.raises(UnreadableAnswerError, match="did not answer with"):
        predictor.chat(HELLO)


def test_embeddings_of_vllm(asked):
    data = [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}]
    predictor, scripted = asked(reply({"data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}}))
    found = predictor.embed(["a", "b"], dimensions=2)
    assert list(found) == [[1.0, 2.0], [3.0, 4.0]]
    assert len(found) == 2
    assert found[1] == [3.0, 4.0]
    assert found.usage.prompt_tokens == 4
    assert found.raw[0]["data"] == data
    assert sent(scripted) == {"model": "base", "input": ["a", "b"], "dimensions": 2}
    array = np.asarray(found)
    assert array.shape == (2, 2)
    assert array.dtype == np.float32


def test_embeddings_in_as_many_requests_as_the_server_wants(asked):
    predictor, scripted = asked(reply([[1.0], [2.0]]), reply([[3.0]]), server="tei", MAX_CLIENT_BATCH_SIZE="2")
    assert predictor.embed(["a", "b", "c"], truncate=True).vectors == [[1.0], [2.0], [3.0]]
    assert [json.loads(body) for _, body in scripted.requests] == [
        {"inputs": ["a", "b"], "truncate": True},
        {"inputs": ["c"], "truncate": True},
    ]


def test_fewer_vectors_than_texts(asked):
    predictor, _ = asked(reply([[1.0]]), server="djl_serving")
    with pytest.raises(UnreadableAnswerError, match="2 vectors"):
        predictor.embed(["a", "b"])
    assert predictor.embed("a").vectors == [[1.0]]


@pytest.mark.parametrize(
    ("server", "call", "words"),
    [
        ("builtin", "chat", "builtin.*use predict"),
        ("sglang", "complete", r"SGLang takes no requests of complete\(\).*chat\(\)"),
        ("sglang", "embed", "vllm, djl_serving, tei"),
        ("tei", "chat", "Text Embeddings Inference"),
        ("tgi", "embed", "Text Generation Inference"),
    ],
)
def test_servers_that_have_no_such_requests(predictor_for, server, call, words):
    predictor = predictor_for("http://127.0.0.1:9", container=container_of(server))
    argument = HELLO if call == "chat" else "text"
    with pytest.raises(UsageError, match=f"(?i){words}"):
        getattr(predictor, call)(argument)


def test_djl_serving_that_runs_code_of_the_bundle(predictor_for):
    container = dataclasses.replace(CONTAINER, model_server="djl_serving", environment={"PREDICT_TIMEOUT": "60"})
    with pytest.raises(UsageError, match=r"predict\(\)"):
        predictor_for("http://127.0.0.1:9", container=container).chat(HELLO)


@pytest.mark.parametrize(
    ("messages", "options", "words"),
    [
        ("Hello?", {}, "messages is a str, not a list"),
        ({"role": "user"}, {}, "messages is a dict"),
        (None, {}, "messages is a NoneType"),
        ([], {}, "messages is empty"),
        (["Hello?"], {}, r"messages\[0\] is a str"),
        ([*HELLO, {"role": "robot", "content": "x"}], {}, r"messages\[1\] has the role 'robot'.*system"),
        ([{"content": "x"}], {}, "has the role None"),
        ([{"role": "user"}], {}, r"messages\[0\] has no content"),
        ([{"role": "user", "content": 3}], {}, "has a int as its content"),
        ([{"role": "user", "content": [{"text": "x"}]}], {}, "list of parts"),
        (HELLO, {"max_tokens": 0}, "max_tokens is 0"),
        (HELLO, {"max_tokens": True}, "max_tokens is True"),
        (HELLO, {"max_tokens": 1.5}, "max_tokens is 1.5"),
        (HELLO, {"temperature": -1}, "temperature is -1"),
        (HELLO, {"temperature": float("nan")}, "temperature is nan"),
        (HELLO, {"temperature": "hot"}, "temperature is 'hot'"),
        (HELLO, {"top_p": 1.1}, "top_p is 1.1.*at most 1"),
        (HELLO, {"top_p": 0}, "top_p is 0"),
        (HELLO, {"stop": list("abcde")}, "stop has 5 texts.*at most 4"),
        (HELLO, {"stop": [""]}, "empty text"),
        (HELLO, {"stop": 3}, "stop is 3"),
        (HELLO, {"logit_bias": {1, 2}}, "logit_bias has no form in JSON"),
        (HELLO, {"x": float("inf")}, "x has no form in JSON"),
        ([{"role": "user", "content": "\ud800"}], {}, "messages has no form in JSON"),
    ],
)
def test_what_is_refused_before_it_is_sent(predictor_for, messages, options, words):
    predictor = predictor_for("http://127.0.0.1:9", container=container_of("vllm"))
    with pytest.raises(UsageError, match=words):
        predictor.chat(messages, **options)


@pytest.mark.parametrize(
    ("call", "argument", "words"),
    [
        ("complete", "", "prompt is empty"),
        ("complete", ["a", "b"], "prompt is a list"),
        ("embed", [], "texts is empty"),
        ("embed", ["a", ""], r"texts\[1\] is empty"),
        ("embed", ["a", 3], r"texts\[1\] is a int"),
        ("embed", 3, "texts is a int"),
    ],
)
def test_prompts_and_texts_that_are_refused(predictor_for, call, argument, words):
    predictor = predictor_for("http://127.0.0.1:9", container=container_of("vllm"))
    with pytest.raises(UsageError, match=words):
        getattr(predictor, call)(argument)


def test_the_only_model_of_a_server(predictor_for):
    predictor = predictor_for("http://127.0.0.1:9", container=container_of("tei"))
    with pytest.raises(UsageError, match="serves one model alone"):
        predictor.embed("a", model="sql")


def test_an_adapter_that_the_server_would_answer_as_its_base(predictor_for):
    predictor = predictor_for("http://127.0.0.1:9", container=container_of("tgi"))
    with pytest.raises(UsageError, match=r"no adapter 'nope'\. It has sql, team/talk"):
        predictor.chat(HELLO, model="nope")
    predictor = predictor_for("http://127.0.0.1:9", container=container_of("tgi", LORA_ADAPTERS=""))
    with pytest.raises(UsageError, match="lora_adapters="):
        predictor.chat(HELLO, model="sql")


def test_a_request_over_the_limit(predictor_for):
    container = dataclasses.replace(container_of("vllm"), max_payload_bytes=100)
    predictor = predictor_for("http://127.0.0.1:9", container=container)
    with pytest.raises(PayloadTooLargeError, match="takes 100 at most"):
        predictor.chat([{"role": "user", "content": "x" * 100}])
