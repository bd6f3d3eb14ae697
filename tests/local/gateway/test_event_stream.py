"""The frames of streamed answers; botocore's own parser is the judge."""

from __future__ import annotations

import json
import random

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.local.gateway import event_stream


def parsed(data: bytes, seed: int):
    """The messages in ``data``, given to the parser in pieces of any size."""
    buffer, found, cut = EventStreamBuffer(), [], random.Random(seed)
    while data:
        size = cut.randint(1, 40)
        buffer.add_data(data[:size])
        found += list(buffer)
        data = data[size:]
    assert not buffer._data
    return found


@given(st.lists(st.binary(max_size=200)), st.integers())
def test_parts_come_back_as_they_were(pieces, seed):
    messages = parsed(b"".join(map(event_stream.payload_part, pieces)), seed)
    assert [message.payload for message in messages] == pieces
    assert all(message.headers[":event-type"] == "PayloadPart" for message in messages)
    assert all(message.to_response_dict()["status_code"] == 200 for message in messages)


@given(st.text(max_size=50), st.integers())
def test_exceptions_come_back_as_they_were(text, seed):
    (message,) = parsed(event_stream.exception("ModelStreamError", {"Message": text}), seed)
    assert message.headers[":exception-type"] == "ModelStreamError"
    assert message.to_response_dict()["status_code"] == 400
    assert json.loads(message.payload) == {"Message": text}


def test_the_largest_part():
    payload = random.Random(1).randbytes(event_stream.MOST_PAYLOAD)
    buffer = EventStreamBuffer()
    buffer.add_data(event_stream.payload_part(memoryview(payload)))
    assert next(buffer).payload == payload
