"""Asynchronous endpoints: input and answer go through S3."""

from __future__ import annotations

import json
import threading

import boto3
import pytest

from cdk_modelbuilder.errors import (
    AccessDeniedError,
    EndpointUnavailableError,
    ModelFailedError,
    PredictionTimeoutError,
    RequestRejectedError,
    UsageError,
)
from tests.aws_stand_in import AwsStandIn
from tests.aws_stand_in.sagemaker_runtime import Fault
from tests.predictor.scripted_container import Reply, ScriptedContainer


@pytest.fixture(scope="module")
def aws():
    with AwsStandIn() as running:
        yield running


@pytest.fixture
def queue(aws, service, endpoint, monkeypatch):
    """Makes a predictor for the asynchronous endpoint `tumour`, whose container gives `replies`."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.url)
    service.s3 = boto3.client("s3")
    for bucket in ("inputs", "answers"):
        service.s3.create_bucket(Bucket=bucket)

    def make(*replies: Reply, **options):
        return endpoint(*replies, async_input="s3://inputs/tumour/", **options)

    yield make
    for job in service.jobs:
        job.join()
    service.s3.close()
    aws.reset()


def test_value_there_and_value_back(service, queue):
    predictor = queue(Reply(body=b'{"sum": 3}'), custom_attributes="trace=7")
    pending = predictor.predict_async({"numbers": [1, 2]})
    assert pending.result(timeout=60) == {"sum": 3}
    assert pending.done()
    assert pending.output_location.startswith("s3://answers/out/")
    assert pending.failure_location.startswith("s3://answers/out/")
    ((headers, body),) = predictor.container.requests
    assert json.loads(body) == {"numbers": [1, 2]}
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"
    (key,) = [item["Key"] for item in service.s3.list_objects_v2(Bucket="inputs")["Contents"]]
    assert key.startswith("tumour/")
    assert service.requests[0]["X-Amzn-SageMaker-InputLocation"] == f"s3://inputs/{key}"


def test_waiting_in_vain_and_then_not(queue):
    gate = threading.Event()
    pending = queue(Reply(body=[b"[1,", b"2]"], gate=gate)).predict_async(None)
    assert not pending.done()
    with pytest.raises(PredictionTimeoutError, match=r"no answer to s3://answers/\S+ within 0\.2 s.*still queued"):
        pending.result(timeout=0.2)
    gate.set()
    assert pending.result(timeout=60) == [1, 2]
    assert pending.result() is pending.result()


def test_a_failure_comes_with_what_the_container_said(queue):
    pending = queue(Reply(500, b'{"code": 500, "message": "the model failed"}')).predict_async(None)
    for _ in range(2):
        with pytest.raises(ModelFailedError, match=r"the model failed\. .*s3://answers/\S+-error.out has the whole"):
            pending.result(timeout=60)
    assert pending.done()


def test_an_answer_whose_type_s3_does_not_know(service, queue):
    pending = queue(Reply(body=b"7", content_type="binary/octet-stream")).predict_async(None)
    assert pending.result(timeout=60) == 7


def test_bytes_of_every_kind_and_a_prefix_that_is_a_whole_bucket(service, endpoint, queue):
    queue(Reply(body=b"7"))
    predictor = endpoint(Reply(body=b"7"), async_input="s3://inputs")
    assert predictor.predict_async("x" * 1_000_000).result(timeout=60) == 7
    (found,) = service.s3.list_objects_v2(Bucket="inputs")["Contents"]
    assert (found["Size"], "/" in found["Key"]) == (1_000_002, False)


def test_what_the_queue_does_not_take(service, queue):
    predictor = queue(Reply())
    service.faults += [Fault(400, "AccessDeniedException", "")]
    with pytest.raises(AccessDeniedError, match=r"Allow sagemaker:InvokeEndpointAsync on arn:aws:sagemaker:\S+tumour"):
        predictor.predict_async(None)
    service.endpoints.clear()
    with pytest.raises(EndpointUnavailableError, match="not found"):
        predictor.predict_async(None)


def test_a_bucket_that_is_not_there(endpoint, queue):
    queue(Reply())
    with pytest.raises(
        RequestRejectedError, match=r"s3://nowhere/\w+: The specified bucket does not exist .NoSuchBucket"
    ):
        endpoint(Reply(), async_input="s3://nowhere").predict_async(None)


def test_s3_that_denies_access(queue, monkeypatch):
    pending = queue(Reply(body=b"7")).predict_async(None)
    denied = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    with ScriptedContainer(Reply(403, denied, content_type="application/xml")) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        predictor = queue(Reply(body=b"7"))
        with pytest.raises(AccessDeniedError, match=r"Allow s3:PutObject on arn:aws:s3:::inputs/tumour/\w+ to"):
            predictor.predict_async(None)
        pending._answer._s3 = predictor._queue._s3  # as if the right to read had been taken away since
        with pytest.raises(AccessDeniedError, match=r"Allow s3:GetObject on arn:aws:s3:::answers/out/\* .*ListBucket"):
            pending.result(timeout=60)


def test_every_slash_of_a_key_counts(service, endpoint, queue):
    queue(Reply())
    service.output = "s3://answers//out"
    predictor = endpoint(Reply(body=b"7"), async_input="s3://inputs//tumour/")
    assert predictor.predict_async(None).result(timeout=60) == 7
    (found,) = service.s3.list_objects_v2(Bucket="inputs")["Contents"]
    assert found["Key"].startswith("/tumour/")


def test_s3_that_breaks_the_connection_is_asked_again(endpoint, queue, monkeypatch):
    queue(Reply())
    with ScriptedContainer(Reply(0)) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with pytest.raises(EndpointUnavailableError, match="gave no answer"):
            endpoint(Reply(), async_input="s3://inputs", max_attempts=2).predict_async(None)
    assert len(s3.requests) == 2


@pytest.mark.parametrize("prefix", ["inputs/tumour", "https://inputs", "s3:///tumour"])
def test_what_is_no_s3_uri(queue, endpoint, prefix):
    with pytest.raises(UsageError, match=r"is no S3 URI\. Give one such as s3://bucket/prefix"):
        endpoint(Reply(), async_input=prefix)


def test_parameters_that_asynchronous_calls_do_not_have(queue):
    with pytest.raises(UsageError, match="InvokeEndpointAsync has no such"):
        queue(Reply(), target_variant="blue")
