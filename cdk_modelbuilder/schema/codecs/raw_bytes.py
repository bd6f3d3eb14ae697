"""``bytes`` and its kin: passed through as they are, whatever the content type says."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Codec, CodecError


class BytesCodec(Codec):
    """Raw bytes of any content type."""

    name: ClassVar[str] = "bytes"
    content_types = ("application/octet-stream", "*/*")

    @classmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        return {} if isinstance(sample, (bytes, bytearray, memoryview)) else None

    def encode(self, value: Any, content_type: str) -> bytes:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise CodecError(f"expected bytes, got {type(value).__name__}.")
        return bytes(value)

    def decode(self, body: bytes, content_type: str) -> bytes:
        return body

    def difference(self, value: Any) -> str | None:
        fits = isinstance(value, (bytes, bytearray, memoryview))
        return None if fits else f"expected bytes, got {type(value).__name__}."

    def summary(self) -> str:
        return "bytes"


CODEC = BytesCodec
