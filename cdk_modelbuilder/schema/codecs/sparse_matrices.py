"""Sparse matrices and arrays of scipy, in every one of its formats: safetensors or scipy's own ``.npz``, and JSON.

In JSON a matrix is its entries, ``{"shape": [2, 3], "row": [0, 1], "col": [2, 0], "data": [1.5, 2.5]}``; one stored as
blocks or diagonals is the parts that scipy keeps. Nested lists with all the zeros are read too.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Dict, List, Optional, Tuple

import numpy as np
import scipy.sparse as sp

from .array_numbers import DTYPES, cast, dtype_of, from_lists, is_castable, kind_of, read_arrays, to_lists, write_arrays
from .base import JSON, Codec
from .json_text import read_json
from .nested_numbers import WRAPPERS, fits, flatten, nested_schema, sample_shape, shape_text, unwrap
from .npz_format import CONTENT_TYPE as NPZ
from .npz_format import read_npz, write_npz
from .payload_errors import CodecError
from .safetensors_format import CONTENT_TYPE as SAFETENSORS
from .sparse_parts import (
    STORED_AS,
    coordinates_of,
    describe_indices,
    from_coordinates,
    index_dtype,
    matrix_of,
    parts_of,
)

_PART_NAMES = {
    "csr": ("indptr", "indices", "data"),
    "csc": ("indptr", "indices", "data"),
    "bsr": ("indptr", "indices", "data"),
    "dia": ("offsets", "data"),
}
_OF_BLOCKS = ("bsr", "dia")
"""Formats that hold more than their entries: only their own parts are exact, and others are not turned into them."""


class SparseCodec(Codec):
    """Sparse matrices with the sample's class, dtype and shape; the first axis, the rows, is free."""

    name: ClassVar[str] = "scipy"
    library: ClassVar[Optional[str]] = "scipy"
    content_types = (SAFETENSORS, NPZ, JSON)

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.dtype = dtype_of(spec["dtype"])
        self.format: str = spec["class"].partition("_")[0]
        self.stored: str = STORED_AS.get(self.format, self.format)
        self.cls: Any = getattr(sp, spec["class"], None)
        if self.cls is None:
            raise CodecError(f"this version of scipy has no {spec['class']}; the schema was made with a newer one.")

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not sp.issparse(sample):
            return None
        if sample.dtype.name not in DTYPES:
            raise CodecError(
                f"a sparse matrix of {sample.dtype} cannot be sent; give one of a common dtype, for example "
                "matrix.astype('float64')."
            )
        kind = "array" if isinstance(sample, getattr(sp, f"{sample.format}_array", ())) else "matrix"
        spec = {
            "class": f"{sample.format}_{kind}",
            "dtype": sample.dtype.name,
            "shape": sample_shape(sample.shape),
            **describe_indices(sample),
        }
        return {**spec, "blocksize": list(sample.blocksize)} if sample.format == "bsr" else spec

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return super().encode(value, content_type)
        matrix = self._own(value)
        parts = parts_of(matrix)
        parts["data"] = cast(parts["data"], self.dtype)
        if content_type == SAFETENSORS:
            shape = json.dumps([int(size) for size in matrix.shape])
            return write_arrays(parts, {"format": self.stored, "shape": shape})
        about = {"format": np.array(self.stored.encode()), "shape": np.array(matrix.shape)}
        if self.spec["class"].endswith("_array"):
            about["_is_array"] = np.array(True)
        return write_npz({**parts, **about})

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        if content_type == SAFETENSORS:
            parts, metadata = read_arrays(body)
            shape = read_json(metadata.get("shape", "null").encode("utf-8", "replace"))
            return self._built(parts, metadata.get("format"), shape)
        parts = read_npz(body, ("format", "shape", "row", "col", "coords", "indptr", "indices", "offsets", "data"))
        kept, stored = parts.pop("shape", np.array(None)), parts.pop("format", np.array(None)).reshape(-1)[:1].tolist()
        found = stored[0].decode("latin-1") if stored and isinstance(stored[0], bytes) else (stored or [None])[0]
        return self._built(parts, found, kept.reshape(-1)[:100].tolist())

    def to_plain(self, value: Any) -> Any:
        matrix = self._own(value)
        shape = [int(size) for size in matrix.shape]
        if self.format in _OF_BLOCKS:
            parts = parts_of(matrix)
            data = to_lists(cast(parts.pop("data"), self.dtype))
            return {"shape": shape, **{name: part.tolist() for name, part in parts.items()}, "data": data}
        coords, values = coordinates_of(matrix)
        indices = [index.tolist() for index in coords]
        entries = {"row": indices[0], "col": indices[1]} if len(shape) == 2 else {"coords": indices}
        return {"shape": shape, **entries, "data": to_lists(cast(values, self.dtype))}

    def from_plain(self, plain: Any) -> Any:
        if not isinstance(plain, dict) or "shape" not in plain:
            return self._from_dense(unwrap(plain))
        shape = self._shape(plain["shape"])
        names = _PART_NAMES.get(self.format, ())
        if self.format in _OF_BLOCKS and plain.keys() >= set(names):
            inner: List[Any] = {"bsr": self.spec.get("blocksize", []), "dia": [_width(plain["data"])]}[self.format]
            values = self._part(plain, "data", [None, *inner], self.dtype)
            width = index_dtype(shape, len(values), self.spec)
            parts = {name: self._part(plain, name, [None], width) for name in names[:-1]}
            parts["data"] = values
            return self._built(parts, self.format, list(shape))
        data = self._part(plain, "data", [None], self.dtype)
        axes: List[Optional[int]] = [None] if len(shape) == 2 else [len(shape), len(data)]
        wanted = ("row", "col") if len(shape) == 2 else ("coords",)
        if not plain.keys() >= set(wanted):
            raise CodecError(f"expected an object with shape, {', '.join(wanted)} and data.")
        found = [self._part(plain, name, axes, np.dtype("i8")) for name in wanted]
        return from_coordinates(found if len(shape) == 2 else list(found[0]), data, shape, self.cls, self.spec)

    def difference(self, value: Any) -> Optional[str]:
        if not sp.issparse(value):
            return f"expected a sparse matrix of scipy, got {type(value).__name__}; {self.spec['class']}() makes one."
        if not fits(self.spec["shape"], value.shape):
            return f"expected a sparse matrix of shape {shape_text(self.spec['shape'])}, got {shape_text(value.shape)}."
        if self.format in _OF_BLOCKS and value.format != self.format:
            return f"expected a sparse matrix in {self.format} format, got {value.format}; asformat() makes one."
        if self.format == "bsr" and list(value.blocksize) != self.spec["blocksize"]:
            return f"expected blocks of {shape_text(self._block)}, got {shape_text(value.blocksize)}."
        if not is_castable(value.dtype, self.dtype):
            return f"expected dtype {self.spec['dtype']}, got {value.dtype}."
        return None

    def summary(self) -> str:
        return f"scipy {self.spec['class']} {shape_text(self.spec['shape'])} {self.spec['dtype']}"

    def json_schema(self) -> Dict[str, Any]:
        item = kind_of(self.dtype).schema()
        if self.dtype.kind == "c":
            item = {**nested_schema(item, [2]), "description": "[real, imaginary]"}
        shape = self.spec["shape"]
        dense = nested_schema(item, shape)
        index, blocks = {"type": "integer", "minimum": 0}, self.spec.get("blocksize")
        axes = [dict(index) if size is None else {"const": size} for size in shape]
        parts = {"shape": {"type": "array", "prefixItems": axes, "minItems": len(axes), "maxItems": len(axes)}}
        if self.format in _OF_BLOCKS:
            parts.update((name, nested_schema(index, [None])) for name in ("indptr", "indices"))
            parts = {key: part for key, part in parts.items() if key == "shape" or key in _PART_NAMES[self.format]}
            if self.format == "dia":
                parts["offsets"] = nested_schema({"type": "integer"}, [None])
            parts["data"] = nested_schema(item, [None, *(blocks or [None])])
        else:
            inside = [index if size is None else {**index, "maximum": size - 1} for size in shape]
            rows = [nested_schema(entry, [None]) for entry in inside]
            if len(shape) == 2:
                parts.update(row=rows[0], col=rows[1])
            else:
                parts["coords"] = nested_schema(nested_schema(index, [None]), [len(shape)])
            parts["data"] = nested_schema(item, [None])
        about = "The entries, each with its indices inside shape; or all numbers as nested lists."
        apart = {"type": "object", "properties": parts, "required": list(parts), "description": about}
        others: Dict[str, Any] = dict.fromkeys((*WRAPPERS, "shape"), False)
        wrapped = ({"type": "object", "properties": {**others, name: dense}, "required": [name]} for name in WRAPPERS)
        return {"anyOf": [apart, dense, *wrapped]}

    def example(self) -> Any:
        rows = self._block[0] if self.format == "bsr" else 1
        shape = tuple(rows if size is None else size for size in self.spec["shape"])
        return self.cls(shape, dtype=self.dtype, **({"blocksize": self._block} if self.format == "bsr" else {}))

    @property
    def _block(self) -> Tuple[int, ...]:
        return tuple(self.spec.get("blocksize", (1, 1)))

    def _own(self, value: Any) -> Any:
        return self.checked(value).asformat(self.format)

    def _shape(self, plain: Any) -> Tuple[int, ...]:
        wanted = self.spec["shape"]
        sizes, _ = flatten(plain, [None])
        if not all(type(size) is int and size >= 0 for size in sizes) or not fits(wanted, sizes):
            raise CodecError(f"expected a sparse matrix of shape {shape_text(wanted)}, got {str(plain)[:100]}.")
        return tuple(sizes)

    def _built(self, parts: Dict[str, Any], stored: Any, plain_shape: Any) -> Any:
        shape = self._shape(plain_shape)
        entries = ("row", "col", "data") if len(shape) == 2 and "row" in parts else ("coords", "data")
        names: Tuple[str, ...] = _PART_NAMES.get(stored, entries)
        if stored not in (*_PART_NAMES, "coo") or not parts.keys() >= set(names):
            raise CodecError(
                f"expected the parts of a {self.stored} matrix, got {', '.join(parts)} in format {stored!r}."
            )
        kept = {name: parts[name] for name in names}
        kept["data"] = cast(kept["data"], self.dtype)
        if stored == self.stored:
            matrix = matrix_of(kept, shape, self.cls)
            return self.checked(matrix)
        if len(shape) != 2:
            raise CodecError(f"expected the parts of a {self.stored} array, got those of a {stored} array.")
        other = matrix_of(kept, shape, getattr(sp, f"{stored}_array"))
        return from_coordinates(*coordinates_of(other), shape, self.cls, self.spec)

    def _from_dense(self, plain: Any) -> Any:
        dense = from_lists(plain, self.spec["shape"], self.dtype)
        coords = np.nonzero(dense)
        return from_coordinates(coords, dense[coords], dense.shape, self.cls, self.spec)

    def _part(self, plain: Dict[str, Any], name: str, shape: List[Optional[int]], dtype: Any) -> Any:
        try:
            return from_lists(plain.get(name), shape, dtype)
        except CodecError as error:
            raise CodecError(f"{name}: {error}") from None


def _width(rows: Any) -> Optional[int]:
    return None if isinstance(rows, list) and rows else 0


CODEC = SparseCodec
