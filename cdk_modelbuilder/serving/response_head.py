"""The first lines of HTTP responses, as bytes; what repeats is made once."""

from __future__ import annotations

import http
import re
import time
from email.utils import formatdate
from functools import lru_cache

_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""What would end a header's line, or cannot be sent in one."""


def fits_header(value: str) -> bool:
    """Whether ``value`` can be sent as the value of a header."""
    return _UNFIT.search(value) is None


def response_head(status: int, content_type: str, headers: bytes = b"") -> bytes:
    r"""Status line, the headers of every response, and ``headers`` (whole lines); the empty line is not there yet.

    Args:
        status: HTTP status.
        content_type: Value of the Content-Type header.
        headers: Further header lines, each with its line end.

    Raises:
        ValueError: The content type cannot stand in a header.
    """
    return _beginning(status, content_type) + _date_line(int(time.time())) + headers


@lru_cache(maxsize=256)
def _beginning(status: int, content_type: str) -> bytes:
    if not fits_header(content_type):
        raise ValueError(f"the content type {content_type!r} cannot be sent in a header")
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:  # one that an error of the user's has made up
        phrase = ""
    # nosniff: what a model answers may be a client's own bytes, and is never what a browser guesses it to be.
    lines = (f"HTTP/1.1 {status} {phrase}", f"content-type: {content_type}", "x-content-type-options: nosniff", "")
    return "\r\n".join(lines).encode("latin-1")


@lru_cache(maxsize=1)
def _date_line(second: int) -> bytes:
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode()
