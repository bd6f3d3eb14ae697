"""Files of images and sound: told by their first bytes, and written as text in JSON."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Dict, Optional, Tuple

from .payload_errors import CodecError

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff")
AUDIO_TYPES = ("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg")
ALIASES = {
    "image/jpg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/mp3": "audio/mpeg",
    "application/ogg": "audio/ogg",
}
"""Other names that are in use -> the type as it is called here."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_DATA_URL = re.compile(r"data:([a-z0-9.+/-]+);base64,", re.IGNORECASE)


def media_type_of(body: Any) -> Optional[str]:
    """The media type of a file by its first bytes; None if it is none of those that are known."""
    head = bytes(memoryview(body)[:12])
    if head[:4] == b"RIFF" and len(head) == 12:
        return _RIFF.get(head[8:])
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    return "audio/mpeg" if _is_mp3_frame(head) else None


def _is_mp3_frame(head: bytes) -> bool:
    # An MP3 file needs no tag: it may begin with a frame, whose header has values that are never used.
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # eleven bits set, then layer III
        return False
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and rate not in (0, 15) and sampling != 3


def write_base64(body: Any) -> str:
    """A file as text."""
    return base64.b64encode(body).decode("ascii")


def read_base64(plain: Any) -> Tuple[Optional[str], bytes]:
    """The file in a JSON string, in base64 or as a data URL, and the type that the URL says. Raises CodecError."""
    if not isinstance(plain, str):
        raise CodecError("expected a file as a JSON string in base64, or as a data URL.")
    found = _DATA_URL.match(plain)
    try:
        body = base64.b64decode(plain[found.end() :] if found else plain, validate=True)
    except (binascii.Error, ValueError):
        raise CodecError("expected a file as a JSON string in base64, or as a data URL; the text is neither.") from None
    return (found.group(1).lower() if found else None), body


def base64_schema(content_type: str) -> Dict[str, Any]:
    """JSON Schema of what :func:`read_base64` takes, where files are of ``content_type``."""
    return {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": content_type,
        "pattern": "^(data:[A-Za-z0-9.+/-]+;base64,)?[A-Za-z0-9+/]*={0,2}$",
        "description": "the bytes of a file in base64, or a data URL of them",
    }
