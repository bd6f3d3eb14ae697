"""Bodies that are given on the command line, and which content type a file has, by its ending.

An endpoint may know a type under one of several names.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data

_TYPES: dict[str, tuple[str, ...]] = {
    ".arrow": ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"),
    ".arrows": ("application/vnd.apache.arrow.stream",),
    ".csv": ("text/csv",),
    ".feather": ("application/vnd.apache.arrow.file",),
    ".flac": ("audio/flac", "audio/x-flac"),
    ".gif": ("image/gif",),
    ".jpeg": ("image/jpeg",),
    ".jpg": ("image/jpeg",),
    ".json": ("application/json",),
    ".jsonl": ("application/jsonl", "application/jsonlines", "application/x-ndjson"),
    ".mp3": ("audio/mpeg",),
    ".ndjson": ("application/x-ndjson", "application/jsonl", "application/jsonlines"),
    ".npy": ("application/x-npy",),
    ".npz": ("application/x-npz",),
    ".ogg": ("audio/ogg",),
    ".parquet": ("application/vnd.apache.parquet", "application/x-parquet"),
    ".png": ("image/png",),
    ".safetensors": ("application/x-safetensors", "application/vnd.safetensors"),
    ".tif": ("image/tiff",),
    ".tiff": ("image/tiff",),
    ".txt": ("text/plain",),
    ".wav": ("audio/wav", "audio/x-wav", "audio/vnd.wave"),
    ".webp": ("image/webp",),
}
UNKNOWN = "application/octet-stream"


def type_of(path: Path, known: Sequence[str]) -> str:
    """The content type of the file at ``path``: the name for it that is in ``known``, else its first.

    >>> type_of(Path("speech.wav"), ["audio/x-wav"])
    'audio/x-wav'
    """
    names = _TYPES.get(path.suffix.lower(), (UNKNOWN,))
    return next((name for name in names if name in known), names[0])


def is_text(content_type: str) -> bool:
    """Whether a terminal can show such content."""
    kind = content_type.partition(";")[0].strip().lower()
    return (
        kind.startswith("text/")
        or kind in ("application/json", "application/jsonlines", "application/jsonl", "application/x-ndjson")
        or kind.endswith(("+json", "+xml"))
    )


def read_body(data: str, bundle: ModelBundle) -> tuple[bytes, str]:
    """The body and content type that ``data`` means: text, ``@FILE``, or ``-`` for standard input.

    Raises:
        UsageError: The file cannot be read.
    """
    if data == "-":
        return sys.stdin.buffer.read(), "application/json"
    if not data.startswith("@"):
        return data.encode(), "application/json"
    path = Path(data[1:])
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Name an existing file after @.") from None
    return body, type_of(path, _input_types(bundle))


def _input_types(bundle: ModelBundle) -> tuple[str, ...]:
    try:
        return tuple(open_schema_data(bundle.schema).input.content_types)
    except CodecError:
        return ()
