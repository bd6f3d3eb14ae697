"""InvokeEndpointWithResponseStream as boto3 calls it."""

from __future__ import annotations

import json
import threading
import time

import pytest
from botocore.exceptions import EventStreamError

from cdk_modelbuilder.local.gateway import Limits
from tests.local.gateway.scripted import ScriptedStart
from tests.predictor.scripted_container import Reply


def stream(runtime, word, endpoint="speller", **options):
    return runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=json.dumps(word), ContentType="application/json", **options
    )


def parts(response):
    return [event["PayloadPart"]["Bytes"] for event in response["Body"]]


def parts_until_the_error(response):
    """What came before the error, and the error."""
    seen = []
    try:
        for event in response["Body"]:
            seen.append(event["PayloadPart"]["Bytes"])  # noqa: PERF401 - it is to be kept when the loop raises
    except EventStreamError as error:
        response["Body"]._raw_stream.drain_conn()  # botocore leaves it open
        return b"".join(seen), error
    raise AssertionError("the stream ended well")


def test_the_pieces_come_as_they_are_made(runtime):
    response = stream(runtime, "letters")
    assert response["InvokedProductionVariant"] == "AllTraffic"
    found = parts(response)
    assert [json.loads(line) for line in b"".join(found).splitlines()] == list("letters")
    assert len(found) > 1
    assert response["ContentType"] == "application/jsonl"


def test_a_model_that_fails_on_the_way(runtime):
    seen, error = parts_until_the_error(stream(runtime, "ab!"))
    assert [json.loads(line) for line in seen.splitlines()] == ["a", "b"]
    assert error.response["Error"]["Code"] == "ModelStreamError"
    assert "reset or closed" in str(error)


def test_a_model_that_fails_before_the_first_piece(runtime):
    with pytest.raises(runtime.exceptions.ModelError, match=r"server error \(500\)"):
        stream(runtime, "!")


def test_a_client_that_leaves_frees_the_model(runtime):
    response = stream(runtime, "a" + "b" * 500)
    next(iter(response["Body"]))
    response["Body"].close()
    began = time.monotonic()
    assert parts(stream(runtime, "c"))
    assert time.monotonic() - began < 4  # all of it would take five seconds


def test_each_piece_is_there_before_the_next_is_made(scripted):
    gate = threading.Event()
    start = ScriptedStart(
        Reply(body=[b"one", b"two"], gate=gate, headers={"X-Amzn-SageMaker-Custom-Attributes": "t=1"})
    )
    _, runtime = scripted(start)
    response = stream(runtime, "x", "moody", Accept="text/plain", CustomAttributes="t=0", InferenceId="number-7")
    events = iter(response["Body"])
    assert next(events)["PayloadPart"]["Bytes"] == b"one"
    gate.set()
    assert [event["PayloadPart"]["Bytes"] for event in events] == [b"two"]
    assert response["CustomAttributes"] == "t=1"
    ((headers, body),) = start.requests
    assert json.loads(body) == "x"
    assert headers["Accept"] == "text/plain"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "t=0"
    assert headers["X-Amzn-SageMaker-Inference-Id"] == "number-7"


def test_a_stream_that_takes_too_long(scripted):
    gate = threading.Event()
    start = ScriptedStart(Reply(body=[b"one", b"two"], gate=gate))
    _, runtime = scripted(start, limits=Limits(stream_seconds=0.3))
    seen, error = parts_until_the_error(stream(runtime, "x", "moody"))
    gate.set()
    assert seen == b"one"
    assert "within the time" in str(error)


def test_a_session_cannot_begin_with_a_stream(runtime):
    with pytest.raises(runtime.exceptions.ValidationError, match="cannot be created"):
        stream(runtime, "x", SessionId="NEW_SESSION")


class Pieces:
    """Pieces of a quarter of a mebibyte, and how many of them were taken."""

    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0

    def __iter__(self):
        for number in range(self.count):
            self.taken += 1
            yield bytes((number,)) * (1 << 18)


def test_a_client_that_is_slow_holds_the_container_back(scripted):
    pieces = Pieces(120)
    _, runtime = scripted(ScriptedStart(Reply(body=pieces)))
    events = iter(stream(runtime, "x", "moody")["Body"])
    received = [next(events)["PayloadPart"]["Bytes"]]
    before = -1
    while before != pieces.taken:
        before = pieces.taken
        time.sleep(0.2)
    assert pieces.taken < 100  # what fits into sockets and buffers on the way, and not all
    received += [event["PayloadPart"]["Bytes"] for event in events]
    assert b"".join(received) == b"".join(pieces)
