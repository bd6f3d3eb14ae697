"""What is in a safetensors file, from its header alone: no weight is read.

Source of the format: huggingface/safetensors, README.md: eight bytes with the header's length (little-endian), a JSON
object ``{name: {"dtype", "shape", "data_offsets"}}``, then the data without gaps.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError

_LONGEST_HEADER = 100_000_000  # the limit of the reference implementation
_BITS = (
    dict.fromkeys(("F64", "I64", "U64", "C64"), 64)
    | dict.fromkeys(("F32", "I32", "U32"), 32)
    | dict.fromkeys(("F16", "BF16", "I16", "U16"), 16)
    | dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8)
    | {"F6_E2M3": 6, "F6_E3M2": 6, "F4": 4}
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file.

    Attributes:
        name: As the file has it.
        dtype: Such as ``BF16``.
        shape: Its dimensions.
        size: In bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int

    @property
    def elements(self) -> int:
        """How many numbers it has; packed ones count as one."""
        return math.prod(self.shape)


def read_header(path: Path) -> tuple[Tensor, ...]:
    """The tensors of a file, in the file's order of names.

    Raises:
        ModelError: It is no safetensors file, or its size is not what the header says (a broken download).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise _broken(path, f"its header would have {length} bytes and the file has {size}")
        raw = file.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _broken(path, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise _broken(path, "its header is no JSON object")
    spans: list[tuple[int, int]] = []
    tensors = [_tensor(path, name, entry, spans) for name, entry in sorted(header.items()) if name != "__metadata__"]
    end = 0
    for begin, stop in sorted(spans):
        if begin != end:
            raise _broken(path, f"its data has a gap or an overlap at byte {begin}")
        end = stop
    if 8 + length + end != size:
        raise _broken(path, f"the header describes {8 + length + end} bytes and the file has {size}")
    return tuple(tensors)


def _tensor(path: Path, name: str, entry: Any, spans: list[tuple[int, int]]) -> Tensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        numbers = (begin, end, *shape)
        sound = isinstance(dtype, str) and all(type(number) is int and number >= 0 for number in numbers)
    except (TypeError, ValueError, KeyError) as error:
        raise _broken(path, f"tensor {name!r} lacks dtype, shape or data_offsets") from error
    if not sound or dtype not in _BITS:
        raise _broken(path, f"tensor {name!r} has dtype {dtype!r}, shape {shape} and offsets {begin}, {end}")
    needed = math.prod(shape) * _BITS[dtype]
    if needed != 8 * (end - begin):
        raise _broken(path, f"tensor {name!r} has {end - begin} bytes where {dtype} of {shape} takes {needed // 8}")
    spans.append((begin, end))
    return Tensor(name, dtype, shape, end - begin)


def _broken(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} is no whole safetensors file: {why}.",
        remedy="Get or save the file again; a download that broke off leaves a shorter one.",
    )
