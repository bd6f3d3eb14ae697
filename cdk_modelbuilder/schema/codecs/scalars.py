"""Python's own values that JSON has no form for: dates and times, Decimal, UUID, complex numbers. As JSON text."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from typing import Any, Callable, ClassVar, Dict, NamedTuple, Optional

from .base import Codec
from .json_values import kind_of
from .payload_errors import CodecError

_DURATION = re.compile(r"(-?)PT(\d{1,16})(?:\.(\d{1,6}))?S")
_MAX_DIGITS = 4000


class _Kind(NamedTuple):
    """How one type is written, read, and described."""

    type: type
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    schema: Dict[str, Any]
    example: Any


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _from_iso(kind: Any) -> Callable[[Any], Any]:
    def read(text: Any) -> Any:
        return kind.fromisoformat(re.sub("Z$", "+00:00", text))  # Z is not read before Python 3.11

    return read


def _write_duration(value: dt.timedelta) -> str:
    micros = (value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds
    seconds, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}PT{seconds}" + (f".{rest:06d}" if rest else "") + "S"


def _read_duration(text: Any) -> dt.timedelta:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("no duration such as PT90S or PT0.5S")
    sign, seconds, fraction = found.groups()
    micros = int(seconds) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    whole, rest = divmod(-micros if sign else micros, 1_000_000)
    return dt.timedelta(seconds=whole, microseconds=rest)


def _read_decimal(plain: Any) -> decimal.Decimal:
    if isinstance(plain, bool) or not isinstance(plain, (str, int, float)) or len(str(plain)) > _MAX_DIGITS:
        raise TypeError("neither text nor a number")
    return decimal.Decimal(str(plain))


def _read_complex(plain: Any) -> complex:
    real, imaginary = (float("nan") if part is None else part for part in plain)
    if not all(isinstance(part, (int, float)) for part in (real, imaginary)):
        raise TypeError("no pair of numbers")
    return complex(real, imaginary)


_NOON = dt.datetime(2020, 1, 31, 12, tzinfo=dt.timezone.utc)
_KINDS = {
    "datetime": _Kind(dt.datetime, _iso, _from_iso(dt.datetime), {"format": "date-time"}, _NOON),
    "date": _Kind(dt.date, _iso, _from_iso(dt.date), {"format": "date"}, dt.date(2020, 1, 31)),
    "time": _Kind(dt.time, _iso, _from_iso(dt.time), {"format": "time"}, dt.time(12, 30)),
    "timedelta": _Kind(
        dt.timedelta, _write_duration, _read_duration, {"pattern": f"^{_DURATION.pattern}$"}, dt.timedelta(seconds=90)
    ),
    "decimal": _Kind(decimal.Decimal, str, _read_decimal, {}, decimal.Decimal("1.50")),
    "uuid": _Kind(uuid.UUID, str, uuid.UUID, {"format": "uuid"}, uuid.UUID(int=0)),
    "complex": _Kind(complex, lambda value: [value.real, value.imag], _read_complex, {}, 1j),
}


class ScalarCodec(Codec):
    """One value. A datetime keeps its offset from UTC, not the name of its zone."""

    name: ClassVar[str] = "scalar"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._kind = _KINDS[spec["kind"]]

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        for name, kind in _KINDS.items():
            if type(sample) is kind.type:
                return {"kind": name}
        if isinstance(sample, dt.datetime) and hasattr(sample, "to_pydatetime"):
            raise CodecError("a pandas Timestamp alone has no codec: send a Series, or timestamp.to_pydatetime().")
        return None

    def to_plain(self, value: Any) -> Any:
        return self._kind.write(self.checked(value))

    def from_plain(self, plain: Any) -> Any:
        try:
            return self._kind.read(plain)
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            got = repr(plain)[:100] if isinstance(plain, (str, int, float)) else f"a JSON {kind_of(plain)}"
            raise CodecError(f"expected a {self.spec['kind']}, got {got}.") from None

    def difference(self, value: Any) -> Optional[str]:
        fits = isinstance(value, self._kind.type)
        return None if fits else f"expected a {self.spec['kind']}, got {type(value).__name__}."

    def summary(self) -> str:
        return str(self.spec["kind"])

    def json_schema(self) -> Dict[str, Any]:
        if self.spec["kind"] == "complex":
            part = {"type": ["number", "boolean", "null"]}
            return {"type": "array", "items": part, "minItems": 2, "maxItems": 2}
        if self.spec["kind"] == "decimal":
            return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d{1,100}(\.\d{1,100})?$"}]}
        return {"type": "string", **self._kind.schema}

    def example(self) -> Any:
        return self._kind.example


CODEC = ScalarCodec
