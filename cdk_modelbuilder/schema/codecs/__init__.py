"""Codecs: how one family of Python types becomes bytes and comes back.

These files travel: the client uses them from the package, the container from the copy in the bundle's
``code/modelbuilder_runtime/codecs``. So they import the standard library, each other, and the library of the very data
they handle; and they run on Python 3.8 and newer.
"""

from __future__ import annotations

from .base import Codec
from .marshaller import Marshaller, decode, open_schema, open_schema_data
from .payload_errors import CodecError, NotAcceptableError, UnfitPredictionError, UnsupportedMediaTypeError
from .registry import CODEC_MODULES, codec_class, open_codec, register_codec

__all__ = [
    "CODEC_MODULES",
    "Codec",
    "CodecError",
    "Marshaller",
    "NotAcceptableError",
    "UnfitPredictionError",
    "UnsupportedMediaTypeError",
    "codec_class",
    "decode",
    "open_codec",
    "open_schema",
    "open_schema_data",
    "register_codec",
]
