"""Calls to a URL: what is sent, which errors come back, what is tried again, what a stream does."""

from __future__ import annotations

import base64
import gc
import json
import socket
import threading
from dataclasses import replace
from email.utils import formatdate

import pytest

from cdk_modelbuilder.calling import retries
from cdk_modelbuilder.errors import (
    EndpointUnavailableError,
    ModelFailedError,
    PayloadTooLargeError,
    PredictionError,
    PredictionTimeoutError,
    RequestRejectedError,
    SchemaError,
    StreamInterruptedError,
    ThrottledError,
    UnreadableAnswerError,
    UsageError,
)
from tests.predictor.conftest import CONTAINER, SCHEMA, STREAM_SCHEMA
from tests.predictor.scripted_container import Reply, ScriptedContainer


def message(status: int, text: str, **options) -> Reply:
    return Reply(status, json.dumps({"code": status, "message": text}).encode(), **options)


def test_value_there_and_value_back(predictor_for):
    with ScriptedContainer(Reply(body=b'{"sum": 3}')) as container:
        predictor = predictor_for(container.url, custom_attributes="trace=7")
        assert predictor.predict({"numbers": [1, 2]}) == {"sum": 3}
        assert predictor.url == container.url
    ((headers, body),) = container.requests
    assert json.loads(body) == {"numbers": [1, 2]}
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_raw_bytes_of_every_kind(predictor_for, kind):
    with ScriptedContainer(Reply(body=b"\x01\x00", content_type="image/png")) as container:
        answer = predictor_for(container.url).invoke(kind(b"\xffabc"), content_type="audio/wav", accept="image/png")
    assert answer == (b"\x01\x00", "image/png")
    ((headers, body),) = container.requests
    assert body == b"\xffabc"
    assert (headers["Content-Type"], headers["Accept"]) == ("audio/wav", "image/png")


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_of_many_megabytes(predictor_for, chunked):
    large = json.dumps("x" * 5_000_000).encode()
    reply = Reply(body=[large[:1_234_567], large[1_234_567:]] if chunked else large)
    with ScriptedContainer(reply) as container:
        assert predictor_for(container.url).predict(None) == "x" * 5_000_000


@pytest.mark.parametrize("reply", [Reply(body=b"1"), Reply(body=[b"1"]), Reply(500)], ids=["whole", "chunks", "error"])
def test_connections_are_used_again(predictor_for, reply):
    with ScriptedContainer(reply) as container:
        predictor = predictor_for(container.url)
        predictor.predict_batch([1] * 5, concurrency=1, return_errors=True)
        if reply.status == 200:
            list(predictor.predict_stream(1))
            predictor.predict(1)
    assert len(set(container.clients)) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRejectedError),
        (404, RequestRejectedError),
        (406, RequestRejectedError),
        (413, PayloadTooLargeError),
        (415, RequestRejectedError),
        (302, RequestRejectedError),
        (424, RequestRejectedError),
        (500, ModelFailedError),
        (507, ModelFailedError),
        (502, EndpointUnavailableError),
        (504, PredictionTimeoutError),
    ],
)
def test_statuses_and_their_errors(predictor_for, status, error):
    refusal = pytest.raises(error, match=f"answered {status}: expected 3 columns, got 2")
    with ScriptedContainer(message(status, "expected 3 columns, got 2")) as container, refusal as caught:
        predictor_for(container.url).predict([])
    assert type(caught.value) is error
    assert caught.value.status == status
    assert container.url in str(caught.value)
    assert len(container.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_throttled_twice_then_served(predictor_for, status):
    busy = message(status, "busy", headers={"Retry-After": "0"})
    with ScriptedContainer(busy, busy, Reply(body=b"5")) as container:
        assert predictor_for(container.url).predict([1]) == 5
    assert [json.loads(body) for _, body in container.requests] == [[1], [1], [1]]


@pytest.mark.parametrize(("status", "error"), [(429, ThrottledError), (503, EndpointUnavailableError)])
def test_throttled_to_the_end(predictor_for, status, error):
    with ScriptedContainer(message(status, "busy", headers={"Retry-After": "0"})) as container:
        with pytest.raises(error, match=rf"answered {status} \(the last of 4 attempts\): busy") as caught:
            predictor_for(container.url, max_attempts=4).predict([1])
        assert caught.value.status == status
        assert len(container.requests) == 4
        with pytest.raises(error, match="answered"):
            predictor_for(container.url, max_attempts=1).predict([1])
    assert len(container.requests) == 5


def test_a_throttled_stream_is_tried_again(predictor_for):
    with ScriptedContainer(message(429, "busy", headers={"Retry-After": "0"}), Reply(body=b"5")) as container:
        assert list(predictor_for(container.url).predict_stream([1])) == [5]


def test_waits_grow_and_are_bounded_and_jittered():
    for attempts, most in ((1, 1), (2, 2), (3, 4), (5, 16), (9, 20), (2000, 20)):
        found = {retries.wait_after(attempts) for _ in range(50)}
        assert len(found) > 40
        assert 0 <= min(found) <= max(found) <= most


@pytest.mark.parametrize(
    ("header", "wait"),
    [(None, None), ("", None), ("3", 3), ("0", 0), ("86400", 20), ("soon", None), ("Mon, 01 Jan 2001 00:00:00 GMT", 0)],
)
def test_retry_after(header, wait):
    assert retries.asked_wait(header) == wait


def test_retry_after_as_a_date_to_come():
    assert retries.asked_wait(formatdate(4e9, usegmt=True)) == retries.LONGEST_WAIT_SECONDS


def test_no_answer_in_time_is_final(predictor_for):
    gate = threading.Event()
    with ScriptedContainer(Reply(0, gate=gate)) as container:
        try:
            with pytest.raises(PredictionTimeoutError, match=r"did not answer within 0\.3 s.*longer timeout") as caught:
                predictor_for(container.url, timeout=0.3).predict([1])
        finally:
            gate.set()
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.status == 0
    assert len(container.requests) == 1


def test_the_container_specs_time_limit_is_the_default(predictor_for):
    gate = threading.Event()
    impatient = replace(CONTAINER, invocation_timeout_seconds=0.2)
    with ScriptedContainer(Reply(0, gate=gate)) as container:
        try:
            with pytest.raises(PredictionTimeoutError, match=r"within 0\.2 s"):
                predictor_for(container.url, container=impatient).predict([1])
        finally:
            gate.set()


def test_nobody_there(predictor_for):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EndpointUnavailableError, match="gave no answer") as caught:
        predictor_for(f"http://127.0.0.1:{port}").predict([1])
    assert caught.value.status == 0


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(0), EndpointUnavailableError, r"gave no answer: Remote end closed connection without response\."),
        (Reply(body=b'{"a', cut=True), StreamInterruptedError, "broke off: the connection ended before the answer"),
        (Reply(body=[b'{"a'], cut=True), StreamInterruptedError, "broke off: the connection ended before the answer"),
    ],
    ids=["at-once", "in-the-body", "between-chunks"],
)
def test_a_connection_that_breaks_is_not_tried_again(predictor_for, reply, error, words):
    with ScriptedContainer(reply) as container, pytest.raises(error, match=words):
        predictor_for(container.url).predict([1])
    assert len(container.requests) == 1


def test_what_does_not_fit_is_not_sent(predictor_for):
    text = {"codec": "json", "spec": {"form": {"kind": "array"}}}
    with ScriptedContainer(Reply()) as container:
        predictor = predictor_for(container.url, schema={**SCHEMA, "input": text})
        for call in (predictor.predict, predictor.predict_stream, predictor.predict_async):
            with pytest.raises(SchemaError, match="expected a JSON array"):
                call({"a": 1})
    assert container.requests == []


def test_what_is_too_large_is_not_sent(predictor_for):
    small = replace(CONTAINER, max_payload_bytes=10)
    with ScriptedContainer(Reply()) as container:
        predictor = predictor_for(container.url, container=small)
        for call in (predictor.predict, predictor.predict_stream, predictor.predict_async):
            with pytest.raises(PayloadTooLargeError, match=r"has 22 bytes; .* takes 10 at most\. Nothing was sent"):
                call("x" * 20)
        with pytest.raises(PayloadTooLargeError, match="has 16 bytes"):
            predictor.invoke(memoryview(bytearray(16)).cast("d"), content_type="application/octet-stream")
    assert container.requests == []


def test_an_answer_that_the_schema_cannot_read(predictor_for):
    with ScriptedContainer(Reply(body=b"<html>", content_type="text/html"), Reply(body=b"{")) as container:
        predictor = predictor_for(container.url)
        for _ in range(2):
            with pytest.raises(UnreadableAnswerError, match="does not look like the output sample") as caught:
                predictor.predict([1])
            assert caught.value.status == 200


def test_items_come_as_they_are_sent(predictor_for):
    gate = threading.Event()
    pieces = [b'{"token": "a"}\n{"tok', b'en": "b"}\n']
    with ScriptedContainer(Reply(body=pieces, content_type="application/jsonl", gate=gate)) as container:
        stream = predictor_for(container.url, schema=STREAM_SCHEMA).predict_stream("say")
        assert next(stream) == {"token": "a"}  # the rest is not even sent
        gate.set()
        assert list(stream) == [{"token": "b"}]
    assert container.requests[0][0]["Accept"].startswith("application/jsonl")


def test_a_stream_collected_by_predict(predictor_for):
    with ScriptedContainer(Reply(body=[b"1\n2", b"\n3\n"], content_type="application/jsonl")) as container:
        assert predictor_for(container.url, schema=STREAM_SCHEMA).predict("count") == [1, 2, 3]


def test_a_single_answer_as_a_stream(predictor_for):
    with ScriptedContainer(Reply(body=[b'{"a"', b": 1}"])) as container:
        assert list(predictor_for(container.url).predict_stream(None)) == [{"a": 1}]


def test_a_stream_that_breaks_off_gives_what_came(predictor_for):
    reply = Reply(body=[b"1\n2\n", b"3"], content_type="application/jsonl", cut=True)
    with ScriptedContainer(reply) as container:
        stream = predictor_for(container.url, schema=STREAM_SCHEMA).predict_stream("count")
        assert [next(stream), next(stream)] == [1, 2]
        with pytest.raises(StreamInterruptedError, match=r"broke off: the connection ended.*, after 2 whole items\."):
            next(stream)


def test_a_stream_that_stalls(predictor_for):
    gate = threading.Event()
    reply = Reply(body=[b"1\n", b"2\n"], content_type="application/jsonl", gate=gate)
    with ScriptedContainer(reply) as container:
        try:
            stream = predictor_for(container.url, schema=STREAM_SCHEMA, timeout=0.3).predict_stream("count")
            assert next(stream) == 1
            with pytest.raises(StreamInterruptedError, match=r"nothing came for 0\.3 s, after 1") as caught:
                next(stream)
            assert caught.value.items_received == 1
        finally:
            gate.set()


def test_a_stream_with_a_broken_item(predictor_for):
    with ScriptedContainer(Reply(body=[b"1\n{oops\n"], content_type="application/jsonl")) as container:
        stream = predictor_for(container.url, schema=STREAM_SCHEMA).predict_stream("count")
        assert next(stream) == 1
        with pytest.raises(UnreadableAnswerError):
            next(stream)


def test_a_stream_that_is_refused(predictor_for):
    refusal = pytest.raises(RequestRejectedError, match="no such prompt")
    with ScriptedContainer(message(400, "no such prompt")) as container, refusal:
        predictor_for(container.url, schema=STREAM_SCHEMA).predict_stream("count")


def test_a_stream_left_early_gives_its_connection_up(predictor_for):
    gate = threading.Event()
    reply = Reply(body=[b"1\n"] * 3, content_type="application/jsonl", gate=gate)
    with ScriptedContainer(reply) as container:
        try:
            predictor = predictor_for(container.url, schema=STREAM_SCHEMA)
            with predictor.predict_stream("count") as stream:
                assert next(stream) == 1
            with predictor.predict_stream("count"):
                pass  # not even begun
        finally:
            gate.set()
    gc.collect()  # an open socket would warn here, and warnings are errors


def test_raw_pieces_of_a_stream(predictor_for):
    with ScriptedContainer(Reply(body=[b"ab", b"c"], content_type="text/plain")) as container:
        answer = predictor_for(container.url).invoke_stream(b"{}", content_type="application/json")
        assert (b"".join(answer.chunks), answer.content_type) == (b"abc", "text/plain")


def test_predict_async_returns_at_once(predictor_for):
    gate = threading.Event()
    with ScriptedContainer(Reply(body=[b"[1,", b"2]"], gate=gate)) as container:
        try:
            pending = predictor_for(container.url).predict_async(None)
            assert not pending.done()
            with pytest.raises(PredictionTimeoutError, match=r"has not answered within 0\.05 s.*the request goes on"):
                pending.result(timeout=0.05)
        finally:
            gate.set()
        assert pending.result(timeout=30) == [1, 2]
        assert pending.result() is pending.result()
        assert pending.done()
        assert pending.output_location is None


def test_predict_async_carries_the_error(predictor_for):
    with ScriptedContainer(message(500, "the model failed")) as container:
        pending = predictor_for(container.url).predict_async(None)
        for _ in range(2):
            with pytest.raises(ModelFailedError, match="the model failed"):
                pending.result()


def test_an_endpoint_of_somebody_else_is_not_deleted(predictor_for):
    with ScriptedContainer(Reply(body=b"1")) as container:
        predictor = predictor_for(container.url)
        with pytest.raises(UsageError, match="was not started by this predictor"):
            predictor.delete_endpoint()
        with predictor_for(container.url) as other:
            assert other.predict(None) == 1
        assert other.predict(None) == 1  # close() ends connections; the next call opens one


def test_a_prediction_that_was_not_sent_before_close_says_so(predictor_for):
    gate = threading.Event()
    with ScriptedContainer(Reply(body=[b"1", b" "], gate=gate)) as container:
        predictor = predictor_for(container.url)
        pending = [predictor.predict_async(None) for _ in range(17)]  # one more than there are threads
        closing = threading.Thread(target=predictor.close)
        closing.start()
        try:
            with pytest.raises(PredictionError, match=r"closed before it sent this request to .*Ask for results"):
                pending[-1].result()
            assert pending[-1].done()
        finally:
            gate.set()
        closing.join()
        assert [one.result() for one in pending[:-1]] == [1] * 16
    assert len(container.requests) == 16


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:8080", "ftp://127.0.0.1", "", "http://", "http://[::1", "http://here:99999", "http://a b/", 8080),
        *("me:secret@127.0.0.1:8080", "ftp://me:secret@here", "http://me:sec/secret@here:x"),
    ],
)
def test_what_is_no_url(predictor_for, url):
    with pytest.raises(UsageError, match=r"is no URL of an endpoint\. Give one such as") as caught:
        predictor_for(url)
    assert "secret" not in str(caught.value)


def test_a_url_with_more_than_an_address(predictor_for):
    with pytest.raises(UsageError, match="behind a") as caught:
        predictor_for("http://127.0.0.1:1?token=secret")
    assert "secret" not in str(caught.value)


def test_user_and_password_of_a_url_are_sent_and_not_shown(predictor_for):
    with ScriptedContainer(message(400, "no")) as container:
        url = container.url.replace("//", "//me:s%40crét@")
        predictor = predictor_for(url + "/")
        assert predictor.url == container.url
        with pytest.raises(RequestRejectedError) as caught:
            predictor.predict(None)
        assert repr(predictor) + str(caught.value) == (
            f"<Predictor for the endpoint at {container.url}>the endpoint at {container.url} answered 400: no. "
            "Mend the request."
        )
    ((headers, _),) = container.requests
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "me:s@crét"
    for more in ({"endpoint_name": "a"}, {"region": "b"}):
        with pytest.raises(UsageError) as refused:
            predictor_for(url, **more)
        assert "***@127.0.0.1" in str(refused.value)
        assert "40cr" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"content_type": "a/b\r\nx-evil: 1"}, r"content_type has the character '\\r' at position 3.*Leave line ends"),
        ({"content_type": "text/€"}, "content_type has the character '€'"),
        ({"content_type": None}, "content_type is a NoneType"),
        ({"content_type": "a/b", "accept": "a\n"}, "accept has the character"),
        ({"content_type": "a/b", "body": "text"}, "the body is a str"),
    ],
)
def test_what_cannot_be_sent_as_it_is_given(predictor_for, arguments, words):
    with ScriptedContainer(Reply()) as container:
        predictor = predictor_for(container.url)
        for call in (predictor.invoke, predictor.invoke_stream):
            with pytest.raises(UsageError, match=words):
                call(**{"body": b"", **arguments})
    assert container.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "exactly one"),
        ({"url": "http://127.0.0.1:1", "endpoint_name": "a"}, "exactly one"),
        ({"url": "http://127.0.0.1:1", "async_input": "s3://a/b"}, "async_input goes with endpoint_name="),
        ({"url": "http://127.0.0.1:1", "region": "eu-west-1"}, "region goes with endpoint_name="),
        ({"url": "http://127.0.0.1:1", "max_attempts": 0}, "max_attempts is 0"),
        ({"url": "http://127.0.0.1:1", "max_attempts": "3"}, "max_attempts is '3'. Give a whole number"),
        ({"url": "http://127.0.0.1:1", "timeout": 0}, "timeout is 0. Give a number of seconds above 0"),
        ({"url": "http://127.0.0.1:1", "timeout": float("nan")}, "timeout is nan"),
        ({"url": "http://127.0.0.1:1", "timeout": float("inf")}, "timeout is inf"),
        ({"url": "http://127.0.0.1:1", "timeout": "60"}, "timeout is '60'"),
        ({"endpoint_name": "a", "timeout": -1}, "timeout is -1"),
        ({"url": "http://127.0.0.1:1", "custom_attributes": "a\nb"}, "custom_attributes has the character"),
    ],
)
def test_arguments_that_contradict_each_other(predictor_for, options, words):
    with pytest.raises(UsageError, match=words):
        predictor_for(**options)


def test_errors_are_prediction_errors():
    for error in (ThrottledError, PayloadTooLargeError, StreamInterruptedError, UnreadableAnswerError):
        assert issubclass(error, PredictionError)
