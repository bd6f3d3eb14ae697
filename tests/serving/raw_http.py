"""Requests and responses as bytes."""

from __future__ import annotations

import re


def post(body: bytes, *headers: bytes, version: bytes = b"1.1", target: bytes = b"/invocations") -> bytes:
    lines = [b"POST %s HTTP/%s" % (target, version), b"Host: here", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def bodies(answer: bytes) -> list[bytes]:
    """The bodies of the responses in ``answer``, by their Content-Length."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head)[1])
        found.append(rest[:size])
        answer = rest[size:]
    return found
