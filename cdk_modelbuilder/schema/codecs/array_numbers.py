"""NumPy arrays of numbers, as parts of other libraries' values: limits, careful casts, nested lists, safetensors.

With ``ml_dtypes`` also the small floats that TensorFlow has from there.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from .nested_numbers import FLOAT32, NumberKind, flatten, whole_numbers
from .npy_format import array_from, bytes_of
from .payload_errors import CodecError
from .safetensors_format import DTYPE_NAMES, RawTensor, read_safetensors, write_safetensors

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None  # type: ignore[assignment, unused-ignore]

_SMALL_FLOATS = tuple(name for name in DTYPE_NAMES if name.startswith(("bfloat", "float8")))
_WITH_INFINITY = ("bfloat16", "float8_e5m2")
_RANKS = {"b": 0, "i": 1, "f": 2, "c": 3}
_COMPLEX_KEY = "complex"
"""Metadata: names of the arrays, with spaces between, whose last axis is a real and an imaginary part."""

DTYPES: Dict[str, Any] = {
    name: np.dtype(name) for name in (*(name for name in DTYPE_NAMES if name not in _SMALL_FLOATS), "complex128")
}
if ml_dtypes is not None:
    DTYPES.update((name, np.dtype(getattr(ml_dtypes, name))) for name in _SMALL_FLOATS if hasattr(ml_dtypes, name))
_NAMED = {short: name for name, short in DTYPE_NAMES.items()}


def dtype_of(name: str) -> Any:
    """The dtype called so. Raises CodecError."""
    if name not in DTYPES:
        raise CodecError(f"{name} is no dtype that can be sent here; known are {', '.join(DTYPES)}.")
    return DTYPES[name]


def kind_of(dtype: Any) -> NumberKind:
    """What the items of an array of ``dtype`` may be; for a complex one, the parts of its items."""
    if dtype.kind == "b":
        return NumberKind("b")
    if dtype.kind in "iu":
        return whole_numbers(8 * dtype.itemsize, signed=dtype.kind == "i")
    if dtype.name in ("float32", "complex64"):
        return FLOAT32
    if dtype.name in _SMALL_FLOATS:
        limits = ml_dtypes.finfo(dtype)
        return NumberKind("f", float(limits.min), float(limits.max), dtype.name in _WITH_INFINITY)
    limits = np.finfo(dtype)
    return NumberKind("f", float(limits.min), float(limits.max), True)


def is_castable(source: Any, target: Any) -> bool:
    """Whether arrays of ``source`` may be taken for ``target``: numbers of a kind that is no wider."""
    if source == target:
        return True
    if source.name not in DTYPES or target.kind == "b":
        return False
    return _rank(source) <= _rank(target)


def cast(array: Any, dtype: Any) -> Any:
    """``array`` as ``dtype``.

    Raises CodecError where ``dtype`` is of a narrower kind (a float for an int), or a whole number would become another
    one, or a number that ``dtype`` has none near to.
    """
    if array.dtype == dtype:
        return array if array.dtype.isnative else array.astype(dtype.newbyteorder("="))
    if not is_castable(array.dtype, dtype):
        raise CodecError(f"expected dtype {dtype.name}, got {array.dtype}.")
    source, target = kind_of(array.dtype), kind_of(dtype)
    within = source.low >= target.low and source.high <= target.high and source.has_infinity <= target.has_infinity
    if array.size and not within:
        parts = array.view(f"f{array.dtype.itemsize // 2}") if array.dtype.kind == "c" else array
        _check_range(parts if source.kind in "bi" else parts.astype("f8"), target)
    return array.astype(dtype)


def _check_range(numbers: Any, target: NumberKind) -> None:
    if numbers.dtype.kind in "biu":
        extremes = (int(numbers.min()), int(numbers.max()))
        odd = [number for number in extremes if not target.low <= number <= target.high]
    else:
        past = (numbers < target.low) | (numbers > target.high)
        odd = numbers[past & ~np.isinf(numbers) if target.has_infinity else past][:1].tolist()
    if odd:
        raise CodecError(f"expected {target}, got {odd[0]}.")


def _rank(dtype: Any) -> int:
    return _RANKS["c" if dtype.kind == "c" else kind_of(dtype).kind]


def to_lists(array: Any) -> Any:
    """``array`` as nested lists of numbers; a complex one with pairs of its parts."""
    if array.dtype.kind == "c":
        return _in_parts(array).tolist()
    return (array.astype("f8") if array.dtype.name in _SMALL_FLOATS else array).tolist()


def from_lists(plain: Any, shape: Sequence[Optional[int]], dtype: Any) -> Any:
    """The array of ``dtype`` that nested lists of ``shape`` (None: any size) hold. Raises CodecError."""
    return from_items(*flatten(plain, [*shape, 2] if dtype.kind == "c" else shape), dtype)


def from_items(items: List[Any], shape: Sequence[int], dtype: Any) -> Any:
    """The array of ``dtype`` with ``items`` in C order; for a complex one, its parts. Raises CodecError."""
    kind = kind_of(dtype)
    values = kind.values(items)
    if kind.kind != "f":
        return np.array(values, dtype=dtype).reshape(shape)
    part = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    array = np.array(values, dtype="f8").astype(part, copy=False).reshape(shape)
    return array.view(dtype).reshape(shape[:-1]) if dtype.kind == "c" else array


def write_arrays(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> bytearray:
    """``arrays`` in the safetensors format."""
    raw: Dict[str, RawTensor] = {}
    in_parts: List[str] = []
    for name, array in arrays.items():
        stored = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype.name == "complex128":
            stored = _in_parts(stored)
            in_parts.append(name)
        raw[name] = RawTensor(DTYPE_NAMES[stored.dtype.name], stored.shape, bytes_of(stored))
    return write_safetensors(raw, {**metadata, _COMPLEX_KEY: " ".join(in_parts)} if in_parts else metadata)


def read_arrays(body: Any) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """The arrays in a body in the safetensors format, views of it if it can be written to. Raises CodecError."""
    raw, metadata = read_safetensors(body)
    in_parts = metadata.get(_COMPLEX_KEY, "").split()
    return {name: _array_of(item, in_parts=name in in_parts) for name, item in raw.items()}, metadata


def _array_of(raw: RawTensor, *, in_parts: bool) -> Any:
    dtype = dtype_of(_NAMED[raw.dtype])
    try:
        array = array_from(raw.data, dtype, raw.shape)
    except (ValueError, OverflowError, MemoryError):
        raise CodecError(f"NumPy has no arrays of shape {raw.shape}.") from None
    if not array.flags.aligned:  # inside of a larger body
        array = array.copy()
    if not in_parts:
        return array
    if raw.dtype not in ("F32", "F64") or raw.shape[-1:] != (2,):
        raise CodecError(f"expected pairs of a real and an imaginary part, got {raw.dtype} of shape {raw.shape}.")
    return array.view(f"c{2 * dtype.itemsize}").reshape(raw.shape[:-1])


def _in_parts(array: Any) -> Any:
    return np.ascontiguousarray(array).reshape(*array.shape, 1).view(f"f{array.dtype.itemsize // 2}")
