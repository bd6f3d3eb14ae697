"""JSON to tensors and back by the rules of TensorFlow Serving's REST API.

Source: tensorflow/serving, ``tensorflow_serving/util/json_tensor.cc``; https://www.tensorflow.org/tfx/serving/api_rest.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

_INTEGERS = {
    "int8": (-(1 << 31), (1 << 31) - 1),  # it checks all short ones as if they had 32 bits
    "int16": (-(1 << 31), (1 << 31) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint8": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
_NAMES = {"float32": "float", "float64": "double", "float16": "half"}
_WRITTEN = {*_INTEGERS, "float32", "float64", "bool", "string"}


class RestError(Exception):
    """An answer other than 200.

    Attributes:
        status: Its HTTP status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_order(document: Any, types: Mapping[str, str]) -> dict[str, Any]:
    """The values of a request's tensors, as nested lists of bare Python values.

    Args:
        document: The request, as JSON data.
        types: Name of each of the signature's inputs -> its dtype.

    Raises:
        RestError: The server would refuse it.
    """
    if "instances" in document and "inputs" in document:
        raise RestError(
            f"JSON Value: {_brief(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist "
        )
    if "instances" in document:
        return _by_rows(document["instances"], types)
    if "inputs" in document:
        return _by_columns(document["inputs"], types)
    raise RestError("Missing 'inputs' or 'instances' key")


def _by_columns(found: Any, types: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(found, dict) or _is_base64(found):
        if len(types) > 1:
            raise RestError(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        (name,) = types
        found = {name: found}
    missing = next((name for name in types if name not in found), None)
    if missing is not None:
        raise RestError(f"Missing named input: {missing} in 'inputs' object.")
    return {name: _values(found[name], dtype) for name, dtype in types.items()}


def _by_rows(rows: Any, types: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(rows, list) or not rows:
        what = "No values in 'instances' array" if rows == [] else "Expecting 'instances' to be an list/array"
        raise RestError(f"JSON Value: {_brief(rows)} {what}")
    named = isinstance(rows[0], dict) and not _is_base64(rows[0])
    if not named and len(types) > 1:
        raise RestError(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns: dict[str, list[Any]] = {name: [] for name in types}
    shapes: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        item = row if named else {next(iter(types)): row}
        if not isinstance(item, dict) or set(item) != set(types):
            raise RestError(
                f"Failed to process element: {place} of 'instances' list. JSON object: {_brief(row)} keys must be "
                f"equal to: {','.join(sorted(types))}"
            )
        for name, value in item.items():
            columns[name].append(_values(value, types[name]))
            if shapes.setdefault(name, _shape(value)) != _shape(value):
                raise RestError(
                    f"Failed to process element: {place} key: {name} of 'instances' list. Error: Expecting shape "
                    f"{_bracketed(shapes[name])} but got: {_bracketed(_shape(value))}"
                )
    return dict(columns)


def write_answer(outputs: Mapping[str, tuple[str, Any]], *, by_rows: bool) -> Any:
    """The answer as JSON data.

    Args:
        outputs: Name of each output -> its dtype and its nested lists.
        by_rows: Whether the request had ``instances``.

    Raises:
        RestError: JSON has no place for such a tensor.
    """
    plain = {}
    for name, (dtype, values) in outputs.items():
        if dtype not in _WRITTEN:
            raise RestError(f"Failed to write JSON value for tensor type: {_NAMES.get(dtype, dtype)}")
        plain[name] = _written(values, in_base64=name.endswith("_bytes"))
    alone = next(iter(plain.values())) if len(plain) == 1 else None
    if not by_rows:
        return {"outputs": plain if alone is None else alone}
    unbatched = next((name for name, values in plain.items() if not isinstance(values, list)), None)
    if unbatched is not None:
        raise RestError(f"Tensor name: {unbatched} has no shape information ")
    sizes = {len(values) for values in plain.values()}
    if len(sizes) > 1:
        raise RestError(f"The outputs have inconsistent batch sizes: {sorted(sizes)}")
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    return {"predictions": rows if alone is None else alone}


def _shape(value: Any) -> list[int]:
    """The lengths of the first list at each depth."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _bracketed(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _values(value: Any, dtype: str) -> Any:
    return _filled(value, dtype, _shape(value), 0)


def _filled(value: Any, dtype: str, shape: list[int], level: int) -> Any:
    if not isinstance(value, list):
        if level != len(shape):
            raise RestError(
                f"JSON Value: {_brief(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}"
            )
        return _leaf(value, dtype)
    if level >= len(shape):
        raise RestError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise RestError(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    return [_filled(item, dtype, shape, level + 1) for item in value]


def _leaf(value: Any, dtype: str) -> Any:
    if dtype not in _WRITTEN:
        raise RestError(f"Conversion of JSON Value: {_brief(value)} to type: {_NAMES.get(dtype, dtype)}", 501)
    if dtype == "string" and isinstance(value, dict):
        return _from_base64(value)
    low, high = _INTEGERS.get(dtype, (0, 0))
    fits = {
        "string": isinstance(value, str),
        "bool": isinstance(value, bool),
        "float32": isinstance(value, int | float) and not isinstance(value, bool),
        "float64": isinstance(value, int | float) and not isinstance(value, bool),
    }.get(dtype, isinstance(value, int) and not isinstance(value, bool) and low <= value <= high)
    if not fits:
        raise RestError(
            f"JSON Value: {_brief(value)} Type: {_kind(value)} is not of expected type: {_NAMES.get(dtype, dtype)}"
        )
    return value


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _from_base64(value: dict[str, Any]) -> bytes:
    if not _is_base64(value):
        raise RestError(f"JSON Value: {_brief(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except binascii.Error:
        raise RestError("Unable to base64 decode") from None


def _written(values: Any, *, in_base64: bool) -> Any:
    if isinstance(values, list):
        return [_written(value, in_base64=in_base64) for value in values]
    if isinstance(values, bytes):
        if in_base64:
            return {"b64": base64.b64encode(values).decode()}
        return values.decode("utf-8", "surrogateescape")  # the server writes bytes that are no text too
    return values


def _brief(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:256]


def _kind(value: Any) -> str:
    kinds = {bool: str(value), str: "String", dict: "Object", list: "Array", type(None): "Null"}
    return kinds.get(type(value), "Number")
