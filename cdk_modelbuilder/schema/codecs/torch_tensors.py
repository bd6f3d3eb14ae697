"""Tensors of torch: ``.safetensors`` exactly, JSON and CSV as far as they go. Never through pickle.

A tensor comes back on the CPU, contiguous, without a gradient and as a plain ``torch.Tensor`` (a Parameter too).
"""

from __future__ import annotations

import importlib.util
import json
from typing import Any, ClassVar, Dict, List, Optional, Tuple

import torch

from .base import JSON, Codec
from .json_text import read_json, write_array, write_json
from .nested_numbers import (
    fits,
    flatten,
    nested_schema,
    sample_shape,
    shape_text,
    unwrap,
    wrapped_schema,
)
from .number_rows import CSV, read_rows, write_rows
from .payload_errors import CodecError
from .safetensors_format import CONTENT_TYPE as SAFETENSORS
from .torch_dtypes import DTYPES, PARTS_OF_COMPLEX, cast, dtype_name, dtype_of, kind_of
from .torch_memory import in_memory, read_tensors, write_tensors
from .torch_sparse import (
    INDEX_NAMES,
    SparseParts,
    describe_sparse,
    empty_sparse,
    layout_name,
    parts_of,
    tensor_of_parts,
)

NPY = "application/x-npy"
_NOT_IN_NUMPY = ("bfloat16", "complex32")


class TorchCodec(Codec):
    """Tensors with the sample's dtype, layout and shape; the first axis, the batch, is free."""

    name: ClassVar[str] = "torch"
    library: ClassVar[Optional[str]] = "torch"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.dtype = dtype_of(spec["dtype"])
        self.is_sparse = "layout" in spec
        types = [SAFETENSORS]
        if self._is_numpy_too:
            types.append(NPY)
        types.append(JSON)
        if not self.is_sparse and not self.dtype.is_complex and len(spec["shape"]) in (1, 2):
            types.append(CSV)
        self.content_types = tuple(types)

    @property
    def _is_numpy_too(self) -> bool:
        name = self.spec["dtype"]
        return not self.is_sparse and name not in _NOT_IN_NUMPY and not name.startswith("float8")

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, torch.Tensor):
            return None
        if sample.is_quantized:
            raise CodecError("a quantized tensor would lose its scale: give tensor.dequantize(), or tensor.int_repr().")
        if sample.is_nested:
            raise CodecError(
                "a nested tensor has no one shape: give torch.nested.to_padded_tensor(tensor, 0.0), or a list of them."
            )
        if sample.device.type == "meta":
            raise CodecError("a tensor on the meta device holds no numbers: give one that does.")
        if type(sample).__name__ == "MaskedTensor":
            raise CodecError("a masked tensor would lose its mask: give tensor.to_tensor(value).")
        name = dtype_name(sample.dtype)
        if name not in DTYPES:
            raise CodecError(f"tensors of dtype {name} cannot be sent; give one of {', '.join(DTYPES)}.")
        spec = {"dtype": name, "shape": sample_shape(sample.shape)}
        return {**spec, **describe_sparse(sample)} if layout_name(sample) in INDEX_NAMES else spec

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == SAFETENSORS:
            return self._to_safetensors(value)
        if content_type == JSON:
            return self._to_json(value)
        tensor = self._dense(value)
        if content_type == NPY:
            from .npy_format import write_npy

            return write_npy(tensor.numpy())
        wide = tensor.to(torch.float64) if tensor.is_floating_point() else tensor
        return write_rows((wide.reshape(-1, 1) if wide.ndim == 1 else wide).tolist())

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == SAFETENSORS:
            return self._from_safetensors(body)
        if content_type == NPY:
            return self._fitted(_from_npy(body))
        if content_type == CSV:
            header = getattr(content_type, "parameters", {}).get("header", "")
            return _from_items(*read_rows(body, header, self.spec["shape"]), self.dtype)
        return self.from_plain(read_json(body))

    def to_plain(self, value: Any) -> Any:
        if not self.is_sparse:
            return _to_lists(self._dense(value))
        parts = self._parts(value)
        plain = {"size": list(parts.size), "values": _to_lists(parts.values)}
        plain.update((name, index.tolist()) for name, index in zip(self._part_names, parts.indices))  # noqa: B905
        if self.spec["layout"] == "sparse_coo":
            plain["is_coalesced"] = parts.is_coalesced
        return plain

    def from_plain(self, plain: Any) -> Any:
        if not self.is_sparse:
            return _from_lists(unwrap(plain), self.spec["shape"], self.dtype)
        names = self._part_names
        if not isinstance(plain, dict) or not {"size", *names} <= plain.keys():
            raise CodecError(f"expected a JSON object with size, {', '.join(names)}.")
        size = self._size(plain["size"])
        index_shapes, value_shape = self._part_shapes(size)
        values = self._part(plain, "values", value_shape, self.dtype)
        if self.spec["layout"] == "sparse_coo":  # no lists say how many there are, where there is no axis to index
            index_shapes = [[index_shapes[0][0], len(values)]]
        indices = [self._part(plain, name, axes, torch.int64) for name, axes in zip(names, index_shapes)]  # noqa: B905
        return self._built(SparseParts(size, tuple(indices), values, plain.get("is_coalesced") is True))

    def difference(self, value: Any) -> Optional[str]:
        if not isinstance(value, torch.Tensor):
            return f"expected a torch tensor, got {type(value).__name__}; torch.as_tensor() makes one."
        wanted = self.spec.get("layout", "strided")
        found = layout_name(value) if layout_name(value) in INDEX_NAMES else "strided"
        if value.is_quantized or value.is_nested:
            return "expected a plain tensor, got a quantized or nested one."
        if found != wanted:
            return f"expected a tensor of layout {wanted}, got {found}."
        if not fits(self.spec["shape"], value.shape):
            return f"expected a tensor of shape {shape_text(self.spec['shape'])}, got {shape_text(value.shape)}."
        if self.is_sparse:
            kept = describe_sparse(value)
            odd = [key for key in ("dense_dim", "blocksize") if kept.get(key) != self.spec.get(key)]
            if odd:
                return f"expected {odd[0]} {self.spec.get(odd[0])}, got {kept.get(odd[0])}."
        if not torch.can_cast(value.dtype, self.dtype):
            return f"expected dtype {self.spec['dtype']}, got {dtype_name(value.dtype)}."
        return None

    def summary(self) -> str:
        layout = self.spec.get("layout", "").replace("_", " ")
        return " ".join(filter(None, (layout, "torch tensor", shape_text(self.spec["shape"]), self.spec["dtype"])))

    def json_schema(self) -> Dict[str, Any]:
        item = kind_of(self.dtype).schema()
        if self.dtype.is_complex:
            item = {**nested_schema(item, [2]), "description": "[real, imaginary]"}
        shape = self.spec["shape"]
        if not self.is_sparse:
            return wrapped_schema(nested_schema(item, shape))
        axes = [{"const": axis} if axis is not None else {"type": "integer", "minimum": 0} for axis in shape]
        index_shapes, value_shape = self._part_shapes(shape)
        index = {"type": "integer", "minimum": 0}
        properties = {
            "size": {"type": "array", "prefixItems": axes, "minItems": len(axes), "maxItems": len(axes)},
            "values": nested_schema(item, value_shape),
            "is_coalesced": {"type": "boolean"},
        }
        names = self._part_names
        properties.update((name, nested_schema(index, part)) for name, part in zip(names, index_shapes))  # noqa: B905
        about = f"A {self.spec['layout']} tensor: as many values as indices, each index inside size."
        return {
            "type": "object",
            "properties": properties,
            "required": ["size", *names],
            "description": about,
        }

    def example(self) -> Any:
        if self.is_sparse:
            return empty_sparse(self.spec, self.dtype)
        return torch.zeros([1 if axis is None else axis for axis in self.spec["shape"]], dtype=self.dtype)

    def needs(self, content_type: str) -> Optional[str]:
        return "numpy" if content_type == NPY else None

    def _fitted(self, tensor: Any) -> Any:
        return cast(self.checked(tensor), self.dtype)

    def _dense(self, value: Any) -> Any:
        return self._fitted(in_memory(self.checked(value)))

    def _parts(self, value: Any) -> SparseParts:
        parts = parts_of(in_memory(self.checked(value)))
        return parts._replace(values=cast(parts.values, self.dtype))

    def _built(self, parts: SparseParts) -> Any:
        return tensor_of_parts(parts._replace(values=cast(parts.values, self.dtype)), self.spec)

    @property
    def _part_names(self) -> Tuple[str, ...]:
        return (*INDEX_NAMES[self.spec["layout"]], "values")

    def _size(self, plain: Any) -> Tuple[int, ...]:
        size, _ = flatten(plain, [len(self.spec["shape"])])
        if not all(type(axis) is int and axis >= 0 for axis in size) or not fits(self.spec["shape"], size):
            raise CodecError(f"expected size to be {shape_text(self.spec['shape'])}, got {str(plain)[:100]}.")
        return tuple(size)

    def _part_shapes(self, size: Any) -> Any:
        """The shapes of the index tensors and of the values, as far as the spec knows them."""
        outer = len(size) - self.spec["dense_dim"]
        inner = list(size[outer:])
        if self.spec["layout"] == "sparse_coo":
            return [[outer, None]], [None, *inner]
        batch = list(size[: outer - 2])
        return [[*batch, None], [*batch, None]], [*batch, None, *self.spec.get("blocksize", ()), *inner]

    def _to_safetensors(self, value: Any) -> Any:
        if not self.is_sparse:
            return write_tensors({"tensor": self._dense(value)}, {})
        parts = self._parts(value)
        metadata = {"layout": self.spec["layout"], "size": json.dumps(parts.size)}
        if parts.is_coalesced:
            metadata["is_coalesced"] = "true"
        return write_tensors(dict(zip(self._part_names, (*parts.indices, parts.values))), metadata)  # noqa: B905

    def _from_safetensors(self, body: Any) -> Any:
        found, metadata = read_tensors(body)
        if not self.is_sparse:
            if len(found) != 1 and "tensor" not in found:
                raise CodecError(f"expected one tensor, or one called 'tensor', got {len(found)} others.")
            return self._fitted(found.get("tensor", next(iter(found.values()))))
        layout = self.spec["layout"]
        if metadata.get("layout") != layout or not found.keys() >= set(self._part_names):
            got = f"{metadata.get('layout', 'strided')} as {', '.join(found)}"
            raise CodecError(f"expected a tensor of layout {layout} as {', '.join(self._part_names)}, got {got}.")
        size = self._size(read_json(metadata.get("size", "null").encode("utf-8", "replace")))
        *indices, values = (found[name] for name in self._part_names)
        return self._built(SparseParts(size, tuple(indices), values, metadata.get("is_coalesced") == "true"))

    def _to_json(self, value: Any) -> Any:
        if not self._is_numpy_too or importlib.util.find_spec("numpy") is None:
            return write_json(self.to_plain(value))
        tensor = self._dense(value)
        return write_array(tensor.numpy()) or write_json(_to_lists(tensor))

    def _part(self, plain: Dict[str, Any], name: str, shape: List[Optional[int]], dtype: Any) -> Any:
        try:
            return _from_lists(plain[name], shape, dtype)
        except CodecError as error:
            raise CodecError(f"{name}: {error}") from None


def _from_lists(plain: Any, shape: List[Optional[int]], dtype: Any) -> Any:
    return _from_items(*flatten(plain, [*shape, 2] if dtype.is_complex else shape), dtype)


def _from_items(items: List[Any], shape: Any, dtype: Any) -> Any:
    kind = kind_of(dtype)
    values = kind.values(items)
    if kind.kind != "f":
        return torch.tensor(values, dtype=dtype).reshape(shape)
    # torch reads Python's floats exactly as these alone; for a complex number they are its parts.
    part = DTYPES[PARTS_OF_COMPLEX[dtype_name(dtype)]] if dtype.is_complex else dtype
    tensor = torch.tensor(values, dtype=torch.float64).to(part).reshape(shape)
    return torch.view_as_complex(tensor) if dtype.is_complex else tensor


def _to_lists(tensor: Any) -> Any:
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    return (tensor.to(torch.float64) if tensor.is_floating_point() else tensor).tolist()


def _from_npy(body: Any) -> Any:
    from .npy_format import read_npy

    array = read_npy(body)
    if array.dtype.kind == "b" and array.size and array.view("u1").max() > 1:
        raise CodecError("expected truth values, each a byte of 0 or 1, got another byte.")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    try:
        tensor = torch.from_numpy(array)
    except (TypeError, ValueError):
        raise CodecError(f"torch has no dtype for a NumPy array of {array.dtype}.") from None
    # Of an array without items, NumPy has strides of zero, which torch has trouble with.
    return tensor.contiguous() if tensor.numel() else torch.empty(array.shape, dtype=tensor.dtype)


CODEC = TorchCodec
