"""The safetensors format: named tensors as raw bytes behind a JSON header. Reads without a copy, never runs anything.

Written to the published description of the format (huggingface/safetensors, "Format"): eight bytes with the header's
length (little-endian), the header as JSON, then the tensors' bytes, without holes. Held to the reference library in
``tests/schema``. A file of our own because a container would have to install the library for a hundred lines.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from .payload_errors import CodecError

CONTENT_TYPE = "application/x-safetensors"
MAX_HEADER = 1 << 20
MAX_AXES = 64
_METADATA = "__metadata__"

_NAMES = {
    8: "BOOL U8 I8 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ",
    16: "U16 I16 F16 BF16",
    32: "U32 I32 F32",
    64: "U64 I64 F64 C64",
}
DTYPE_NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "complex64": "C64",
}
"""Name of a dtype, as NumPy, ml_dtypes and torch have it -> its name in the format."""

ITEM_BITS = {name: bits for bits, names in _NAMES.items() for name in names.split()}
"""Name of a dtype in the format -> bits of an item. What has no name there goes as the real parts it is made of."""


@dataclass(frozen=True)
class RawTensor:
    """One tensor: dtype by its name in the format, shape, and its bytes (a buffer) in C order, little-endian."""

    dtype: str
    shape: Tuple[int, ...]
    data: Any


def write_safetensors(tensors: Mapping[str, RawTensor], metadata: Mapping[str, str]) -> bytearray:
    """``tensors`` in this format, in their order; one copy of their bytes."""
    header: Dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    start = 0
    parts: List[Any] = []
    for name, tensor in tensors.items():
        end = start + memoryview(tensor.data).nbytes
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
        parts.append(tensor.data)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return bytearray().join([len(text).to_bytes(8, "little"), text, *parts])


def read_safetensors(body: Any) -> Tuple[Dict[str, RawTensor], Dict[str, str]]:
    """The tensors in ``body``, whose data are views of it, and the metadata. Raises CodecError."""
    view = memoryview(body).cast("B")
    length = int.from_bytes(view[:8], "little")
    if len(view) < 8 or length > min(MAX_HEADER, len(view) - 8):
        raise CodecError("the body is not in the safetensors format: its header is cut short, or over 1 MiB.")
    try:
        header = json.loads(bytes(view[8 : 8 + length]).decode("utf-8"), object_pairs_hook=_without_repeats)
        metadata = header.pop(_METADATA, {})
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise ValueError("metadata is not text")
        tensors = _tensors(header, view[8 + length :])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CodecError(f"the body is not in the safetensors format: {error}.") from None
    return tensors, metadata


def _tensors(header: Mapping[str, Any], data: memoryview) -> Dict[str, RawTensor]:
    found: Dict[str, RawTensor] = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        start, stop = entry["data_offsets"]
        shape = entry["shape"]
        if len(shape) > MAX_AXES or not all(type(number) is int and number >= 0 for number in (start, stop, *shape)):
            raise ValueError(
                f"tensor {name!r} has over {MAX_AXES} axes, or an offset or a size that is no whole number"
            )
        if start != end or stop > len(data):
            raise ValueError(f"tensor {name!r} overlaps another, leaves a hole, or is cut short")
        bits = ITEM_BITS.get(entry["dtype"])
        if bits is None:
            raise ValueError(f"tensor {name!r} has dtype {entry['dtype']!r}; known are {', '.join(ITEM_BITS)}")
        if bits * math.prod(shape) != 8 * (stop - start):
            raise ValueError(f"tensor {name!r} has {stop - start} bytes, which do not make its shape {shape}")
        found[name] = RawTensor(entry["dtype"], tuple(shape), data[start:stop])
        end = stop
    if end != len(data):
        raise ValueError("there are bytes behind the last tensor")
    return {name: found[name] for name in header}


def _without_repeats(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found
