"""The errors that a payload may meet.

CodecError                   400: a body that cannot be read, or a value that does not fit
├── UnsupportedMediaTypeError    415: the request's content type is none that is read
├── NotAcceptableError           406: the Accept header names nothing that can be written
└── UnfitPredictionError         500: what the model returned does not fit the output's schema
"""

from __future__ import annotations


class CodecError(ValueError):
    """A body that cannot be read, or a value that cannot be written; the message says what was expected.

    ``http_status`` is how a server answers it.
    """

    http_status = 400


class UnsupportedMediaTypeError(CodecError):
    """The request's content type is none that the codec reads."""

    http_status = 415


class NotAcceptableError(CodecError):
    """The Accept header names nothing that the codec writes."""

    http_status = 406


class UnfitPredictionError(CodecError):
    """The model returned something that the output's schema has no form for."""

    http_status = 500
