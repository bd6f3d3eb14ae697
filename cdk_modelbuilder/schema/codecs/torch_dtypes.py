"""The dtypes of torch: their names in the safetensors format, their limits, and casts that change no number."""

from __future__ import annotations

from typing import Any, Dict

import torch

from .nested_numbers import FLOAT32, NumberKind, whole_numbers
from .payload_errors import CodecError
from .safetensors_format import DTYPE_NAMES

PARTS_OF_COMPLEX = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
"""Complex dtypes and that of their real parts; those that safetensors has no name for are sent as such parts."""

DTYPES: Dict[str, Any] = {
    name: getattr(torch, name) for name in (*DTYPE_NAMES, *PARTS_OF_COMPLEX) if hasattr(torch, name)
}
_WITH_INFINITY = ("float16", "bfloat16", "float32", "float64", "float8_e5m2")


def dtype_name(dtype: Any) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).rsplit(".", 1)[-1]


def dtype_of(name: str) -> Any:
    """The dtype called so. Raises CodecError."""
    if name not in DTYPES:
        raise CodecError(
            f"torch {torch.__version__} has no dtype {name!r} that can be sent; known are {', '.join(DTYPES)}."
        )
    return DTYPES[name]


def kind_of(dtype: Any) -> NumberKind:
    """What the items of a tensor of ``dtype`` may be; for a complex one, the parts of its items."""
    name = dtype_name(dtype)
    name = PARTS_OF_COMPLEX.get(name, name)
    if name == "bool":
        return NumberKind("b")
    if name.lstrip("u").startswith("int"):
        return whole_numbers(int(name.rsplit("int", 1)[1]), signed=name[0] == "i")
    if name == "float32":
        return FLOAT32
    limits = torch.finfo(DTYPES[name])
    return NumberKind("f", limits.min, limits.max, name in _WITH_INFINITY)


def cast(tensor: Any, dtype: Any) -> Any:
    """``tensor`` as ``dtype``.

    Raises CodecError where ``dtype`` is of a narrower kind (a float for an int), or a whole number would become another
    one, or a number that ``dtype`` has none near to.
    """
    if tensor.dtype == dtype:
        return tensor
    if not torch.can_cast(tensor.dtype, dtype):
        raise CodecError(f"expected dtype {dtype_name(dtype)}, got {dtype_name(tensor.dtype)}.")
    target = kind_of(dtype)
    if tensor.is_complex():
        _check_range(torch.view_as_real(tensor), target)
    elif target.kind == "i":
        _check_whole(tensor, target)
    else:
        _check_range(tensor, target)
    return tensor.to(dtype)


def _check_whole(tensor: Any, target: NumberKind) -> None:
    if not tensor.numel():
        return
    if tensor.dtype == DTYPES.get("uint64"):
        wide = tensor.view(torch.int64)
        past = wide < 0  # what int64 has no number for
        if past.any():
            raise _beyond(tensor[past], target)
    else:
        wide = tensor.to(torch.int64)
    if int(wide.min()) < target.low or int(wide.max()) > target.high:
        raise _beyond(wide[(wide < max(target.low, -(2**63))) | (wide > min(target.high, 2**63 - 1))], target)


def _check_range(tensor: Any, target: NumberKind) -> None:
    source = kind_of(tensor.dtype)
    if source.low >= target.low and source.high <= target.high and source.has_infinity <= target.has_infinity:
        return
    wide = tensor.to(torch.float64)
    past = (wide < target.low) | (wide > target.high)
    if target.has_infinity:
        past &= ~torch.isinf(wide)
    if past.any():
        raise _beyond(wide[past], target)


def _beyond(odd: Any, target: NumberKind) -> CodecError:
    return CodecError(f"expected {target}, got {odd.flatten()[:1].tolist()[0]}.")
