"""The frames of application/vnd.amazon.eventstream, written as AWS documents them ("Event stream encoding").

total length | length of headers | CRC of these eight bytes | headers | payload | CRC of all before
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7  # the type byte of a header whose value is a string


def event(kind: str, payload: bytes) -> bytes:
    """An event such as PayloadPart."""
    return _frame({":event-type": kind, ":content-type": "application/octet-stream", ":message-type": "event"}, payload)


def exception(kind: str, members: Mapping[str, Any]) -> bytes:
    """An exception such as ModelStreamError; it ends the stream."""
    return _frame(
        {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"},
        json.dumps(members).encode(),
    )


def _frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    encoded = b"".join(
        struct.pack(f"!B{len(name)}sBH{len(value)}s", len(name), name.encode(), _TEXT, len(value), value.encode())
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))
