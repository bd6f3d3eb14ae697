"""Dense tensors and the bytes they are made of, with as few copies as can be and without NumPy."""

from __future__ import annotations

import ctypes
from typing import Any, Dict, Mapping, Tuple

import torch

from .payload_errors import CodecError
from .safetensors_format import DTYPE_NAMES, RawTensor, read_safetensors, write_safetensors
from .torch_dtypes import DTYPES, PARTS_OF_COMPLEX, dtype_name

_NAMED = {short: name for name, short in DTYPE_NAMES.items()}
_COMPLEX_KEY = "complex"
"""Metadata: names of the tensors, with spaces between, whose last axis is a real and an imaginary part."""


def in_memory(tensor: Any) -> Any:
    """``tensor`` as a plain one in this process's memory: detached, contiguous, no lazy conjugate, no subclass."""
    tensor = tensor.detach()
    if type(tensor) is not torch.Tensor:
        tensor = tensor.as_subclass(torch.Tensor)
    if tensor.is_mkldnn:
        tensor = tensor.to_dense()
    if tensor.device.type != "cpu":
        tensor = tensor.cpu()
    if tensor.layout != torch.strided:
        return tensor
    return tensor.resolve_conj().resolve_neg().contiguous()


def write_tensors(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> bytearray:
    """Tensors from :func:`in_memory` in the safetensors format."""
    raw = {}
    in_parts = []
    for name, tensor in tensors.items():
        dtype, stored = dtype_name(tensor.dtype), tensor
        if dtype not in DTYPE_NAMES:
            dtype, stored = PARTS_OF_COMPLEX[dtype], torch.view_as_real(tensor)
            in_parts.append(name)
        size = stored.numel() * stored.element_size()
        data = (ctypes.c_char * size).from_address(stored.data_ptr()) if size else b""
        raw[name] = RawTensor(DTYPE_NAMES[dtype], tuple(stored.shape), data)
    return write_safetensors(raw, {**metadata, _COMPLEX_KEY: " ".join(in_parts)} if in_parts else metadata)


def read_tensors(body: Any) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """The tensors in a body in the safetensors format, views of it if it can be written to. Raises CodecError."""
    raw, metadata = read_safetensors(body)
    in_parts = metadata.get(_COMPLEX_KEY, "").split()
    return {name: _tensor_of(item, in_parts=name in in_parts) for name, item in raw.items()}, metadata


def _tensor_of(raw: RawTensor, *, in_parts: bool) -> Any:
    dtype = DTYPES.get(_NAMED[raw.dtype])
    if dtype is None:
        raise CodecError(f"torch {torch.__version__} has no dtype for {raw.dtype}.")
    tensor = tensor_from(raw.data, dtype, raw.shape)
    if not in_parts:
        return tensor
    if raw.dtype not in ("F16", "F32", "F64") or raw.shape[-1:] != (2,):
        raise CodecError(f"expected pairs of a real and an imaginary part, got {raw.dtype} of shape {raw.shape}.")
    return torch.view_as_complex(tensor)


def tensor_from(data: Any, dtype: Any, shape: Any) -> Any:
    """The C-ordered tensor whose bytes are ``data``; a view if they can be written to. Raises CodecError."""
    try:
        if not len(data):
            return torch.empty(shape, dtype=dtype)
        flat = torch.frombuffer(bytearray(data) if data.readonly else data, dtype=dtype)
    except (RuntimeError, ValueError, TypeError, OverflowError):
        raise CodecError(f"torch has no tensors of shape {tuple(shape)}.") from None
    if dtype == torch.bool and int(flat.view(torch.uint8).max()) > 1:
        raise CodecError("expected truth values, each a byte of 0 or 1, got another byte.")
    if flat.data_ptr() % flat.element_size():  # inside of a larger body; not every processor reads such numbers
        flat = flat.clone()
    return flat.reshape(shape)
