"""InvokeEndpointAsync: input and answer in a folder, or in a local S3."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
import urllib3

from cdk_modelbuilder import Predictor
from cdk_modelbuilder.errors import ModelFailedError
from cdk_modelbuilder.local.gateway import FolderObjects, Limits, S3Objects, host_bundles
from cdk_modelbuilder.local.gateway.async_answers import AsyncAnswers
from cdk_modelbuilder.local.gateway.async_request import AsyncRequest
from cdk_modelbuilder.local.gateway.hosted import AsyncSettings, Hosted
from tests.aws_stand_in import AwsStandIn
from tests.aws_stand_in.environment import CREDENTIALS
from tests.local.gateway.moody import REQUEST
from tests.local.gateway.scripted import ScriptedStart, eventually
from tests.predictor.scripted_container import Reply


@pytest.fixture
def queued(scripted, moody, tmp_path):
    """Makes an asynchronous endpoint `moody` in front of scripted copies; its objects are files."""

    def make(start, *, failure="s3://answers/failed", concurrency=None, copies=1, **options):
        settings = AsyncSettings("s3://answers/out", failure, concurrency)
        (endpoint,) = host_bundles([moody], copies=copies).endpoints
        hosted = Hosted((replace(endpoint, asynchronous=settings),))
        gateway, runtime = scripted(start, hosted=hosted, objects=FolderObjects(tmp_path), **options)
        return gateway, runtime, lambda uri: tmp_path / uri.removeprefix("s3://")

    return make


def put(runtime, **options):
    return runtime.invoke_endpoint_async(EndpointName="moody", **options)


def test_an_input_in_a_folder_and_its_answer_beside_it(queued):
    start = ScriptedStart(Reply(body=b"the answer"))
    _, runtime, path = queued(start)
    path("s3://inputs/deep").mkdir(parents=True)
    path("s3://inputs/deep/one.json").write_bytes(b"the input")
    response = put(
        runtime,
        InputLocation="s3://inputs/deep/one.json",
        ContentType="application/json",
        Accept="text/plain",
        CustomAttributes="trace=1",
        InferenceId="number-7",
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert response["InferenceId"] == "number-7"
    assert response["OutputLocation"].startswith("s3://answers/out/")
    assert response["OutputLocation"].endswith(".out")
    assert response["FailureLocation"].endswith("-error.out")
    output = path(response["OutputLocation"])
    assert eventually(output.exists)
    assert output.read_bytes() == b"the answer"
    assert not path(response["FailureLocation"]).exists()
    ((headers, body),) = start.requests
    assert body == b"the input"
    assert (headers["Content-Type"], headers["Accept"]) == ("application/json", "text/plain")
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"


def test_an_input_in_the_request_and_a_place_of_ones_own(queued):
    _, runtime, path = queued(ScriptedStart(Reply(body=b"7")))
    response = put(runtime, Body=b"inline", S3OutputPathExtension="team/a", Filename="seven.json")
    assert response["OutputLocation"] == "s3://answers/out/team/a/seven.json"
    assert eventually(path(response["OutputLocation"]).exists)


def test_a_failure_of_the_container_and_one_of_the_input(queued):
    _, runtime, path = queued(ScriptedStart(Reply(500, b'{"message": "no"}')))
    response = put(runtime, Body=b"x")
    assert eventually(path(response["FailureLocation"]).exists)
    assert path(response["FailureLocation"]).read_bytes() == b'{"message": "no"}'
    response = put(runtime, InputLocation="s3://inputs/absent")
    assert eventually(path(response["FailureLocation"]).exists)
    assert b"s3://inputs/absent is not in" in path(response["FailureLocation"]).read_bytes()
    response = put(runtime, InputLocation="s3://inputs/../../etc/passwd")
    assert eventually(path(response["FailureLocation"]).exists)
    assert b"cannot be a file of a folder" in path(response["FailureLocation"]).read_bytes()


def test_a_container_that_takes_too_long(queued):
    gate = threading.Event()
    _, runtime, path = queued(ScriptedStart(Reply(0, gate=gate)), limits=Limits(async_seconds=0.2))
    response = put(runtime, Body=b"x")
    assert eventually(path(response["FailureLocation"]).exists)
    gate.set()
    assert b"timed out" in path(response["FailureLocation"]).read_bytes()


def test_no_more_at_once_than_the_configuration_says_and_none_waits_for_ever(queued):
    gate = threading.Event()
    start = ScriptedStart(Reply(body=[b"a", b"b"], gate=gate))
    _, runtime, path = queued(start, concurrency=2, limits=Limits(ttl_seconds=1))
    responses = [put(runtime, Body=b"x") for _ in range(5)]
    assert eventually(lambda: sum(path(one["FailureLocation"]).exists() for one in responses) == 3)
    assert len(start.requests) == 2
    gate.set()
    assert eventually(lambda: sum(path(one["OutputLocation"]).exists() for one in responses) == 2)
    assert {path(one["OutputLocation"]).exists() ^ path(one["FailureLocation"]).exists() for one in responses} == {True}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "exactly one of Body and InputLocation"),
        ({"Body": b"x", "InputLocation": "s3://a/b"}, "exactly one of Body and InputLocation"),
        ({"Body": b"x" * 128_001}, "less than or equal to 128000"),
        ({"Body": b"x", "RequestTTLSeconds": 21601}, "'RequestTTLSeconds'.*between 60 and 21600"),
        ({"Body": b"x", "InvocationTimeoutSeconds": 3601}, "'InvocationTimeoutSeconds'.*between 1 and 3600"),
    ],
)
def test_requests_that_are_not_taken(queued, options, words):
    _, runtime, _ = queued(ScriptedStart(Reply()))
    with pytest.raises(runtime.exceptions.ClientError, match=words):
        put(runtime, **options)


def test_each_kind_of_endpoint_takes_its_own_kind_of_request(queued, runtime):
    _, asynchronous, _ = queued(ScriptedStart(Reply()))
    with pytest.raises(asynchronous.exceptions.ValidationError, match="use InvokeEndpointAsync"):
        asynchronous.invoke_endpoint(EndpointName="moody", Body=b"x")
    with pytest.raises(runtime.exceptions.ValidationError, match="is not asynchronous"):
        put(runtime, Body=b"x")


def test_the_packages_own_predictor_through_a_local_s3(moody, start, scripted, monkeypatch):
    with AwsStandIn() as aws:
        s3 = aws.client("s3")
        for bucket in ("inputs", "local-endpoint-output"):
            s3.create_bucket(Bucket=bucket)
        gateway, _ = scripted(start, hosted=host_bundles([moody], asynchronous=True), objects=S3Objects(s3))
        settings = {**CREDENTIALS, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": gateway.url, "AWS_ENDPOINT_URL_S3": aws.url}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with Predictor.from_bundle(moody, endpoint_name="moody", async_input="s3://inputs/here") as predictor:
            pending = predictor.predict_async({**REQUEST, "do": "add", "value": [1.0, 2.0]})
            assert pending.result(timeout=60)["value"] == [2.0, 3.0]
            with pytest.raises(ModelFailedError, match="failed on the request"):
                predictor.predict_async({**REQUEST, "do": "raise"}).result(timeout=60)
        found = s3.get_object(**dict(zip(("Bucket", "Key"), pending.output_location[5:].split("/", 1), strict=True)))
        assert found["ContentType"] == "application/json"
        assert json.loads(found["Body"].read())["value"] == [2.0, 3.0]
        s3.close()


def test_the_gateway_tells_what_became_of_a_request(queued, tmp_path):
    gate = threading.Event()
    start = ScriptedStart(Reply(body=[b"<h1>", b"</h1>"], content_type="text/html", gate=gate), Reply(500, b"no"))
    gateway, runtime, path = queued(start, failure=None, concurrency=1)
    with urllib3.PoolManager(retries=False, timeout=30) as http:

        def ask(number, endpoint="moody"):
            return http.request("GET", f"{gateway.url}/-/async", fields={"endpoint": endpoint, "id": number})

        first, second = (put(runtime, Body=b"x") for _ in range(2))
        waiting = ask(first["InferenceId"])
        assert (waiting.status, waiting.json()) == (202, {"state": "waiting"})
        gate.set()
        assert eventually(lambda: ask(first["InferenceId"]).status == 200)
        answer = ask(first["InferenceId"])
        assert answer.data == b"<h1></h1>"
        # It must not become a page of the gateway's own.
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Amzn-SageMaker-Content-Type"] == "text/html"
        assert answer.headers["X-Amzn-SageMaker-OutputLocation"] == first["OutputLocation"]
        assert eventually(lambda: ask(second["InferenceId"]).status == 424)
        failure = ask(second["InferenceId"])
        assert failure.headers["x-amzn-errortype"] == "AsynchronousRequestFailed"
        assert failure.json() == {"Message": "no"}
        path(first["OutputLocation"]).unlink()
        assert ask(first["InferenceId"]).status == 404
        for number, endpoint, words in [
            ("other", "moody", "no request 'other' of moody"),
            (first["InferenceId"], "none", "no asynchronous endpoint 'none'"),
            (first["OutputLocation"], "moody", "that is known"),
        ]:
            found = ask(number, endpoint)
            assert found.status == 404
            assert words in found.json()["Message"]
        assert http.request("GET", f"{gateway.url}/-/async", headers={"Origin": "https://example.com"}).status == 403


def test_an_answer_that_cannot_be_stored_is_a_failure(queued, tmp_path):
    gateway, runtime, _ = queued(ScriptedStart(Reply()))
    (tmp_path / "answers").write_text("no folder")
    asked = put(runtime, Body=b"x")
    with urllib3.PoolManager(retries=False, timeout=30) as http:
        url = f"{gateway.url}/-/async?endpoint=moody&id={asked['InferenceId']}"
        assert eventually(lambda: http.request("GET", url).status == 424)
        assert "could not be stored" in http.request("GET", url).json()["Message"]


def test_only_the_newest_requests_are_known():
    answers = AsyncAnswers()
    requests = [_request(number, f"s3://a/{number}") for number in map(str, range(1001))]
    for request in requests:
        answers.begin(request)
    answers.answered(requests[0], "text/plain")
    assert answers.find("0") is None
    again = _request("1000", "s3://a/again")
    answers.begin(again)
    answers.failed(requests[1000], "of the one before")
    fate = answers.find("1000")
    assert (fate.output, fate.failure) == ("s3://a/again", None)


def _request(number, output):
    return AsyncRequest(number, {}, b"", None, output, None, ttl=1, timeout=1, accepted=0)
