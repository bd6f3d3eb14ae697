"""``bytes`` and its kin, and open files: passed through as they are, whatever the content type says."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any, ClassVar, Dict, Optional

from .base import Codec
from .negotiation import accepted_ranges, quality_of
from .payload_errors import CodecError, NotAcceptableError

OCTETS = "application/octet-stream"
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_MAKERS: Dict[str, Any] = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview, "file": io.BytesIO}


class BytesCodec(Codec):
    """Raw bytes of any content type; a file comes back as an ``io.BytesIO``, a text file as an ``io.StringIO``."""

    name: ClassVar[str] = "bytes"
    content_types = (OCTETS, "*/*")

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        for kind in ("bytearray", "memoryview", "bytes"):
            if isinstance(sample, _MAKERS[kind]):
                return {"kind": kind}
        if not callable(getattr(sample, "read", None)) or not callable(getattr(sample, "seek", None)):
            return None
        return {"kind": "text file" if isinstance(_contents(sample), str) else "file"}

    def encode(self, value: Any, content_type: str) -> Any:
        contents = _contents(value)
        return contents.encode("utf-8") if isinstance(contents, str) else contents

    def decode(self, body: Any, content_type: str) -> Any:
        kind = self.spec["kind"]
        if kind == "text file":
            try:
                return io.StringIO(bytes(body).decode("utf-8"), newline="")
            except UnicodeDecodeError as error:
                raise CodecError(f"the body is not UTF-8 text (byte {error.start}).") from None
        return body if isinstance(body, _MAKERS[kind]) else _MAKERS[kind](body)

    def to_plain(self, value: Any) -> str:
        return base64.b64encode(self.encode(value, OCTETS)).decode("ascii")

    def from_plain(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            raise CodecError("expected bytes as text in base64.")
        try:
            return self.decode(base64.b64decode(plain, validate=True), OCTETS)
        except (binascii.Error, ValueError):
            raise CodecError("expected bytes as text in base64; this is none.") from None

    def choose(self, accept: Optional[str], value: Any) -> str:
        """The concrete type that is asked for first: bytes are answered as whatever the client takes them for."""
        ranges = accepted_ranges(accept)
        concrete = sorted((item for item in ranges if "*" not in item[0]), key=lambda item: -item[1])
        if concrete and concrete[0][1] > 0:
            return concrete[0][0]
        if ranges and quality_of(OCTETS, ranges) <= 0:
            raise NotAcceptableError(f"Accept {accept!r} names no type. Ask for {OCTETS}, or for the very type.")
        return OCTETS

    def difference(self, value: Any) -> Optional[str]:
        fits = isinstance(value, (bytes, bytearray, memoryview)) or callable(getattr(value, "read", None))
        return None if fits else f"expected bytes, got {type(value).__name__}."

    def summary(self) -> str:
        return str(self.spec["kind"])

    def json_schema(self) -> Dict[str, Any]:
        return {"type": "string", "pattern": BASE64, "contentEncoding": "base64", "contentMediaType": OCTETS}

    def example(self) -> Any:
        return self.decode(b"bytes", OCTETS)


def _contents(value: Any) -> Any:
    """Bytes or text of ``value``; a file is read from where it stands, and put back there if it can be."""
    if isinstance(value, (bytes, bytearray)):
        return value
    if isinstance(value, memoryview):
        return value.cast("B") if value.contiguous else value.tobytes()
    if not callable(getattr(value, "read", None)):
        raise CodecError(f"expected bytes, got {type(value).__name__}.")
    seekable = value.seekable()
    place = value.tell() if seekable else 0
    contents = value.read()
    if seekable:
        value.seek(place)
    return contents


CODEC = BytesCodec
