"""Calls through SageMaker's API: real boto3 against the service's wire protocol, real containers behind it."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace

import boto3
import pytest

from cdk_modelbuilder.errors import (
    AccessDeniedError,
    EndpointUnavailableError,
    ModelFailedError,
    PayloadTooLargeError,
    PredictionTimeoutError,
    RequestRejectedError,
    StreamInterruptedError,
    ThrottledError,
    UsageError,
)
from tests.aws_stand_in.environment import REGION
from tests.aws_stand_in.sagemaker_runtime import Fault
from tests.predictor.conftest import CONTAINER, STREAM_SCHEMA
from tests.predictor.scripted_container import Reply, ScriptedContainer

THROTTLED = Fault(400, "ThrottlingException", "Rate exceeded")


def test_value_there_and_value_back(service, endpoint):
    predictor = endpoint(
        Reply(body=b'{"sum": 3}'),
        inference_component_name="small",
        target_variant="blue",
        custom_attributes="trace=7",
    )
    assert predictor.predict({"numbers": [1, 2]}) == {"sum": 3}
    assert predictor.url is None
    ((headers, body),) = predictor.container.requests
    assert json.loads(body) == {"numbers": [1, 2]}
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"
    (seen,) = service.requests
    assert seen["X-Amzn-SageMaker-Inference-Component"] == "small"
    assert seen["X-Amzn-SageMaker-Target-Variant"] == "blue"
    assert f"/{REGION}/sagemaker/aws4_request" in seen["Authorization"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_raw_bytes_of_every_kind(endpoint, kind):
    predictor = endpoint(Reply(body=b"\x01\x00", content_type="image/png"))
    answer = predictor.invoke(kind(b"\xffabc"), content_type="audio/wav", accept="image/png")
    assert answer == (b"\x01\x00", "image/png")
    ((headers, body),) = predictor.container.requests
    assert body == b"\xffabc"
    assert (headers["Content-Type"], headers["Accept"]) == ("audio/wav", "image/png")


def test_an_answer_of_many_megabytes(endpoint):
    assert endpoint(Reply(body=json.dumps("x" * 5_000_000).encode())).predict(None) == "x" * 5_000_000


def test_throttled_twice_then_served(service, endpoint):
    predictor = endpoint(Reply(body=b"5"))
    service.faults += [THROTTLED, THROTTLED]
    assert predictor.predict([1]) == 5
    assert len(service.requests) == 3
    assert len(predictor.container.requests) == 1


def test_throttled_to_the_end(service, endpoint):
    predictor = endpoint(Reply(body=b"5"), max_attempts=2)
    service.faults += [THROTTLED] * 3
    with pytest.raises(ThrottledError, match="is throttled, after 2 attempts: Rate exceeded") as caught:
        predictor.predict([1])
    assert caught.value.status == 400
    assert len(service.faults) == 1


def test_a_model_that_is_not_ready_is_waited_for(service, endpoint):
    cold = Fault(429, "ModelNotReadyException", "resources are still being provisioned")
    predictor = endpoint(Reply(body=b"5"), max_attempts=2)
    service.faults += [cold]
    assert predictor.predict([1]) == 5
    service.faults += [cold, cold]
    with pytest.raises(EndpointUnavailableError, match="still being provisioned") as caught:
        predictor.predict([1])
    assert caught.value.status == 429
    assert service.faults == []


@pytest.mark.parametrize(
    ("status", "error"), [(400, RequestRejectedError), (413, PayloadTooLargeError), (500, ModelFailedError)]
)
def test_what_the_container_says_comes_through(service, endpoint, status, error):
    said = json.dumps({"code": status, "message": "expected 3 columns, got 2"}).encode()
    predictor = endpoint(Reply(status, said))
    with pytest.raises(error, match=f"endpoint 'tumour' in {REGION} answered {status}: expected 3 columns") as caught:
        predictor.predict([])
    assert caught.value.status == status
    assert len(service.requests) == 1  # a model's error is final
    if status == 500:
        assert caught.value.log_stream_arn.startswith("arn:aws:logs:")
        assert "log-group" in str(caught.value)


def test_a_traceback_of_awss_toolkits_is_cut_to_its_last_line(endpoint):
    trace = b'Traceback (most recent call last):\n  File "inference.py", line 3\nValueError: bad input'
    with pytest.raises(ModelFailedError, match=r"answered 500: ValueError: bad input\. The"):
        endpoint(Reply(500, trace, content_type="")).predict([])


def test_a_container_that_gives_no_answer(service, endpoint):
    with pytest.raises(PredictionTimeoutError, match=r"Your invocation timed out.*predict_async.*arn:aws:logs"):
        endpoint(Reply(0)).predict([])
    assert len(service.requests) == 1


def test_no_answer_in_time_is_final(service, endpoint):
    gate = threading.Event()
    predictor = endpoint(Reply(0, gate=gate), timeout=0.3, max_attempts=3)
    try:
        with pytest.raises(PredictionTimeoutError, match=r"did not answer within 0\.3 s"):
            predictor.predict([1])
    finally:
        gate.set()
    assert len(service.requests) == 1


@pytest.mark.parametrize("call", ["predict", "predict_stream"])
def test_a_connection_that_breaks_after_the_request_is_final(service, predictor_for, monkeypatch, call):
    with ScriptedContainer(Reply(0)) as broken:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", broken.url)
        with pytest.raises(EndpointUnavailableError, match=r"gave no answer.*may have run all the same"):
            getattr(predictor_for(endpoint_name="tumour", max_attempts=3), call)([1])
    assert len(broken.requests) == 1


def test_an_endpoint_that_is_not_there(service, predictor_for):
    with pytest.raises(EndpointUnavailableError, match=r"Endpoint tumour of account \d+ not found.*region") as caught:
        predictor_for(endpoint_name="tumour").predict([1])
    assert caught.value.status == 400
    assert len(service.requests) == 1


def test_a_request_that_is_too_large_for_aws(service, endpoint):
    predictor = endpoint(Reply())
    service.faults += [Fault(413, "RequestEntityTooLargeException", "Request size exceeded")]
    with pytest.raises(PayloadTooLargeError, match="Request size exceeded"):
        predictor.predict([1])


def test_a_request_that_aws_refuses(service, endpoint):
    predictor = endpoint(Reply())
    service.faults += [Fault(400, "ValidationError", "Inference Component Name header is required")]
    with pytest.raises(RequestRejectedError, match=r"header is required .*ValidationError.*not the model"):
        predictor.predict([1])


@pytest.mark.parametrize("named", [True, False])
def test_access_denied_names_action_and_arn(service, endpoint, named):
    predictor = endpoint(Reply(), inference_component_name="small")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/tumour"
    because = " because no identity-based policy allows the sagemaker:InvokeEndpoint action"
    text = f"User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: {arn}{because}"
    service.faults += [Fault(400, "AccessDeniedException", text if named else "")]
    with pytest.raises(AccessDeniedError) as caught:
        predictor.predict([1])
    if named:
        assert f"Allow sagemaker:InvokeEndpoint on {arn} to whoever calls" in caught.value.remedy
    else:
        assert "arn:aws:sagemaker:us-east-1:ACCOUNT:endpoint/tumour" in caught.value.remedy
        assert "arn:aws:sagemaker:us-east-1:ACCOUNT:inference-component/small" in caught.value.remedy


def test_credentials_that_expired(service, endpoint):
    predictor = endpoint(Reply())
    service.faults += [Fault(403, "ExpiredTokenException", "The security token included in the request is expired")]
    with pytest.raises(AccessDeniedError, match=r"does not accept the credentials.*expired.*Log in again"):
        predictor.predict([1])


def test_no_credentials(service, endpoint, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDeniedError, match="no AWS credentials"):
        endpoint(Reply()).predict([1])
    assert service.requests == []


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (503, "ServiceUnavailable")])
def test_a_failure_of_aws_itself_is_tried_again(service, endpoint, status, code):
    predictor = endpoint(Reply(body=b"5"), max_attempts=2)
    service.faults += [Fault(status, code, "try again")]
    assert predictor.predict([1]) == 5
    service.faults += [Fault(status, code, "try again")] * 2
    with pytest.raises(EndpointUnavailableError, match=f"{code}.*not the model") as caught:
        predictor.predict([1])
    assert caught.value.status == status


def test_nobody_there(service, predictor_for, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{port}")
    with pytest.raises(EndpointUnavailableError, match=r"gave no answer.*network"):
        predictor_for(endpoint_name="tumour", max_attempts=1).predict([1])


def test_what_is_too_large_is_not_sent(service, endpoint):
    predictor = endpoint(Reply(), container=replace(CONTAINER, max_payload_bytes=1 << 40))
    with pytest.raises(PayloadTooLargeError, match=r"takes 26214400 at most.*predict_async\(\) of an asynchronous"):
        predictor.invoke(bytes((25 << 20) + 1), content_type="application/octet-stream")
    assert service.requests == []


def test_items_come_as_they_are_sent(service, endpoint):
    gate = threading.Event()
    pieces = [b'{"token": "\xc3\xa4a"}\n{"tok', b'en": "b"}\n']
    predictor = endpoint(Reply(body=pieces, content_type="application/jsonl", gate=gate), schema=STREAM_SCHEMA)
    stream = predictor.predict_stream("say")
    assert next(stream) == {"token": "äa"}  # the rest is not even sent; the parts of AWS have seven bytes
    gate.set()
    assert list(stream) == [{"token": "b"}]
    (seen,) = service.requests
    assert seen["X-Amzn-SageMaker-Accept"].startswith("application/jsonl")
    assert predictor.container.requests[0][0]["Accept"].startswith("application/jsonl")


@pytest.mark.parametrize("part_bytes", [1, 2, 1000])
def test_where_parts_end_means_nothing(service, endpoint, part_bytes):
    service.part_bytes = part_bytes
    items = [{"a": "ü" * 10}, [1.5, None], "\n"]
    body = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode()
    predictor = endpoint(Reply(body=body, content_type="application/jsonl"), schema=STREAM_SCHEMA)
    assert list(predictor.predict_stream(None)) == items


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (("ModelStreamError", "The model took too long"), "ModelStreamError: The model took too long"),
        (("InternalStreamFailure", "Try again"), "InternalStreamFailure: Try again"),
        ("cut", "the connection ended"),
    ],
)
def test_streams_that_break_off(service, endpoint, end, words):
    service.stream_ends = end
    predictor = endpoint(Reply(body=b"1\n2\n3", content_type="application/jsonl"), schema=STREAM_SCHEMA)
    stream = predictor.predict_stream(None)
    got = [next(stream), next(stream)]
    with pytest.raises(StreamInterruptedError, match=f"broke off: {words}.*after 2 whole items") as caught:
        next(stream)
    assert got == [1, 2]
    assert caught.value.items_received == 2


def test_a_container_that_breaks_the_stream_off(endpoint):
    reply = Reply(body=[b"1\n2\n", b"3"], content_type="application/jsonl", cut=True)
    stream = endpoint(reply, schema=STREAM_SCHEMA).predict_stream(None)
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(StreamInterruptedError, match="ModelStreamError: The TCP connection"):
        next(stream)


def test_a_stream_that_is_refused(endpoint):
    predictor = endpoint(Reply(400, b'{"message": "no such prompt"}'), schema=STREAM_SCHEMA)
    with pytest.raises(RequestRejectedError, match="no such prompt"):
        predictor.predict_stream(None)


def test_predict_async_of_a_real_time_endpoint(endpoint):
    pending = endpoint(Reply(body=b"[1]")).predict_async(None)
    assert pending.result(timeout=30) == [1]
    assert pending.output_location is None


def test_sessions_regions_and_clients(service, predictor_for, monkeypatch):
    with ScriptedContainer(Reply(body=b"1")) as container:
        service.endpoints["tumour"] = container.url
        session = boto3.Session(region_name=REGION)
        assert predictor_for(endpoint_name="tumour", session=session).predict(None) == 1
        client = session.client("sagemaker-runtime")
        with predictor_for(endpoint_name="tumour", boto_client=client) as predictor:
            assert predictor.predict(None) == 1
        assert predictor_for(endpoint_name="tumour", boto_client=client).predict(None) == 1  # it is still open
        client.close()
        with pytest.raises(UsageError, match=r"region='eu-west-1' differs from the session's, 'us-east-1'"):
            predictor_for(endpoint_name="tumour", session=session, region="eu-west-1")
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    with pytest.raises(UsageError, match="Give region="):
        predictor_for(endpoint_name="tumour")
    assert "in eu-west-1" in repr(predictor_for(endpoint_name="tumour", region="eu-west-1"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match="nobody"):
        predictor_for(endpoint_name="tumour", region=REGION)


def test_arguments_that_boto3_refuses(service, predictor_for):
    with pytest.raises(UsageError, match="EndpointName"):
        predictor_for(endpoint_name=7).predict(None)
