"""The errors that a payload may meet.

CodecError                   400: a body that cannot be read, or a value that does not fit
├── UnsupportedMediaTypeError    415: the request's content type is none that is read
├── NotAcceptableError           406: the Accept header names nothing that can be written
└── UnfitPredictionError         500: what the model returned does not fit the output's schema
"""

from __future__ import annotations

import reprlib
from typing import Any, Sequence

_LONGEST = 100
_MOST_NAMES = 20


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


def _made_short() -> reprlib.Repr:
    made = reprlib.Repr()
    made.maxstring = made.maxother = made.maxlong = 80
    made.maxlist = made.maxtuple = made.maxdict = 20
    made.maxlevel = 3
    return made


_SHORT = _made_short()


def shown(value: Any) -> str:
    """``value`` for a message: its repr, about 100 characters at most, whatever a stranger has sent."""
    text = _SHORT.repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def listed(values: Sequence[Any]) -> str:
    """The first of ``values`` for a message, and how many more there are."""
    more = f", ... {len(values) - _MOST_NAMES} more" if len(values) > _MOST_NAMES else ""
    return f"[{', '.join(map(shown, values[:_MOST_NAMES]))}{more}]"
