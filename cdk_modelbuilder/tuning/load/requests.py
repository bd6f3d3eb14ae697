"""The requests of a load: the bundle's sample, or a file with one request a line."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.bundle import ModelBundle

_KEYS = frozenset({"body", "base64", "content_type", "accept", "stream", "path"})
_HEADER_TEXT = re.compile(r"[ -~]+")
_PATH_TEXT = re.compile(r"/[!-~]*")
_MOST_REQUESTS = 100_000
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """One request that users send.

    Attributes:
        body: Its body.
        content_type: Of the body.
        accept: What the user accepts.
        stream: Whether the answer is a stream, whose first piece and further pieces are timed.
        path: Where it is POSTed; None for the container spec's path for invocations.
        expected: What the answer has to be, but for the last digits of numbers; None for anything.

    Raises:
        UsageError: Text with a character that cannot stand in a request's head.
    """

    body: bytes
    content_type: str = "application/json"
    accept: str = "*/*"
    stream: bool = False
    path: str | None = None
    expected: bytes | None = None

    def __post_init__(self) -> None:
        for name in ("content_type", "accept", "path"):
            text = getattr(self, name)
            if text is not None and not (_PATH_TEXT if name == "path" else _HEADER_TEXT).fullmatch(text):
                raise UsageError(
                    f"{name} {text[:80]!r} cannot stand in a request.", remedy="Give printable ASCII on one line."
                )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        expected = None if self.expected is None else base64.b64encode(self.expected).decode("ascii")
        return {**asdict(self), "body": base64.b64encode(self.body).decode("ascii"), "expected": expected}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The request in ``data``."""
        expected = data["expected"] if data["expected"] is None else base64.b64decode(data["expected"])
        return cls(**{**data, "body": base64.b64decode(data["body"]), "expected": expected})


def sample_requests(bundle: ModelBundle) -> tuple[LoadRequest, ...]:
    """The bundle's own request: its golden test's, else one made up from its schema.

    Raises:
        UsageError: Neither is to be had.
    """
    from cdk_modelbuilder.local.sample_request import sample_request  # noqa: PLC0415 - needs the bundle's codecs

    body, content_type, accept = sample_request(bundle)
    request = LoadRequest(
        body, content_type, accept, stream=(bundle.schema.get("output") or {}).get("codec") == "stream"
    )
    return (_as_counted(request),)


def read_requests(path: Path | str) -> tuple[LoadRequest, ...]:
    """The requests in a file of JSON lines.

    A line is either the body itself, as JSON, such as ``{"messages": [...], "stream": true}``; or an object with
    ``body`` (JSON) or ``base64`` (bytes), and ``content_type``, ``accept``, ``stream`` and ``path`` where they differ
    from ``application/json``, ``*/*``, false, and the model's path. Empty lines are skipped.

    Streams in OpenAI's shape are asked to tell how many tokens they had, unless they say themselves what they want:
    ``stream_options.include_usage``, source: "Create chat completion" in OpenAI's API reference.

    Raises:
        UsageError: The file cannot be read, has no request, or a line is none.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path} is larger than 1 GiB.", remedy="Give a part of the requests: a trial sends few.")
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Give a file of JSON lines.") from None
    found = tuple(_of_line(line, f"line {number} of {path}") for number, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise UsageError(f"{path} has no request.", remedy="Write one request a line, as JSON.")
    if len(found) > _MOST_REQUESTS:
        raise UsageError(f"{path} has {len(found)} requests.", remedy=f"Give at most {_MOST_REQUESTS}.")
    return found


def _of_line(line: str, place: str) -> LoadRequest:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{place} is no JSON: {error}.", remedy="Write one request a line.") from None
    if not isinstance(data, dict) or not {"body", "base64"} & data.keys() or data.keys() - _KEYS:
        return _as_counted(LoadRequest(line.strip().encode("utf-8")))
    if {"body", "base64"} <= data.keys():
        raise UsageError(f"{place} has both body and base64.", remedy="Give one of them.")
    rest = {name: value for name, value in data.items() if name not in ("body", "base64")}
    for name, value in rest.items():
        wanted = bool if name == "stream" else str
        if not isinstance(value, wanted) or (name == "path" and not str(value).startswith("/")):
            raise UsageError(f"{name} in {place} is {value!r}.", remedy=f"Give {_WANTED[name]}.")
    if "base64" in data:
        try:
            body = base64.b64decode(data["base64"], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise UsageError(f"base64 in {place} is none: {error}.", remedy="Encode the body's bytes.") from None
    else:
        body = json.dumps(data["body"], ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return _as_counted(LoadRequest(body, **rest), stream=rest.get("stream"))


_WANTED = {
    "content_type": "a content type, as text",
    "accept": "an Accept header, as text",
    "stream": "true or false",
    "path": "a path that begins with /",
}


def _as_counted(request: LoadRequest, *, stream: bool | None = None) -> LoadRequest:
    """The request; one for a stream in OpenAI's shape also asks for the number of tokens."""
    if request.content_type.partition(";")[0].strip().lower() != "application/json" or b'"stream"' not in request.body:
        return request
    try:
        body = json.loads(request.body)
    except ValueError:
        return request
    if not isinstance(body, dict) or body.get("stream") is not True:
        return request
    request = replace(request, stream=True if stream is None else stream)
    if not {"messages", "prompt"} & body.keys() or "stream_options" in body:
        return request
    body["stream_options"] = {"include_usage": True}
    return replace(request, body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
