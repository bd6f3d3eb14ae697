"""InvokeEndpoint as boto3 calls it, in front of a real bundle in a process."""

from __future__ import annotations

import concurrent.futures
import json

import pytest


def ask(runtime, value=(), *, do="echo", seconds=0.0, endpoint="moody", **options):
    """The response's JSON, and the response."""
    request = {"do": do, "value": list(value), "seconds": seconds}
    response = runtime.invoke_endpoint(
        EndpointName=endpoint,
        Body=json.dumps(request),
        ContentType="application/json",
        Accept="application/json",
        **options,
    )
    return json.loads(response["Body"].read()), response


def test_a_request_and_its_answer(runtime):
    said, response = ask(runtime, [1, 2, 3])
    assert said["value"] == [1, 2, 3]
    assert response["ContentType"] == "application/json"
    assert response["InvokedProductionVariant"] == "AllTraffic"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_what_the_model_raises_is_a_model_error(runtime):
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        ask(runtime, do="raise")
    response = caught.value.response
    assert response["OriginalStatusCode"] == 500
    assert json.loads(response["OriginalMessage"])["code"] == 500
    assert "secret detail" not in str(caught.value)
    assert response["LogStreamArn"].startswith(
        "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/moody"
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Message"].startswith('Received server error (500) from primary with message "')


def test_what_the_model_refuses_is_a_client_error(runtime):
    with pytest.raises(runtime.exceptions.ModelError, match=r"Received client error \(400\) from primary") as caught:
        runtime.invoke_endpoint(EndpointName="moody", Body=b"[]", ContentType="application/json")
    assert caught.value.response["OriginalStatusCode"] == 400


def test_an_endpoint_that_is_not_there(runtime):
    with pytest.raises(runtime.exceptions.ValidationError, match="Endpoint nothing of account 000000000000 not found"):
        ask(runtime, endpoint="nothing")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"TargetVariant": "other"}, "Variant other of endpoint moody of account 000000000000 not found"),
        ({"TargetModel": "a.tar.gz"}, "Endpoint moody is not a multi-model endpoint and does not support target model"),
        ({"TargetContainerHostname": "x"}, "does not support target container hostname header"),
        ({"InferenceComponentName": "x"}, "has no inference components"),
        ({"EnableExplanations": "`true`"}, "has no explainer"),
        ({"SessionId": "abc"}, "Session abc of endpoint moody of account 000000000000 not found"),
    ],
)
def test_targets_that_are_not_there(runtime, options, words):
    with pytest.raises(runtime.exceptions.ValidationError, match=words):
        ask(runtime, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"CustomAttributes": "x" * 1025}, r"at 'customAttributes' failed .* length less than or equal to 1024"),
        ({"InferenceId": "x" * 65}, r"at 'inferenceId' failed .* less than or equal to 64"),
        ({"TargetVariant": "no_underscores"}, r"'no_underscores' at 'targetVariant' failed .* regular expression"),
        ({"SessionId": "no spaces"}, r"at 'sessionId' failed"),
        ({"InferenceComponentName": "ends-"}, r"at 'inferenceComponentName' failed"),
    ],
)
def test_values_that_the_api_does_not_take(runtime, options, words):
    with pytest.raises(runtime.exceptions.ValidationError, match=words):
        ask(runtime, **options)


def test_the_constraints_are_those_of_the_service_model(runtime):
    from cdk_modelbuilder.local.gateway.constraints import _CONSTRAINTS

    service = runtime.meta.service_model
    shapes = {}
    for operation in service.operation_names:
        for member, shape in service.operation_model(operation).input_shape.members.items():
            if shape.serialization.get("location") == "header":
                shapes[shape.serialization["name"].lower().encode()] = (member, shape.metadata.get("max"))
    for header, constraint in _CONSTRAINTS.items():
        member, most = shapes[header]
        assert (member.lower(), most) == (constraint.member.lower(), constraint.most)


def test_a_body_over_the_limit(runtime):
    with pytest.raises(runtime.exceptions.ClientError, match="HTTP content length exceeded 26214400 bytes") as caught:
        runtime.invoke_endpoint(EndpointName="moody", Body=b"x" * (26214400 + 1))
    assert caught.value.response["Error"]["Code"] == "413"


def test_many_at_once_each_get_their_own(runtime):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask(runtime, [number])[0]["value"], range(300)))
    assert answers == [[number] for number in range(300)]


def test_megabytes_both_ways(runtime):
    value = [float(number) for number in range(300_000)]
    assert ask(runtime, value)[0]["value"] == value
