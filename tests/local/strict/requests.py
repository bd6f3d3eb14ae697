"""Requests whose answers differ from server to server, and what of an answer two servers must have in common."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import urllib3

SAMPLE = np.arange(6.0).reshape(3, 2)
_JSON = "application/json"
_ROWS = b"[[1.0,2.0]]"


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@dataclass(frozen=True)
class Asked:
    """A request."""

    name: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/invocations"


def _sent(name: str, body: bytes, content_type: str | None = _JSON, accept: str | None = None) -> Asked:
    headers = {"Content-Type": content_type, "Accept": accept}
    return Asked(name, body, {key: value for key, value in headers.items() if value is not None})


REQUESTS = [
    _sent("no accept", _ROWS),
    _sent("any accept", _ROWS, accept="*/*"),
    _sent("a list", _ROWS, accept="application/json, text/csv"),
    _sent("a charset", _ROWS, "application/json; charset=utf-8", "application/json"),
    _sent("text asked for", _ROWS, accept="text/csv"),
    _sent("arrays", _npy(SAMPLE), "application/x-npy", "application/x-npy"),
    _sent("no content type", _ROWS, None),
    _sent("unknown content type", _ROWS, "application/x-nothing"),
    _sent("unknown accept", _ROWS, accept="image/png"),
    _sent("broken", b"{broken"),
    _sent("empty", b""),
    _sent("an error of the model", b"[[13.0,13.0]]"),
    _sent("too large", b" " * (26 << 20) + _ROWS),
    _sent("a large answer", b"[" + b"[1.0,2.0]," * 2_000_000 + b"[1.0,2.0]]", accept="application/x-npy"),
    Asked("invocations with GET", method="GET"),
    Asked("ping", method="GET", path="/ping"),
    Asked("ping with POST", b"", path="/ping"),
    Asked("ping with HEAD", method="HEAD", path="/ping"),
    Asked("the root", method="GET", path="/"),
    Asked("no such path", method="GET", path="/nothing"),
    Asked("execution parameters", method="GET", path="/execution-parameters"),
]


@dataclass(frozen=True)
class Essence:
    """Status, type and body; of a traceback only its first and last line, as the lines between name files."""

    status: int
    content_type: str | None
    body: bytes


def ask(url: str, asked: Asked) -> Essence:
    """What the server at ``url`` answers."""
    with urllib3.PoolManager(retries=False, timeout=60) as http:
        found = http.request(asked.method, url + asked.path, body=asked.body, headers=asked.headers)
    body = found.data
    if b"Traceback" in body:
        lines = body.splitlines()
        body = b"\n".join([lines[0], lines[-1]])
    return Essence(found.status, found.headers.get("Content-Type"), body)
