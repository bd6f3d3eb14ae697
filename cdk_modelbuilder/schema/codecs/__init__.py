"""Codecs: how one family of Python types becomes bytes and comes back.

These files travel: the client uses them from the package, the container from the copy in the bundle's
``code/modelbuilder_runtime/codecs``. So they import the standard library, each other, and the library of the very data
they handle; and they run on Python 3.8 and newer.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Codec, CodecError, NotAcceptableError, UnsupportedMediaTypeError
from .negotiation import choose_accepted, media_type

__all__ = [
    "CODEC_MODULES",
    "Codec",
    "CodecError",
    "Marshaller",
    "NotAcceptableError",
    "UnsupportedMediaTypeError",
    "open_codec",
    "open_schema",
]

CODEC_MODULES = {
    "numpy": "numpy_arrays",
    "pandas": "pandas_tables",
    "text": "text",
    "bytes": "raw_bytes",
    "json": "json_values",
}
"""Codec name -> module in this folder, in the order in which a sample is offered to them."""


def codec_class(name: str) -> type[Codec]:
    """The class of the codec called ``name``."""
    module = importlib.import_module("." + CODEC_MODULES[name], __name__)
    return module.CODEC  # type: ignore[no-any-return]


def open_codec(description: dict[str, Any]) -> Codec:
    """The codec for one direction of ``schema.json``."""
    return codec_class(description["codec"])(description["spec"])


@dataclass(frozen=True)
class Marshaller:
    """Both directions of a schema, with content negotiation."""

    input: Codec
    output: Codec

    def decode_request(self, body: Any, content_type: str | None) -> Any:
        """The model's input from a request body (str, bytes, bytearray or memoryview)."""
        return decode(self.input, body, content_type)

    def encode_response(self, prediction: Any, accept: str | None) -> tuple[bytes, str]:
        """The response body and its content type, chosen from an Accept header."""
        chosen = choose_accepted(accept, self.output.content_types)
        return self.output.encode(prediction, chosen), chosen


def decode(codec: Codec, body: Any, content_type: str | None) -> Any:
    """``body`` as a value of ``codec``; an absent content type means the native one.

    Raises UnsupportedMediaTypeError or CodecError.
    """
    wanted = media_type(content_type) if content_type else codec.content_types[0]
    if wanted not in codec.content_types and "*/*" not in codec.content_types:
        raise UnsupportedMediaTypeError(
            f"content type {content_type!r} is not supported. Send one of: {', '.join(codec.content_types)}."
        )
    try:
        data = body.encode("utf-8") if isinstance(body, str) else bytes(body)
    except UnicodeEncodeError:
        raise CodecError("the body holds a lone surrogate, which is not UTF-8.") from None
    return codec.decode(data, wanted)


def open_schema(path: str) -> Marshaller:
    """The schema in the JSON file at ``path``."""
    schema = json.loads(Path(path).read_text("utf-8"))
    return Marshaller(open_codec(schema["input"]), open_codec(schema["output"]))
