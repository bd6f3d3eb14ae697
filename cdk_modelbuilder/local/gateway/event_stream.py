"""Frames of ``application/vnd.amazon.eventstream``.

    total length | length of headers | CRC-32 of these eight bytes | headers | payload | CRC-32 of all before

Source: "Event stream encoding" in the Amazon Transcribe guide and botocore's parser, ``botocore.eventstream``; names of
the headers' values are those of ``ResponseStream`` in the service model of sagemaker-runtime.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MOST_PAYLOAD = 1 << 20
"""Larger pieces are split; readers accept up to 16 MiB."""
_STRING = 7
_TWO = struct.Struct("!II")
_ONE = struct.Struct("!I")


def payload_part(payload: bytes | memoryview) -> bytes:
    """A PayloadPart event, of at most :data:`MOST_PAYLOAD` bytes."""
    return _frame(_part_headers(), payload)


def exception(name: str, members: Mapping[str, str]) -> bytes:
    """An exception event, which ends the stream."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return _frame(_encode(headers), json.dumps(members).encode())


def _frame(headers: bytes, payload: bytes | memoryview) -> bytes:
    prelude = _TWO.pack(16 + len(headers) + len(payload), len(headers))
    head = prelude + _ONE.pack(zlib.crc32(prelude)) + headers
    check = zlib.crc32(payload, zlib.crc32(head))
    return b"".join((head, payload, _ONE.pack(check)))


@lru_cache(maxsize=1)
def _part_headers() -> bytes:
    return _encode(
        {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    )


def _encode(headers: Mapping[str, str]) -> bytes:
    """Each header: length of its name, name, type of its value, length of the value, value."""
    parts = []
    for name, value in headers.items():
        raw_name, raw_value = name.encode(), value.encode()
        parts.append(bytes((len(raw_name),)) + raw_name + struct.pack("!BH", _STRING, len(raw_value)) + raw_value)
    return b"".join(parts)
