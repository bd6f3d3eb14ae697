"""``str``: UTF-8 text. Never taken for a file name."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Codec, CodecError
from .json_text import read_json, write_json


class TextCodec(Codec):
    """Text as text/plain, or as a JSON string."""

    name: ClassVar[str] = "text"
    content_types = ("text/plain", "application/json")

    @classmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        return {} if isinstance(sample, str) else None

    def encode(self, value: Any, content_type: str) -> bytes:
        text = str(value)
        if content_type == "application/json":
            return write_json(text)
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise CodecError("the text holds a lone surrogate, which UTF-8 cannot write.") from None

    def decode(self, body: bytes, content_type: str) -> str:
        if content_type == "application/json":
            value = read_json(body)
            if not isinstance(value, str):
                raise CodecError("expected a JSON string.")
            return value
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CodecError(f"the body is not UTF-8 text (byte {error.start}).") from None

    def difference(self, value: Any) -> str | None:
        return None if isinstance(value, str) else f"expected text, got {type(value).__name__}."

    def summary(self) -> str:
        return "text"


CODEC = TextCodec
