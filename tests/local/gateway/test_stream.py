"""InvokeEndpointWithResponseStream as boto3 calls it."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import EventStreamError


def stream(runtime, word, **options):
    return runtime.invoke_endpoint_with_response_stream(
        EndpointName="speller", Body=json.dumps(word), ContentType="application/json", **options
    )


def parts(response):
    return [event["PayloadPart"]["Bytes"] for event in response["Body"]]


def test_the_pieces_come_as_they_are_made(runtime):
    response = stream(runtime, "letters")
    assert response["InvokedProductionVariant"] == "AllTraffic"
    found = parts(response)
    assert [json.loads(line) for line in b"".join(found).splitlines()] == list("letters")
    assert len(found) > 1
    assert response["ContentType"] == "application/jsonl"


def test_a_model_that_fails_on_the_way(runtime):
    response = stream(runtime, "ab!")
    seen = []
    with pytest.raises(EventStreamError, match="ModelStreamError.*reset or closed"):
        for event in response["Body"]:
            seen.append(event["PayloadPart"]["Bytes"])
    assert [json.loads(line) for line in b"".join(seen).splitlines()] == ["a", "b"]


def test_a_model_that_fails_before_the_first_piece(runtime):
    with pytest.raises(runtime.exceptions.ModelError, match=r"server error \(500\)"):
        stream(runtime, "!")


def test_a_client_that_leaves_frees_the_model(runtime):
    response = stream(runtime, "a" + "b" * 500)
    iterator = iter(response["Body"])
    next(iterator)
    response["Body"].close()
    began = time.monotonic()
    assert parts(stream(runtime, "c"))
    assert time.monotonic() - began < 4  # all of it would take five seconds
