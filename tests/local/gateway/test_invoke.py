"""InvokeEndpoint as boto3 calls it."""

from __future__ import annotations

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
    assert said["echo"] == [1, 2, 3]
    assert response["ContentType"] == "application/json"
    assert response["InvokedProductionVariant"] == "AllTraffic"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_endpoint_that_is_not_there(runtime):
    with pytest.raises(runtime.exceptions.ValidationError, match="Endpoint nothing of account 000000000000 not found"):
        ask(runtime, endpoint="nothing")
