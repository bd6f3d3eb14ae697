"""``str``: UTF-8 text. Never taken for a file name."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Optional

from .base import JSON, Codec
from .json_text import read_json, write_json
from .payload_errors import CodecError


class TextCodec(Codec):
    """Text as text/plain, or as a JSON string."""

    name: ClassVar[str] = "text"
    content_types = ("text/plain", JSON)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        return {} if isinstance(sample, str) else None

    def encode(self, value: Any, content_type: str) -> bytes:
        text = str(value)
        if content_type == JSON:
            return write_json(text)
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise CodecError("the text holds a lone surrogate, which UTF-8 cannot write.") from None

    def decode(self, body: Any, content_type: str) -> str:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        try:
            return bytes(body).decode("utf-8")
        except UnicodeDecodeError as error:
            raise CodecError(f"the body is not UTF-8 text (byte {error.start}).") from None

    def to_plain(self, value: Any) -> str:
        return str(value)

    def from_plain(self, plain: Any) -> str:
        if not isinstance(plain, str):
            raise CodecError("expected a JSON string.")
        return plain

    def difference(self, value: Any) -> Optional[str]:
        return None if isinstance(value, str) else f"expected text, got {type(value).__name__}."

    def summary(self) -> str:
        return "text"

    def json_schema(self) -> Dict[str, Any]:
        return {"type": "string"}

    def example(self) -> str:
        return "text"


CODEC = TextCodec
