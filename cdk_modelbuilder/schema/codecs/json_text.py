"""Strict JSON both ways: never NaN or Infinity as bare words, never a RecursionError, never another number.

orjson is used where it is installed and gives what the standard library would; else, and to word errors, the standard
library is. A container without orjson therefore answers the same values, more slowly; float32 has more digits there.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from .collector_pause import collector_paused
from .payload_errors import CodecError

try:
    import orjson
except ImportError:  # a container that does not bring it
    orjson = None  # type: ignore[assignment]

_DIGITS_AND_POINTS = bytes(48 if 48 <= byte <= 57 else 46 if byte == 46 else 32 for byte in range(256))
_MANY_BYTES = 1 << 20
_LONG_NUMBER = b"0" * 19
"""From 19 digits on, orjson reads an integer as a float."""


def read_json(body: Any) -> Any:
    """The JSON value in ``body`` (bytes-like). Raises CodecError with the position of the fault."""
    if orjson is not None:
        data = body if isinstance(body, (bytes, bytearray)) else bytes(body)
        if not _has_long_integer(data):
            try:
                if len(data) < _MANY_BYTES:
                    return orjson.loads(data)
                with collector_paused():
                    return orjson.loads(data)
            except ValueError:
                pass  # the standard library decides, and words the error
    try:
        return json.loads(bytes(body).decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise CodecError(f"the body is not UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise CodecError("the JSON is nested too deeply.") from None
    except ValueError as error:
        raise CodecError(f"the body is not valid JSON: {error}.") from None


def _has_long_integer(data: Any) -> bool:
    """Whether there may be one. A fraction may have 19 digits, and often has: 0.012345678901234567."""
    digits = data.translate(_DIGITS_AND_POINTS)
    found = digits.count(_LONG_NUMBER)
    return bool(found) and found != digits.count(b"." + _LONG_NUMBER)


def write_json(value: Any) -> bytes:
    """``value`` as compact JSON. NaN becomes null; an infinity becomes 1e999, which every reader takes for one."""
    if orjson is not None:
        try:
            text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
        except (TypeError, ValueError, RecursionError):
            pass  # a long integer, a lone surrogate, a key that is no text: the standard library decides
        else:
            if b"null" not in text:  # orjson writes null for an infinity
                return text
    try:
        try:
            written = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)
        except ValueError:
            written = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=_plain)
            written = written.replace(f'"{_INFINITE}"', "1e999").replace(f'"-{_INFINITE}"', "-1e999")
        return written.encode("utf-8")
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError) as error:
        raise CodecError(f"the value cannot be written as JSON: {error}.") from None


def write_array(array: Any) -> Any:
    """A NumPy array of plain numbers as JSON, nested lists; None where only :func:`write_json` can."""
    if orjson is None or not array.ndim or not array.dtype.isnative or array.dtype.kind not in "biuf":
        return None
    numpy = sys.modules["numpy"]
    if array.dtype.itemsize > 8 or (array.dtype.kind == "f" and numpy.isinf(array).any()):
        return None
    try:
        return orjson.dumps(numpy.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # a dtype that this version of orjson does not know
        return None


_INFINITE = "\ue000infinity\ue000"  # private-use characters: no user text looks like it


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return _INFINITE if value > 0 else "-" + _INFINITE
        return value
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy and its kin
        return value.tolist()
    raise TypeError(f"an object of type {type(value).__name__} has no JSON form")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON; send null")
