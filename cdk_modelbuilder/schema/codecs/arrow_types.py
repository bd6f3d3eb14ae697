"""Arrow types as plain data for ``schema.json``, and back."""

from __future__ import annotations

import re
from typing import Any, Dict, Union

import pyarrow as pa

from .payload_errors import CodecError

Described = Union[str, Dict[str, Any]]

_PLAIN: Dict[str, Any] = {
    str(kind): kind
    for kind in (
        *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(), pa.null()),
        *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    )
}
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")


def describe_type(kind: Any) -> Described:
    """Plain data for an Arrow type. Raises CodecError for one that is not sent."""
    types = pa.types
    if str(kind) in _PLAIN or _ZONED.fullmatch(str(kind)):
        return str(kind)
    if hasattr(pa, "string_view") and kind in (pa.string_view(), pa.binary_view()):
        return "large_string" if kind == pa.string_view() else "large_binary"
    if types.is_decimal(kind):
        return {"decimal": kind.bit_width, "precision": kind.precision, "scale": kind.scale}
    if types.is_fixed_size_binary(kind):
        return {"fixed_size_binary": kind.byte_width}
    if types.is_dictionary(kind):
        return {"dictionary": describe_type(kind.value_type), "index": str(kind.index_type), "ordered": kind.ordered}
    if types.is_list(kind) or types.is_large_list(kind):
        return {"list" if types.is_list(kind) else "large_list": describe_type(kind.value_type)}
    if types.is_fixed_size_list(kind):
        return {"fixed_size_list": describe_type(kind.value_type), "size": kind.list_size}
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return {"struct": [[field.name, describe_type(field.type)] for field in fields]}
    raise CodecError(f"the Arrow type {kind} has no codec: cast the column to another.")


def open_type(described: Described) -> Any:
    """The Arrow type behind :func:`describe_type`'s data."""
    if isinstance(described, str):
        zoned = _ZONED.fullmatch(described)
        return pa.timestamp(zoned.group(1), zoned.group(2)) if zoned else _PLAIN[described]
    if "decimal" in described:
        make = pa.decimal256 if described["decimal"] == 256 else pa.decimal128
        return make(described["precision"], described["scale"])
    if "fixed_size_binary" in described:
        return pa.binary(described["fixed_size_binary"])
    if "dictionary" in described:
        return pa.dictionary(_PLAIN[described["index"]], open_type(described["dictionary"]), described["ordered"])
    if "fixed_size_list" in described:
        return pa.list_(open_type(described["fixed_size_list"]), described["size"])
    if "struct" in described:
        return pa.struct([pa.field(name, open_type(inner)) for name, inner in described["struct"]])
    if "list" in described:
        return pa.list_(open_type(described["list"]))
    return pa.large_list(open_type(described["large_list"]))
