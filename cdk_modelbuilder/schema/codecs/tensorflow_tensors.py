"""Tensors of TensorFlow: dense, ragged and sparse, of every dtype; also in the JSON that TensorFlow Serving takes.

A variable comes back as a tensor.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Dict, List, Optional, Tuple

import numpy as np
import tensorflow as tf

from .array_numbers import from_items, is_castable, read_arrays, write_arrays
from .base import JSON, Codec
from .json_text import read_json, write_array, write_json
from .nested_numbers import fits, nested_schema, sample_shape, shape_text, unwrap, wrapped_schema
from .npy_format import CONTENT_TYPE as NPY
from .npy_format import read_npy, write_npy
from .number_rows import CSV, read_rows, write_rows
from .payload_errors import CodecError
from .safetensors_format import CONTENT_TYPE as SAFETENSORS
from .tensorflow_parts import ItemType, array_of, check_splits, ragged_splits, sparse_tensor

_SPARSE = ("indices", "values", "dense_shape")


class TensorflowCodec(Codec):
    """Tensors with the sample's dtype, layout and shape; the first axis, the batch, is free.

    The spec of a ragged tensor says the number of its uneven axes, and the shape of what is inside of them.
    """

    name: ClassVar[str] = "tensorflow"
    library: ClassVar[Optional[str]] = "tensorflow"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.layout: str = spec["layout"]
        self.items = ItemType(spec["dtype"])
        self.shape: List[Optional[int]] = spec["shape"]
        types = [] if self.items.is_text else [SAFETENSORS]
        if self.layout == "dense" and self.items.wire.kind in "biufc" and self.items.wire.isbuiltin == 1:
            types.append(NPY)
        types.append(JSON)
        if self.layout == "dense" and self.items.wire.kind not in "cO" and len(self.shape) in (1, 2):
            types.append(CSV)
        self.content_types = tuple(types)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        layout = _layout_of(sample)
        if layout is None:
            return None
        if layout == "symbolic":
            raise CodecError("a symbolic tensor holds no numbers: give data, for example tf.zeros(shape).")
        name = sample.dtype.name
        if not ItemType.is_known(name):
            raise CodecError(
                f"tensors of dtype {name} cannot be sent: give tf.cast(tensor, tf.float32), or dequantize it."
            )
        if layout == "ragged":
            inner = sample_shape(sample.flat_values.shape.as_list())
            splits = sample.row_splits.dtype.name
            return {
                "layout": layout,
                "dtype": name,
                "shape": inner,
                "ragged_rank": sample.ragged_rank,
                "splits": splits,
            }
        return {"layout": layout, "dtype": name, "shape": sample_shape(sample.shape.as_list())}

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            fast = write_array(self._array(value)) if self.layout == "dense" and not self.items.is_text else None
            return fast or write_json(self.to_plain(value))
        if content_type == SAFETENSORS:
            return write_arrays(*self._parts(value))
        array = self._array(value)
        if content_type == NPY:
            return write_npy(array)
        rows = array.astype("f8") if self.items.kind.kind == "f" else array
        return write_rows((rows.reshape(-1, 1) if rows.ndim == 1 else rows).tolist())

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == SAFETENSORS:
            return self._from_parts(*read_arrays(body))
        if content_type == NPY:
            return self._dense(read_npy(body))
        if content_type == CSV:
            header = getattr(content_type, "parameters", {}).get("header", "")
            return self._dense(from_items(*read_rows(body, header, self.shape), self.items.wire))
        return self.from_plain(read_json(body))

    def to_plain(self, value: Any) -> Any:
        self.checked(value)
        if self.layout == "dense":
            return self.items.to_lists(self._array(value))
        if self.layout == "ragged":
            plain = self.items.to_lists(self.items.fitted(array_of(value.flat_values)))
            for splits in reversed([array_of(splits).tolist() for splits in value.nested_row_splits]):
                plain = [plain[start:stop] for start, stop in zip(splits, splits[1:])]  # noqa: B905, RUF007 - Python 3.8
            return plain
        return {
            "indices": array_of(value.indices).tolist(),
            "values": self.items.to_lists(self.items.fitted(array_of(value.values))),
            "dense_shape": array_of(value.dense_shape).tolist(),
        }

    def from_plain(self, plain: Any) -> Any:
        if self.layout == "dense":
            is_item = self.items.is_text and isinstance(plain, dict) and "b64" in plain
            return self._dense(self.items.from_lists(plain if is_item else unwrap(plain), self.shape))
        if self.layout == "ragged":
            splits, rows = ragged_splits(unwrap(plain), self.spec["ragged_rank"])
            return self._ragged(splits, self.items.from_lists(rows, self.shape))
        if not isinstance(plain, dict) or not plain.keys() >= set(_SPARSE):
            raise CodecError(f"expected a JSON object with {', '.join(_SPARSE)}.")
        index = ItemType("int64").from_lists(plain["indices"], [None, len(self.shape)])
        values = self.items.from_lists(plain["values"], [None])
        return self._sparse(index, values, ItemType("int64").from_lists(plain["dense_shape"], [len(self.shape)]))

    def difference(self, value: Any) -> Optional[str]:
        layout = _layout_of(value)
        if layout is None or layout == "symbolic":
            return f"expected a tensor of TensorFlow, got {type(value).__name__}; tf.convert_to_tensor() makes one."
        if layout != self.layout:
            return f"expected a {self.layout} tensor, got a {layout} one."
        if layout == "ragged" and value.ragged_rank != self.spec["ragged_rank"]:
            return f"expected {self.spec['ragged_rank']} uneven axes, got {value.ragged_rank}."
        shape = (value.flat_values if layout == "ragged" else value).shape.as_list()
        if not fits(self.shape, shape):
            return f"expected a tensor of shape {shape_text(self.shape)}, got {shape_text(shape)}."
        name = value.dtype.name
        if name == self.items.name:
            return None
        if "string" in (name, self.items.name) or not ItemType.is_known(name):
            return f"expected dtype {self.items.name}, got {name}."
        return (
            None
            if is_castable(ItemType(name).wire, self.items.wire)
            else f"expected dtype {self.items.name}, got {name}."
        )

    def summary(self) -> str:
        kind = {"dense": "tensor"}.get(self.layout, f"{self.layout} tensor")
        shape = [None] * self.spec.get("ragged_rank", 0) + self.shape
        return f"TensorFlow {kind} {shape_text(shape)} {self.items.name}"

    def json_schema(self) -> Dict[str, Any]:
        item = self.items.schema()
        if self.layout == "dense":
            return wrapped_schema(nested_schema(item, self.shape))
        if self.layout == "ragged":
            return wrapped_schema(nested_schema(item, [None] * self.spec["ragged_rank"] + self.shape))
        index: Dict[str, Any] = {"type": "integer", "minimum": 0}
        axes = [index if size is None else {"const": size} for size in self.shape]
        properties = {
            "indices": nested_schema(index, [None, len(axes)]),
            "values": nested_schema(item, [None]),
            "dense_shape": {"type": "array", "prefixItems": axes, "minItems": len(axes), "maxItems": len(axes)},
        }
        about = "as many values as rows of indices, each of them inside of dense_shape"
        return {"type": "object", "properties": properties, "required": list(_SPARSE), "description": about}

    def example(self) -> Any:
        shape = [1 if size is None else size for size in self.shape]
        if self.layout == "sparse":
            return self._sparse(np.zeros((0, len(shape)), "i8"), self._zeros([0]), np.array(shape))
        if self.layout == "ragged":
            return self._ragged([np.array([0, 1])] * self.spec["ragged_rank"], self._zeros(shape))
        return self._dense(self._zeros(shape))

    def _zeros(self, shape: List[int]) -> Any:
        return np.full(shape, b"", object) if self.items.is_text else np.zeros(shape, self.items.wire)

    def _array(self, value: Any) -> Any:
        return self.items.fitted(array_of(self.checked(value)))

    def _parts(self, value: Any) -> Tuple[Dict[str, Any], Dict[str, str]]:
        if self.layout == "dense":
            return {"tensor": self._array(value)}, {}
        self.checked(value)
        if self.layout == "ragged":
            parts = {f"row_splits_{place}": array_of(splits) for place, splits in enumerate(value.nested_row_splits)}
            return {**parts, "flat_values": self.items.fitted(array_of(value.flat_values))}, {"layout": "ragged"}
        parts = {"indices": array_of(value.indices), "values": self.items.fitted(array_of(value.values))}
        return parts, {"layout": "sparse", "dense_shape": json.dumps(array_of(value.dense_shape).tolist())}

    def _from_parts(self, found: Dict[str, Any], metadata: Dict[str, str]) -> Any:
        if self.layout == "dense":
            if len(found) != 1 and "tensor" not in found:
                raise CodecError(f"expected one tensor, or one called 'tensor', got {len(found)} others.")
            return self._dense(found.get("tensor", next(iter(found.values()))))
        names = [f"row_splits_{place}" for place in range(self.spec.get("ragged_rank", 0))]
        wanted = [*names, "flat_values"] if names else ["indices", "values"]
        if not found.keys() >= set(wanted):
            raise CodecError(f"expected a {self.layout} tensor as {', '.join(wanted)}, got {', '.join(found)}.")
        if names:
            return self._ragged([found[name] for name in names], found["flat_values"])
        plain = read_json(metadata.get("dense_shape", "null").encode("utf-8", "replace"))
        shape = ItemType("int64").from_lists(plain, [len(self.shape)])
        return self._sparse(found["indices"], found["values"], shape)

    def _dense(self, array: Any) -> Any:
        self._check_shape(array.shape)
        return self.items.tensor(self.items.fitted(array))

    def _ragged(self, splits: List[Any], rows: Any) -> Any:
        self._check_shape(rows.shape)
        check_splits(splits, len(rows))
        kept = [part.astype(self.spec["splits"]) for part in splits]
        values = self.items.tensor(self.items.fitted(rows))
        return tf.RaggedTensor.from_nested_row_splits(values, kept, validate=False)

    def _sparse(self, indices: Any, values: Any, shape: Any) -> Any:
        sizes = tuple(shape.tolist())
        self._check_shape(sizes)
        return sparse_tensor(indices, self.items.fitted(values), sizes, self.items)

    def _check_shape(self, shape: Any) -> None:
        if not fits(self.shape, shape) or min(shape, default=0) < 0:
            raise CodecError(f"expected a tensor of shape {shape_text(self.shape)}, got {shape_text(shape)}.")


def _layout_of(value: Any) -> Optional[str]:
    for kind, layout, inside in (
        (tf.RaggedTensor, "ragged", "flat_values"),
        (tf.SparseTensor, "sparse", "values"),
        ((tf.Tensor, tf.Variable), "dense", None),
    ):
        if isinstance(value, kind):
            return layout if hasattr(getattr(value, inside) if inside else value, "numpy") else "symbolic"
    return "symbolic" if type(value).__name__ == "KerasTensor" else None


CODEC = TensorflowCodec
