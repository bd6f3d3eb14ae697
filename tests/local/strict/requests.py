"""Requests whose answers differ from server to server, and what of an answer two servers must have in common."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
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


def _document(**fields: object) -> bytes:
    return json.dumps(fields).encode()


_TABLE = {"columns": ["a", "b"], "data": [[1.0, 2.0]]}

MLFLOW_REQUESTS = [
    _sent("inputs", _document(inputs=[[1.0, 2.0]])),
    _sent("instances", _document(instances=[[1.0, 2.0]])),
    _sent("inputs with a charset", _document(inputs=[[1.0, 2.0]]), "application/json; charset=UTF-8"),
    _sent("another charset", _document(inputs=[[1.0, 2.0]]), "application/json; charset=latin-1"),
    _sent("another parameter", _document(inputs=[[1.0, 2.0]]), "application/json; version=1"),
    _sent("an Accept that nobody reads", _document(inputs=[[1.0, 2.0]]), accept="image/png"),
    _sent("thirteen", _document(inputs=[[13.0, 13.0]])),
    _sent("ragged", _document(inputs=[[1.0], [1.0, 2.0]])),
    _sent("instances of no length", _document(instances={"a": [1], "b": [1, 2]})),
    _sent("instances as records", _document(instances=[{"a": 1.0, "b": 2.0}])),
    _sent("instances as uneven records", _document(instances=[{"a": 1.0}, 3])),
    _sent("a scalar", _document(inputs=1.0)),
    _sent("nothing in it", _document(inputs=[])),
    _sent("params are dropped", _document(inputs=[[1.0, 2.0]], params={"a": 1})),
    _sent("other fields are dropped", _document(inputs=[[1.0, 2.0]], other=1)),
    _sent("two forms", _document(inputs=[[1.0, 2.0]], dataframe_split=_TABLE)),
    _sent("no form", _document(other=1)),
    _sent("a chat", _document(messages=[{"role": "user", "content": "hello"}])),
    _sent("a split table", _document(dataframe_split=_TABLE)),
    _sent("a split table with a word too many", _document(dataframe_split={**_TABLE, "dtype": "f8"})),
    _sent("a split table that is none", _document(dataframe_split={"columns": ["a"], "data": [[1.0, 2.0]]})),
    _sent("a list as split table", _document(dataframe_split=[1])),
    _sent("records", _document(dataframe_records=[{"a": 1.0, "b": 2.0}])),
    _sent("a dictionary as records", _document(dataframe_records={"a": 1.0})),
    _sent("a number as body", b"1"),
    _sent("no UTF-8", b"\xff\xfe{"),
    _sent("a table as text", b"a,b\n1.0,2.0\n", "text/csv"),
    _sent("a ragged table as text", b"a,b\n1.0,2.0\n1,2,3\n", "text/csv"),
    _sent("no text", b"\xff\xfe\xfa", "text/csv"),
    _sent("an empty table as text", b"", "text/csv"),
    _sent("no parquet", b"PAR1", "application/vnd.apache.parquet"),
    Asked("a longer path", method="GET", path="/pings"),
    Asked("version", method="GET", path="/version"),
    Asked("health", method="GET", path="/health"),
]
"""More of them for MLflow, whose requests are documents of a form of its own."""


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
    return Essence(found.status, found.headers.get("Content-Type"), _shortened(found.data))


def _shortened(body: bytes) -> bytes:
    """What two servers have in common: no file names, no versions, no order of Python's sets, no old protocols."""
    body = re.sub(rb" IMPORTANT: The MLflow Model scoring protocol[^\"]*", b"", body)
    with suppress(ValueError, AttributeError):
        fields = json.loads(body)
        if "stack_trace" in fields:
            fields["stack_trace"] = _ends(fields["stack_trace"].strip())
        if "error_code" in fields:
            fields["message"] = re.sub(r"\{('\w+'(, )?)+\}", _in_order, fields["message"])
            return json.dumps(fields).encode()
    if b"Traceback" in body:
        return _ends(body.decode()).encode()
    return re.sub(rb"nginx/[\d.]+", b"nginx", body)


def _ends(trace: str) -> str:
    lines = trace.splitlines()
    return "\n".join([lines[0], lines[-1]])


def _in_order(names: re.Match[str]) -> str:
    return f"{{{', '.join(sorted(names[0].strip('{}').split(', ')))}}}"
