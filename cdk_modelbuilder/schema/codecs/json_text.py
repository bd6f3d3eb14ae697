"""Strict JSON both ways: never NaN or Infinity as bare words, never a RecursionError."""

from __future__ import annotations

import json
import math
from typing import Any

from .base import CodecError


def read_json(body: bytes) -> Any:
    """The JSON value in ``body``. Raises CodecError with the position of the fault."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise CodecError(f"the body is not UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise CodecError("the JSON is nested too deeply.") from None
    except ValueError as error:
        raise CodecError(f"the body is not valid JSON: {error}.") from None


def write_json(value: Any) -> bytes:
    """``value`` as compact JSON. NaN becomes null; an infinity becomes 1e999, which every reader takes for one."""
    try:
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)
        except ValueError:
            text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=_plain)
            text = text.replace(f'"{_INFINITE}"', "1e999").replace(f'"-{_INFINITE}"', "-1e999")
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError) as error:
        raise CodecError(f"the value cannot be written as JSON: {error}.") from None


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
