"""TensorFlow's tensors as NumPy arrays and back; ragged and sparse ones as the arrays they are made of, all checked."""

from __future__ import annotations

import base64
import binascii
from itertools import chain
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import tensorflow as tf

from .array_numbers import DTYPES, cast, dtype_of, from_lists, kind_of, to_lists
from .nested_numbers import NumberKind, flatten, shape_text, whole_numbers
from .payload_errors import CodecError

MAX_EMPTY_ROWS = 1 << 23
"""Rows that a sparse tensor may have beyond 64 a value."""

_TINY = {"int2": "int8", "int4": "int8", "uint2": "uint8", "uint4": "uint8"}
"""Whole numbers of less than a byte -> what they are sent as."""

_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


class ItemType:
    """The items of a tensor: numbers of one dtype, or byte strings, which have no form but JSON's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_text = name == "string"
        self.wire: Any = np.dtype(object) if self.is_text else dtype_of(_TINY.get(name, name))

    @staticmethod
    def is_known(name: str) -> bool:
        """Whether tensors of this dtype can be sent."""
        return name == "string" or _TINY.get(name, name) in DTYPES

    @property
    def kind(self) -> NumberKind:
        """What the numbers may be."""
        if self.name in _TINY:
            return whole_numbers(int(self.name[-1]), signed=self.name[0] == "i")
        return kind_of(self.wire)

    def fitted(self, array: Any) -> Any:
        """``array`` as the dtype that is sent. Raises CodecError."""
        if self.is_text:
            return array
        array = array.astype(_TINY[array.dtype.name]) if array.dtype.name in _TINY else array
        array = cast(array, self.wire)
        if self.name in _TINY and array.size:
            self.kind.values([int(array.min()), int(array.max())])
        return array

    def tensor(self, array: Any) -> Any:
        """The tensor of a fitted array."""
        dtype = tf.as_dtype(self.name)
        return tf.convert_to_tensor(array if self.is_text else array.astype(dtype.as_numpy_dtype, copy=False), dtype)

    def to_lists(self, array: Any) -> Any:
        """``array`` as nested lists of JSON's values."""
        return _texts(array.tolist()) if self.is_text else to_lists(array)

    def from_lists(self, plain: Any, shape: Sequence[Any]) -> Any:
        """The fitted array that nested lists hold. Raises CodecError."""
        if not self.is_text:
            return self.fitted(from_lists(plain, shape, self.wire))
        items, found = flatten(plain, shape)
        array = np.empty(len(items), object)
        array[:] = [_bytes_of(item) for item in items]
        return array.reshape(found)

    def schema(self) -> Dict[str, Any]:
        """JSON Schema of one item."""
        if self.is_text:
            coded = {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}
            whole = {"type": "object", "properties": {"b64": coded}, "required": ["b64"], "additionalProperties": False}
            return {"anyOf": [{"type": "string"}, whole]}
        item = self.kind.schema()
        if self.wire.kind != "c":
            return item
        return {"type": "array", "items": item, "minItems": 2, "maxItems": 2, "description": "[real, imaginary]"}


def array_of(tensor: Any) -> Any:
    """The array of an eager tensor or a variable; one of bytes objects for strings."""
    found = tensor.numpy()
    return np.array(found, dtype=object) if isinstance(found, bytes) else np.asarray(found)


def _texts(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_texts(item) for item in plain]
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(plain).decode("ascii")}


def _bytes_of(item: Any) -> bytes:
    try:
        if isinstance(item, str):
            return item.encode("utf-8")
        if isinstance(item, dict) and item.keys() == {"b64"} and isinstance(item["b64"], str):
            return base64.b64decode(item["b64"], validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        pass
    raise CodecError('expected text, or an object {"b64": "..."} with bytes in base64.')


def ragged_splits(plain: Any, rank: int) -> Tuple[List[Any], List[Any]]:
    """Nested lists of uneven lengths as the row splits of ``rank`` axes, outermost first, and the rows inside of them.

    Raises CodecError.
    """
    splits: List[Any] = []
    level, _ = flatten(plain, [None])
    for _ in range(rank):
        if not all(type(row) is list for row in level):
            raise CodecError(f"expected lists nested {rank + 1} deep, got something else on axis {len(splits) + 1}.")
        splits.append(np.cumsum([0, *map(len, level)], dtype="i8"))
        level = list(chain.from_iterable(level))
    return splits, level


def check_splits(splits: Sequence[Any], count: int) -> None:
    """CodecError unless each of the row splits, outermost first, rises from 0 to the rows of the next one."""
    ends = [*(len(inner) - 1 for inner in splits[1:]), count]
    for place, (split, end) in enumerate(zip(splits, ends)):  # noqa: B905 - Python 3.8
        if split.ndim != 1 or split.dtype not in (np.dtype("i4"), np.dtype("i8")) or not split.size:
            raise CodecError(f"expected row splits of dtype int32 or int64 on one axis, got {split.dtype}.")
        if split[0] != 0 or int(split[-1]) != end or (np.diff(split) < 0).any():
            raise CodecError(f"expected row splits {place} to rise from 0 to {end}.")


def sparse_tensor(indices: Any, values: Any, shape: Tuple[int, ...], items: ItemType) -> Any:
    """The sparse tensor, its indices checked. Raises CodecError."""
    if values.ndim != 1 or indices.shape != (len(values), len(shape)) or indices.dtype != np.dtype("i8"):
        raise CodecError(f"expected {len(shape)} indices (int64) for each value, got {shape_text(indices.shape)}.")
    if shape and shape[0] > MAX_EMPTY_ROWS + 64 * len(values):
        raise CodecError(f"{shape[0]} rows are too many for {len(values)} values.")
    if ((indices < 0) | (indices >= np.array(shape, "i8"))).any():
        raise CodecError(f"expected indices inside of shape {shape_text(shape)}.")
    return tf.SparseTensor(indices, items.tensor(values), shape)
