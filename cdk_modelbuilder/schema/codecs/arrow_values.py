"""Single values of Arrow columns: as JSON values and CSV cells, and back into arrays."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import itertools
import math
from typing import Any, Dict, List

import pyarrow as pa
import pyarrow.compute as pc

from .number_schema import number_schema
from .payload_errors import CodecError, shown

_MINUTE = dt.timedelta(minutes=1)


def is_view(kind: Any) -> bool:
    """Whether it is the type of string views."""
    return hasattr(pa, "string_view") and bool(kind == pa.string_view())


def is_binary(kind: Any) -> bool:
    """Whether values of the type are bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def items_of(array: Any) -> List[Any]:
    """The items of an array as Python objects. Raises CodecError."""
    try:
        return array.to_pylist()  # type: ignore[no-any-return]
    except (OverflowError, ValueError) as error:  # a moment beyond the year 9999, an unknown time zone, no UTF-8
        raise CodecError(f"a column of {array.type} holds what Python has no value for: {error}.") from None


def plain_value(item: Any) -> Any:
    """An item of ``to_pylist()`` as a JSON value."""
    if isinstance(item, list):
        return [plain_value(inner) for inner in item]
    if isinstance(item, dict):
        return {name: plain_value(inner) for name, inner in item.items()}
    if isinstance(item, float) and math.isnan(item):
        return "NaN"  # null is something else here: a missing value
    if isinstance(item, bytes):
        return base64.b64encode(item).decode("ascii")
    if isinstance(item, decimal.Decimal):
        return str(item)
    if isinstance(item, dt.datetime) and item.tzinfo and item.utcoffset() % _MINUTE:  # type: ignore[operator]
        # As zones had them once; ISO 8601 has no form for seconds.
        item = item.astimezone(dt.timezone.utc)
    if hasattr(item, "isoformat") and not isinstance(item, dt.timedelta):
        return item.isoformat()
    if isinstance(item, dt.timedelta):
        return getattr(item, "value", None) if hasattr(item, "value") else _nanoseconds(item)
    return item


def _nanoseconds(item: dt.timedelta) -> int:
    return ((item.days * 86400 + item.seconds) * 1_000_000 + item.microseconds) * 1000


def array_of(values: List[Any], kind: Any) -> Any:
    """An Arrow array of ``kind`` from JSON values."""
    types = pa.types
    if types.is_dictionary(kind):
        return array_of(values, kind.value_type).dictionary_encode().cast(kind)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
        return _times(values, kind)
    if types.is_duration(kind):
        return _durations(values, kind)
    if types.is_decimal(kind):
        return pa.array([None if item is None else decimal.Decimal(str(item)) for item in values], kind)
    if is_binary(kind):
        _all_of(values, str)
        try:
            return pa.array([None if item is None else base64.b64decode(item, validate=True) for item in values], kind)
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from None
    if types.is_string(kind) or types.is_large_string(kind):
        _all_of(values, str)
    elif types.is_floating(kind) or types.is_integer(kind):
        return _numbers(values, kind)
    elif types.is_boolean(kind):
        _all_of(values, bool)
    elif types.is_struct(kind):
        return _structs(values, kind)
    elif types.is_nested(kind):
        return _lists(values, kind)
    return pa.array(values, kind)


def _structs(values: List[Any], kind: Any) -> Any:
    _all_of(values, dict)
    fields = [kind.field(number) for number in range(kind.num_fields)]
    columns = [
        array_of([None if item is None else item.get(field.name) for item in values], field.type) for field in fields
    ]
    return pa.StructArray.from_arrays(columns, fields=fields, mask=pa.array([item is None for item in values]))


def _lists(values: List[Any], kind: Any) -> Any:
    _all_of(values, list)
    items = array_of([item for inner in values if inner is not None for item in inner], kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        left = iter(items.to_pylist())
        return pa.array([None if inner is None else [next(left) for _ in inner] for inner in values], kind)
    ends = itertools.accumulate(len(inner or ()) for inner in values)
    starts = [0, *ends]
    offsets = [None if inner is None else start for inner, start in zip(values, starts)]  # noqa: B905 - one more start
    make = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    offset_type = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
    return make.from_arrays(pa.array([*offsets, starts[-1]], offset_type), items, type=kind)


def still_finite(source: Any, cast: Any) -> Any:
    """``cast``; ValueError where a finite number of ``source`` became an infinity in it, which no safe cast refuses."""
    found, given = cast, source
    while all(map(_is_list, (found.type, given.type))) and found.type != given.type:
        found, given = _items_inside(found), _items_inside(given)
    if pa.types.is_floating(found.type) and pa.types.is_floating(given.type):
        wide = [item.cast(pa.float64()) for item in (found, given)]
        if pc.any(pc.and_(pc.is_inf(wide[0]), pc.is_finite(wide[1]))).as_py():
            raise ValueError("a number is too large")
    return cast


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_nested(kind)) and not pa.types.is_struct(kind)


def _items_inside(array: Any) -> Any:
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return pa.chunked_array([chunk.flatten() for chunk in chunks], array.type.value_type)


def _numbers(values: List[Any], kind: Any) -> Any:
    values = [math.nan if item == "NaN" and pa.types.is_floating(kind) else item for item in values]
    if any(isinstance(item, (str, bool)) for item in values):
        raise ValueError("got text or truth values")
    if pa.types.is_integer(kind):
        values = [int(item) if isinstance(item, float) and item.is_integer() else item for item in values]
        return pa.array(values, kind)
    return still_finite(pa.array(values, pa.float64()), pa.array(values, kind))


def _times(values: List[Any], kind: Any) -> Any:
    _all_of(values, str)
    if pa.types.is_timestamp(kind):
        # The nearest type that text is read as; the cast refuses what is finer than the column's own unit.
        zone = "UTC" if kind.tz else None
        return pa.array(values, pa.string()).cast(pa.timestamp("ns" if kind.unit == "ns" else "us", zone)).cast(kind)
    if pa.types.is_date(kind):
        return pa.array([None if item is None else dt.date.fromisoformat(item[:10]) for item in values], kind)
    return pa.array([None if item is None else dt.time.fromisoformat(item) for item in values], kind)


def _durations(values: List[Any], kind: Any) -> Any:
    _all_of(values, int)
    unit = _UNITS[kind.unit]  # nanoseconds of the longest ones are beyond 64 bits
    if any(item % unit for item in values if item is not None):
        raise ValueError("got nanoseconds that are finer than the unit")
    return pa.array([None if item is None else item // unit for item in values], pa.int64()).cast(kind)


_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _all_of(values: List[Any], kind: type) -> None:
    odd = [item for item in values if item is not None and type(item) is not kind]
    if odd:
        raise ValueError(f"got {shown(odd[0])}")


def csv_cell(item: Any) -> Any:
    """A JSON value as the writer of CSV takes it."""
    return "" if item is None else {True: "true", False: "false"}[item] if isinstance(item, bool) else item


def cell_value(text: str, kind: Any) -> Any:
    """The JSON value in a cell of CSV; what does not fit is left as text, and refused later."""
    if text == "":
        return None
    if pa.types.is_dictionary(kind):
        return cell_value(text, kind.value_type)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False, "1": True, "0": False}.get(text.strip().lower(), text)
    if pa.types.is_integer(kind) or pa.types.is_duration(kind):
        return _whole_number(text)
    if pa.types.is_floating(kind):
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _whole_number(text: str) -> Any:
    try:
        number = decimal.Decimal(text) if len(text) < 100 else None
    except ArithmeticError:
        return text
    # "1.0" is a whole number as well; with an exponent, one might be of a billion digits.
    if number is None or not number.is_finite() or number.adjusted() > 40 or number != number.to_integral_value():
        return text
    return int(number)


def value_schema(kind: Any) -> Dict[str, Any]:
    """JSON Schema of one value."""
    types = pa.types
    if types.is_dictionary(kind):
        return value_schema(kind.value_type)
    if types.is_boolean(kind):
        return {"type": ["boolean", "null"]}
    if types.is_integer(kind):
        whole = number_schema("i" if types.is_signed_integer(kind) else "u", kind.bit_width // 8)
        return {**whole, "type": ["integer", "null"]}
    if types.is_floating(kind):
        number = {**number_schema("f", kind.bit_width // 8), "type": ["number", "null"]}
        return {"anyOf": [number, {"const": "NaN"}]}
    if types.is_duration(kind):
        return {"type": ["integer", "null"], "description": "nanoseconds"}
    if types.is_decimal(kind):
        return {"type": ["string", "null"], "description": f"decimal number, {kind.scale} places"}
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return {"type": ["object", "null"], "properties": {field.name: value_schema(field.type) for field in fields}}
    if types.is_nested(kind):
        return {"type": ["array", "null"], "items": value_schema(kind.value_type)}
    if types.is_null(kind):
        return {"type": "null"}
    if is_binary(kind):
        return {"type": ["string", "null"], "contentEncoding": "base64"}
    forms = {"timestamp": types.is_timestamp(kind), "date": types.is_date(kind), "time": types.is_time(kind)}
    form = next((name for name, fits in forms.items() if fits), None)
    return {"type": ["string", "null"], **({"description": f"ISO 8601 {form}"} if form else {})}


def example_value(kind: Any) -> Any:
    """Some JSON value of the type."""
    types = pa.types
    if types.is_dictionary(kind):
        return example_value(kind.value_type)
    if types.is_boolean(kind):
        return False
    if types.is_integer(kind) or types.is_floating(kind) or types.is_duration(kind):
        return 0
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    if types.is_timestamp(kind):
        return "2020-01-31T12:00:00" + ("+00:00" if kind.tz else "")
    return None
