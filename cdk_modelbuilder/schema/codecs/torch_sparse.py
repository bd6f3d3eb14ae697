"""Sparse tensors of torch as the dense ones they are made of, and back: no index is believed before it is checked."""

from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch

from .nested_numbers import shape_text
from .payload_errors import CodecError
from .torch_memory import in_memory

INDEX_NAMES = {
    "sparse_coo": ("indices",),
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}
"""Layout -> names of the index tensors; those of the compressed layouts: the compressed one, the plain one."""

MAX_EMPTY_ROWS = 1 << 23
"""Rows that a COO tensor may have beyond 64 a value: 64 MiB as the row pointers of a compressed layout."""


class SparseParts(NamedTuple):
    """What a sparse tensor is made of; ``is_coalesced`` is of COO alone."""

    size: Tuple[int, ...]
    indices: Tuple[Any, ...]
    values: Any
    is_coalesced: bool = False


def layout_name(tensor: Any) -> str:
    """``sparse_coo`` for ``torch.sparse_coo``."""
    return str(tensor.layout).rsplit(".", 1)[-1]


def describe_sparse(tensor: Any) -> Dict[str, Any]:
    """What a spec says of a sparse tensor beyond dtype and shape."""
    layout = layout_name(tensor)
    if layout == "sparse_coo":
        return {"layout": layout, "dense_dim": tensor.dense_dim()}
    found: Dict[str, Any] = {
        "layout": layout,
        "dense_dim": tensor.dense_dim(),
        "index_dtype": str(tensor.col_indices().dtype if layout[-1] == "r" else tensor.row_indices().dtype)[6:],
    }
    if layout in ("sparse_bsr", "sparse_bsc"):
        start = tensor.values().ndim - tensor.dense_dim() - 2
        found["blocksize"] = list(tensor.values().shape[start : start + 2])
    return found


def parts_of(tensor: Any) -> SparseParts:
    """What ``tensor`` is made of, as dense tensors in memory."""
    layout = layout_name(tensor)
    size = tuple(tensor.shape)
    if layout == "sparse_coo":
        # The public accessors refuse, or sort and sum, what is not coalesced.
        indices, values = tensor._indices(), tensor._values()  # noqa: SLF001
        return SparseParts(size, (in_memory(indices),), in_memory(values), tensor.is_coalesced())
    indices = tuple(in_memory(getattr(tensor, name)()) for name in INDEX_NAMES[layout])
    return SparseParts(size, indices, in_memory(tensor.values()))


def tensor_of_parts(parts: SparseParts, spec: Dict[str, Any]) -> Any:
    """The sparse tensor, its indices checked. Raises CodecError."""
    layout = spec["layout"]
    size = parts.size
    if math.prod(size) >= 1 << 63:
        raise CodecError(f"torch has no sparse tensors of shape {shape_text(size)}: they would have too many items.")
    wanted = getattr(torch, spec.get("index_dtype", "int64"))
    for index in parts.indices:
        if index.dtype not in (torch.int64, torch.int32):
            raise CodecError(f"expected indices of dtype {wanted}, got {index.dtype}.")
    indices = [index.to(wanted) for index in parts.indices]
    _check_shapes(parts, spec)
    try:
        if layout == "sparse_coo":
            if size and size[0] > MAX_EMPTY_ROWS + 64 * len(parts.values):
                raise CodecError(f"{size[0]} rows are too many for {len(parts.values)} values.")
            claims = {"is_coalesced": True} if parts.is_coalesced else {}
            return torch.sparse_coo_tensor(indices[0], parts.values, size, check_invariants=True, **claims)
        kind = getattr(torch, layout)
        return torch.sparse_compressed_tensor(*indices, parts.values, size, layout=kind, check_invariants=True)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = str(error).splitlines()[0][:300]
        raise CodecError(f"the parts make no {layout} tensor of shape {shape_text(size)}: {reason}.") from None


def _check_shapes(parts: SparseParts, spec: Dict[str, Any]) -> None:
    size, dense = parts.size, spec["dense_dim"]
    outer = len(size) - dense
    inner = tuple(size[outer:])
    if spec["layout"] == "sparse_coo":
        index = parts.indices[0]
        count = index.shape[-1] if index.ndim else 0
        expected: List[Tuple[Any, ...]] = [(outer, count)]
        values: Tuple[int, ...] = (count, *inner)
    else:
        batch = tuple(size[: outer - 2])
        count = parts.indices[1].shape[-1] if parts.indices[1].ndim else 0
        block = tuple(spec.get("blocksize", ()))
        rows = size[outer - 2 if spec["layout"][-1] == "r" else outer - 1]
        step = block[0 if spec["layout"][-1] == "r" else 1] if block else 1
        expected = [(*batch, rows // max(step, 1) + 1), (*batch, count)]
        values = (*batch, count, *block, *inner)
    names = (*INDEX_NAMES[spec["layout"]], "values")
    for name, part, shape in zip(names, (*parts.indices, parts.values), (*expected, values)):  # noqa: B905 - Python 3.8
        if tuple(part.shape) != shape:
            raise CodecError(f"expected {name} of shape {shape_text(shape)}, got {shape_text(tuple(part.shape))}.")


def empty_sparse(spec: Dict[str, Any], dtype: Any) -> Any:
    """A sparse tensor without a value that fits ``spec``."""
    layout, dense, block = spec["layout"], spec["dense_dim"], spec.get("blocksize", ())
    shape: List[Optional[int]] = spec["shape"]
    outer = len(shape) - dense
    # One row; where blocks are rows, one block of them.
    first = block[0] if block and outer == 2 else 1
    size = tuple(first if axis is None else axis for axis in shape)
    inner = size[outer:]
    if layout == "sparse_coo":
        indices: Tuple[Any, ...] = (torch.empty((outer, 0), dtype=torch.int64),)
        return tensor_of_parts(SparseParts(size, indices, torch.empty((0, *inner), dtype=dtype)), spec)
    batch = size[: outer - 2]
    by_row = layout[-1] == "r"
    rows = size[outer - 2 if by_row else outer - 1] // (block[0 if by_row else 1] if block else 1)
    index = getattr(torch, spec["index_dtype"])
    indices = (torch.zeros((*batch, rows + 1), dtype=index), torch.zeros((*batch, 0), dtype=index))
    return tensor_of_parts(SparseParts(size, indices, torch.empty((*batch, 0, *block, *inner), dtype=dtype)), spec)
