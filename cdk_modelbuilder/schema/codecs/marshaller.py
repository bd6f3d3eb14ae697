"""Both directions of a schema: what the client and the container do with payloads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Optional, Tuple

from .base import Codec
from .class_references import allow_shipped_code
from .negotiation import MediaType, as_utf8
from .payload_errors import CodecError, NotAcceptableError, UnfitPredictionError, UnsupportedMediaTypeError
from .registry import open_codec

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Marshaller:
    """Both directions of a schema, with content negotiation."""

    input: Codec
    output: Codec

    def encode_request(self, value: Any) -> Tuple[Any, str]:
        """Body and Content-Type of the request for ``value``, in the native content type.

        Raises CodecError, with words for the user, if ``value`` does not fit.
        """
        codec, chosen = self.input, self.input.content_types[0]
        body = codec.encode(codec.checked(value), chosen)
        return body, codec.label(chosen, body)

    def decode_request(self, body: Any, content_type: Optional[str]) -> Any:
        """The model's input from a request body (str, bytes, bytearray or memoryview)."""
        return decode(self.input, body, content_type)

    def encode_response(self, prediction: Any, accept: Optional[str]) -> Tuple[Any, str]:
        """The response body and its content type, chosen from an Accept header."""
        codec = self.output
        try:
            chosen = codec.choose(accept, codec.checked(prediction))
            body = codec.encode(prediction, chosen)
            return body, codec.label(chosen, body)
        except (NotAcceptableError, UnfitPredictionError):
            raise
        except CodecError as error:
            raise UnfitPredictionError(f"the model's prediction does not fit the output's schema: {error}") from error

    def stream_response(self, prediction: Any, accept: Optional[str]) -> Optional[Tuple[Iterator[bytes], str]]:
        """The pieces of a streamed response and their content type; None if the output is not a stream."""
        open_stream = getattr(self.output, "encode_stream", None)
        if open_stream is None:
            return None
        chosen = self.output.choose(accept, prediction)
        return open_stream(prediction, chosen), chosen

    @property
    def accept(self) -> str:
        """The Accept header for answers."""
        return ", ".join(self.output.content_types)

    def decode_response(self, body: Any, content_type: Optional[str]) -> Any:
        """The prediction in a response body; for a stream, the list of its items."""
        return decode(self.output, body, content_type)

    def decode_stream(self, chunks: Iterable[bytes], content_type: Optional[str]) -> Iterator[Any]:
        """The items of a streamed response, whatever the borders of its chunks; else the one value, at the end."""
        codec = self.output
        read_stream = getattr(codec, "decode_stream", None)
        if read_stream is None:
            yield decode(codec, bytearray().join(chunks), content_type)
        else:
            yield from read_stream(chunks, supported_type(codec, content_type))


def decode(codec: Codec, body: Any, content_type: Optional[str]) -> Any:
    """``body`` as a value of ``codec``; an absent content type means the native one.

    Raises UnsupportedMediaTypeError or CodecError.
    """
    wanted = supported_type(codec, content_type)
    try:
        data = body.encode("utf-8") if isinstance(body, str) else as_utf8(body, wanted)
    except UnicodeEncodeError:
        raise CodecError("the body holds a lone surrogate, which is not UTF-8.") from None
    return codec.decode(data, wanted)


def supported_type(codec: Codec, content_type: Optional[str]) -> MediaType:
    """The media type of a Content-Type header; CodecError if ``codec`` does not read it."""
    wanted = MediaType.parse(content_type or codec.content_types[0])
    if wanted not in codec.content_types and "*/*" not in codec.content_types:
        raise UnsupportedMediaTypeError(
            f"content type {content_type!r} is not supported. Send one of: {', '.join(codec.content_types)}."
        )
    return wanted


def open_schema_data(
    schema: Mapping[str, Any], *, input_translator: Any = None, output_translator: Any = None
) -> Marshaller:
    """The marshaller for ``schema.json`` as plain data.

    Args:
        schema: The data.
        input_translator: Where the input is translated by a class of the user: an instance of it, if its module is not
            to be had here.
        output_translator: The same for the output.

    Raises CodecError.
    """
    if schema.get("format_version") != SCHEMA_VERSION:
        raise CodecError(
            f"schema.json has format version {schema.get('format_version')!r}; this version reads {SCHEMA_VERSION}. "
            "Build the bundle again, or use the version of cdk-modelbuilder that made it."
        )
    try:
        return _opened(schema, input_translator, output_translator)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"schema.json is malformed: {type(error).__name__}: {error}.") from None


def _opened(schema: Mapping[str, Any], input_translator: Any, output_translator: Any) -> Marshaller:
    codecs = []
    for direction, translator in (("input", input_translator), ("output", output_translator)):
        description = schema[direction]
        if translator is not None and description["codec"] != "translator":
            raise CodecError(f"{direction}_translator was given, but the schema's {direction} is no translator's.")
        codec = open_codec(description)
        if translator is not None:
            codec.use(translator)  # type: ignore[attr-defined]
        codecs.append(codec)
    return Marshaller(*codecs)


def open_schema(path: str) -> Marshaller:
    """The schema in the JSON file at ``path``, which lies in a verified model folder."""
    allow_shipped_code()
    return open_schema_data(json.loads(Path(path).read_text("utf-8")))
