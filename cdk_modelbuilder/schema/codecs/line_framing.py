"""Items in a stream of bytes: JSON Lines (one JSON document a line) and server-sent events (``data:`` lines)."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List

from .json_text import read_json

JSON_LINES = "application/jsonl"
EVENT_STREAM = "text/event-stream"
TYPES = (JSON_LINES, "application/jsonlines", "application/x-ndjson", EVENT_STREAM)
"""jsonlines is what AWS calls it."""


def framed(text: bytes, content_type: str) -> bytes:
    """One item's JSON (on one line, as :func:`~.json_text.write_json` writes it) in its frame."""
    return b"data: " + text + b"\n\n" if content_type == EVENT_STREAM else text + b"\n"


def unframed(chunks: Iterable[Any], content_type: str) -> Iterator[Any]:
    """The JSON values in ``chunks``, whatever their borders. Raises CodecError."""
    if content_type != EVENT_STREAM:
        for line in _lines(chunks):
            if line.strip():
                yield read_json(line)
        return
    data: List[bytes] = []
    for line in _lines(chunks):
        if line.startswith(b"data:"):
            data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif not line and data:
            text, data = b"\n".join(data), []
            if text != b"[DONE]":  # how OpenAI's servers end a stream
                yield read_json(text)
    if data and data != [b"[DONE]"]:
        yield read_json(b"\n".join(data))


def _lines(chunks: Iterable[Any]) -> Iterator[bytes]:
    rest: List[bytes] = []
    for chunk in chunks:
        *whole, last = bytes(chunk).split(b"\n")
        for line in whole:
            yield (b"".join([*rest, line]) if rest else line).rstrip(b"\r")
            rest = []
        if last:
            rest.append(last)
    if rest:
        yield b"".join(rest).rstrip(b"\r")
