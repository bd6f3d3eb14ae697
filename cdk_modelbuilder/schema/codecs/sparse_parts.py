"""Sparse matrices of scipy as the arrays they are made of, and back: no index is believed before it is checked."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import scipy.sparse as sp

from .nested_numbers import shape_text
from .payload_errors import CodecError

COMPRESSED = ("csr", "csc", "bsr")
STORED_AS = {"lil": "csr", "dok": "coo"}
"""Formats that are made of Python objects, and those that their parts are sent as; the others are sent as they are."""

MAX_EMPTY_ROWS = 1 << 23
"""Rows that a matrix may have beyond 64 a value: 64 MiB as the row pointers of a CSR matrix."""

_INT32 = np.iinfo("i4").max


def parts_of(matrix: Any) -> Dict[str, Any]:
    """The arrays that ``matrix`` is made of."""
    if matrix.format in COMPRESSED:
        count = int(matrix.indptr[-1])  # room for more is no part of the value
        return {"indptr": matrix.indptr, "indices": matrix.indices[:count], "data": matrix.data[:count]}
    if matrix.format == "lil":
        return parts_of(matrix.tocsr())
    if matrix.format == "dia":
        return {"offsets": matrix.offsets, "data": matrix.data}
    coo = matrix.tocoo()
    if len(matrix.shape) == 2:
        return {"row": coo.row, "col": coo.col, "data": coo.data}
    return {"coords": np.stack(coo.coords), "data": coo.data}


def matrix_of(parts: Dict[str, Any], shape: Tuple[int, ...], cls: Any) -> Any:
    """The matrix of the class ``cls``, its indices checked. Raises CodecError."""
    try:
        return _matrix_of(parts, shape, cls)
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"the parts make no {cls.__name__} of shape {shape_text(shape)}: {error}.") from None


def _matrix_of(parts: Dict[str, Any], shape: Tuple[int, ...], cls: Any) -> Any:
    if math.prod(shape) >= 1 << 62 or any(size >= 1 << 62 for size in shape):
        raise CodecError(f"a matrix of shape {shape_text(shape)} has too many items.")
    kind = cls.__name__.partition("_")[0]
    for name, part in parts.items():
        if name != "data" and part.dtype not in (np.dtype("i4"), np.dtype("i8")):
            raise CodecError(f"expected {name} of dtype int32 or int64, got {part.dtype}.")
    data = parts["data"]
    if kind not in ("csr", "bsr") and shape[0] > MAX_EMPTY_ROWS + 64 * data.size:
        raise CodecError(f"{shape[0]} rows are too many for {data.size} values.")
    if kind in COMPRESSED:
        return _compressed(parts, shape, cls)
    if kind == "lil":
        return _compressed(parts, shape, sp.csr_matrix if cls is sp.lil_matrix else sp.csr_array).tolil()
    if kind == "dia":
        return _dia(parts, shape, cls)
    coords = tuple(parts["coords"]) if "coords" in parts else (parts["row"], parts["col"])
    check_coordinates(coords, data, shape)
    if kind == "dok":
        plain = sp.coo_matrix if cls is sp.dok_matrix else sp.coo_array
        return plain((data, coords), shape=shape).todok()
    matrix = cls((data, coords), shape=shape)
    if hasattr(matrix, "coords"):
        matrix.coords = coords  # as wide as they were
    else:  # scipy before 1.13
        matrix.row, matrix.col = coords
    return matrix


def check_coordinates(coords: Sequence[Any], data: Any, shape: Sequence[int]) -> None:
    """CodecError unless there are as many coordinates as values on every axis, all of them inside ``shape``."""
    if len(coords) != len(shape):
        raise CodecError(f"expected indices on {len(shape)} axes, got {len(coords)}.")
    for axis, (index, size) in enumerate(zip(coords, shape)):  # noqa: B905 - Python 3.8
        if index.shape != data.shape or data.ndim != 1:
            raise CodecError(f"expected an index for each value, got {index.shape} for {data.shape} on axis {axis}.")
        _check_inside(index, size, f"indices on axis {axis}")


def _check_inside(index: Any, size: int, name: str) -> None:
    if index.size and (int(index.min()) < 0 or int(index.max()) >= size):
        odd = int(index.min()) if index.min() < 0 else int(index.max())
        raise CodecError(f"expected {name} from 0 to {size - 1}, got {odd}.")


def _compressed(parts: Dict[str, Any], shape: Tuple[int, ...], cls: Any) -> Any:
    indptr, indices, data = parts["indptr"], parts["indices"], parts["data"]
    is_blocks = cls.__name__.startswith("bsr")
    if indices.ndim != 1 or indptr.ndim != 1 or data.ndim != (3 if is_blocks else 1) or len(indices) != len(data):
        raise CodecError(f"expected an index for each value, got {indices.shape} for {data.shape}.")
    block: Tuple[int, ...] = data.shape[1:] if is_blocks else (1, 1)
    sizes: List[int] = [1, *shape] if len(shape) == 1 else list(shape)
    if 0 in block or sizes[0] % block[0] or sizes[1] % block[1]:
        raise CodecError(f"blocks of {shape_text(block)} do not fill a matrix of {shape_text(shape)}.")
    rows, columns = sizes[0] // block[0], sizes[1] // block[1]
    if cls.__name__.startswith("csc"):
        rows, columns = columns, rows
    if len(indptr) != rows + 1 or indptr[0] != 0 or int(indptr[-1]) != len(indices) or (np.diff(indptr) < 0).any():
        raise CodecError(f"expected indptr to rise from 0 to {len(indices)} in {rows + 1} steps.")
    _check_inside(indices, columns, "indices")
    matrix = cls((data, indices, indptr), shape=shape)
    matrix.indices, matrix.indptr = indices, indptr  # as wide as they were
    return matrix


def _dia(parts: Dict[str, Any], shape: Tuple[int, ...], cls: Any) -> Any:
    offsets, data = parts["offsets"], parts["data"]
    if offsets.ndim != 1 or data.ndim != 2 or len(offsets) != len(data) or len(np.unique(offsets)) != len(offsets):
        raise CodecError(f"expected each offset once and a row of data for it, got {offsets.shape} for {data.shape}.")
    if offsets.size and max(abs(int(offsets.min())), abs(int(offsets.max()))) > _INT32:
        raise CodecError("expected offsets of 32 bits.")
    matrix = cls((data, offsets), shape=shape)
    matrix.offsets = offsets
    return matrix


def describe_indices(matrix: Any) -> Dict[str, Any]:
    """What a spec says of the indices: how wide they are, where scipy does not choose that itself."""
    if matrix.format in STORED_AS:
        return {}
    parts = parts_of(matrix)
    return {"index_dtype": parts[next(iter(parts))].dtype.name}


def index_dtype(shape: Sequence[int], count: int, spec: Dict[str, Any]) -> Any:
    """The dtype of the indices of ``count`` values: the sample's, unless one of 32 bits is too narrow."""
    is_narrow = spec.get("index_dtype") != "int64" and max(count, *shape, 0) <= _INT32
    return np.dtype("i4" if is_narrow else "i8")


def from_coordinates(coords: Sequence[Any], data: Any, shape: Tuple[int, ...], cls: Any, spec: Dict[str, Any]) -> Any:
    """The matrix with ``data`` at ``coords``: their order and what is there twice stay, where the format has room."""
    block = spec.get("blocksize", (1, 1))
    check_coordinates(coords, data, shape)
    kind = cls.__name__.partition("_")[0]
    wide = index_dtype(shape, len(data), spec)
    limit = MAX_EMPTY_ROWS + 64 * data.size
    if shape[0] > limit:
        raise CodecError(f"{shape[0]} rows are too many for {data.size} values.")
    if kind == "csc" and shape[-1] > limit:  # one pointer for each
        raise CodecError(f"{shape[-1]} columns are too many for {data.size} values.")
    if kind in ("coo", "dok"):
        return matrix_of({"coords": np.stack(coords).astype(wide), "data": data}, shape, cls)
    if kind in ("csr", "csc", "lil"):
        sizes, axes = ((1, *shape), (np.zeros_like(coords[0]), *coords)) if len(shape) == 1 else (shape, tuple(coords))
        major, minor = axes[::-1] if kind == "csc" else axes
        size = sizes[1] if kind == "csc" else sizes[0]
        order = np.argsort(major, kind="stable")
        indptr = np.zeros(size + 1, wide)
        np.cumsum(np.bincount(major, minlength=size), out=indptr[1:])
        return matrix_of({"indptr": indptr, "indices": minor[order].astype(wide), "data": data[order]}, shape, cls)
    row, col = (np.asarray(index, "i8") for index in coords)
    if kind == "dia":
        stored = len(np.unique(col - row)) * shape[1]
    else:
        if shape[0] % block[0]:
            raise CodecError(f"blocks of {shape_text(block)} do not fill a matrix of {shape_text(shape)}.")
        stored = len(np.unique(row // block[0] * (shape[1] // block[1]) + col // block[1])) * block[0] * block[1]
    if stored > limit:
        raise CodecError(f"{data.size} values would take room for {stored} as a {cls.__name__}: send its own parts.")
    whole = sp.coo_array((data, (row, col)), shape=shape)
    return cls(whole, blocksize=tuple(block)) if kind == "bsr" else cls(whole)


def coordinates_of(matrix: Any) -> Tuple[Tuple[Any, ...], Any]:
    """The indices on every axis and the values of ``matrix``, in the order in which it has them."""
    if matrix.format not in ("csr", "csc") or len(matrix.shape) == 1:
        coo = matrix.tocoo()
        return getattr(coo, "coords", None) or (coo.row, coo.col), coo.data
    parts = parts_of(matrix)
    major = np.repeat(np.arange(len(parts["indptr"]) - 1), np.diff(parts["indptr"]))
    coords = (major, parts["indices"])
    return coords[::-1] if matrix.format == "csc" else coords, parts["data"]
