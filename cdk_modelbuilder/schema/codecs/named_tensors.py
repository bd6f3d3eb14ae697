"""Values as named tensors, for model servers that speak the Open Inference Protocol, as Triton does.

An array is one tensor; a dict, list or tuple of arrays and texts, and a table of plain columns, are one for each; a
text is one of BYTES. What has no such form travels whole as one of BYTES, in its codec's own content type.
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple

import numpy as np

from .base import JSON, Codec
from .negotiation import MediaType
from .npy_format import CONTENT_TYPE as NPY
from .npy_format import read_npy, write_npy
from .payload_errors import CodecError
from .registry import open_codec
from .tensor_messages import BINARY, datatype_of, header_size, read_message, write_message


class NamedTensorsCodec(Codec):
    """Another codec's values as messages of the protocol.

    ``spec`` has the ``direction`` (``inputs`` or ``outputs``), the ``form`` (``one``, ``dict``, ``list``, ``tuple`` or
    ``frame``), the other codec's description as ``item`` and those of the parts as ``items``, and the ``tensors``, each
    of which ``carries`` an ``array``, a ``text``, ``texts`` or a ``body``. Inputs have the names of the outputs, as
    ``wanted``: a request names them. An array of one axis that is a ``column`` travels as one of two.
    """

    name: ClassVar[str] = "named_tensors"
    content_types = (BINARY, JSON)

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._whole = open_codec(spec["item"])
        self._parts: List[Tuple[Any, Codec]] = [(key, open_codec(one)) for key, one in spec.get("items", ())]
        self._tensors: List[Dict[str, Any]] = spec["tensors"]

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:  # noqa: ARG003 - a server's wish, never a sample's
        return None

    def tensors_of(self, value: Any) -> Dict[str, Any]:
        """Name -> array of ``value``, which fits. Raises CodecError."""
        names = [tensor["name"] for tensor in self._tensors]
        form = self.spec["form"]
        if form == "frame":
            found = {}
            for tensor, (key, _) in zip(self._tensors, self.spec["columns"]):  # noqa: B905 - Python 3.8
                column = _column(value[key])
                found[tensor["name"]] = column.reshape(-1, 1) if tensor.get("column") else column
            return found
        if form == "one":
            return {names[0]: _to_array(self._whole, value, self._tensors[0])}
        parts = [value[key] for key, _ in self._parts] if form == "dict" else list(value)
        if len(parts) != len(self._parts):
            raise CodecError(f"expected {len(self._parts)} parts, got {len(parts)}.")
        slots = zip(self._tensors, self._parts, parts)  # noqa: B905 - containers may run Python 3.8
        return {tensor["name"]: _to_array(codec, part, tensor) for tensor, (_, codec), part in slots}

    def value_of(self, tensors: Mapping[str, Any]) -> Any:
        """The value of named arrays, checked against the spec. Raises CodecError, whatever they are."""
        arrays = []
        for tensor in self._tensors:
            if tensor["name"] not in tensors:
                raise CodecError(f"the tensor {tensor['name']!r} is missing; there are {', '.join(sorted(tensors))}.")
            array = tensors[tensor["name"]]
            found = datatype_of(array.dtype)
            if found != tensor["datatype"]:
                raise CodecError(f"the tensor {tensor['name']!r} is {found}, expected {tensor['datatype']}.")
            arrays.append(array)
        unknown = sorted(set(tensors) - {tensor["name"] for tensor in self._tensors})
        if unknown:
            raise CodecError(f"there is no tensor called {unknown[0]!r} in this schema.")
        form = self.spec["form"]
        if form == "frame":
            return self._frame(arrays)
        if form == "one":
            return _from_array(self._whole, arrays[0], self._tensors[0])
        slots = zip(self._parts, arrays, self._tensors)  # noqa: B905 - containers may run Python 3.8
        parts = [_from_array(codec, array, tensor) for (_, codec), array, tensor in slots]
        if form == "dict":
            return {key: part for (key, _), part in zip(self._parts, parts)}  # noqa: B905 - as above
        return tuple(parts) if form == "tuple" else parts

    def _frame(self, arrays: List[Any]) -> Any:
        import pandas as pd

        columns = {}
        for (key, dtype), array in zip(self.spec["columns"], arrays):  # noqa: B905 - containers may run Python 3.8
            column = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
            if column.ndim != 1:
                raise CodecError(f"the column {key!r} has {column.ndim} axes, expected 1.")
            texts = [_decoded(item, str(key)) for item in column] if column.dtype.kind == "O" else column
            columns[key] = pd.Series(texts, dtype=dtype)
        if len({len(column) for column in columns.values()}) > 1:
            raise CodecError("the columns have different lengths.")
        return self._whole.checked(pd.DataFrame(columns))

    def encode(self, value: Any, content_type: str) -> Any:
        tensors, wanted = self.tensors_of(value), self.spec.get("wanted", ())
        return write_message(self.spec["direction"], tensors, binary=content_type == BINARY, wanted=wanted)

    def decode(self, body: Any, content_type: str) -> Any:
        size = len(body)
        if content_type == BINARY:
            given = getattr(content_type, "parameters", {}).get("json-header-size", "")
            if not given.isdigit() or len(given) > 12:
                raise CodecError(f"the content type {BINARY} needs a json-header-size.")
            size = int(given)
        return self.value_of(read_message(self.spec["direction"], body, size))

    def label(self, content_type: str, body: Any) -> str:
        return f"{content_type};json-header-size={header_size(body)}" if content_type == BINARY else content_type

    def to_plain(self, value: Any) -> Any:
        return self._whole.to_plain(value)

    def from_plain(self, plain: Any) -> Any:
        return self._whole.from_plain(plain)

    def difference(self, value: Any) -> Optional[str]:
        return self._whole.difference(value)

    def summary(self) -> str:
        names = ", ".join(f"{tensor['name']} ({tensor['datatype']})" for tensor in self._tensors)
        return f"{self._whole.summary()} as the tensors {names}"

    def json_schema(self) -> Dict[str, Any]:
        tensor = {
            "type": "object",
            "properties": {
                "name": {"enum": [one["name"] for one in self._tensors]},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "datatype": {"enum": sorted({one["datatype"] for one in self._tensors})},
                "data": {"type": "array"},
            },
            "required": ["name", "shape", "datatype", "data"],
        }
        key = self.spec["direction"]
        return {"type": "object", "properties": {key: {"type": "array", "items": tensor}}, "required": [key]}

    def example(self) -> Any:
        return self._whole.example()


def _to_array(codec: Codec, value: Any, tensor: Mapping[str, Any]) -> Any:
    codec.checked(value)
    carries = tensor["carries"]
    if carries == "array":
        array = read_npy(codec.encode(value, NPY))
        array = array.reshape(1) if array.ndim == 0 else array  # the protocol's servers have no tensors without axes
        array = array.reshape(-1, 1) if tensor.get("column") else array
        return _as_bytes(array) if array.dtype.kind in "US" else array
    if carries == "text":
        return _as_bytes(np.array([value], object))
    if carries == "texts":
        return _as_bytes(np.array(value, object).reshape(len(value)))
    whole = np.empty(1, object)
    whole[0] = bytes(codec.encode(value, codec.content_types[0]))
    return whole


def _from_array(codec: Codec, array: Any, tensor: Mapping[str, Any]) -> Any:
    carries, name = tensor["carries"], tensor["name"]
    if carries == "array":
        if array.dtype.kind == "O":
            array = _texts_or_bytes(array, name, is_bytes=str(codec.spec["dtype"]).startswith("|S"))
        if tensor.get("column") and array.ndim == 2 and array.shape[1] == 1:
            array = array.reshape(-1)
        if not codec.spec["shape"] and array.size == 1:
            array = array.reshape(())
        return codec.decode(write_npy(array), MediaType.parse(NPY))
    if carries == "texts":
        if array.ndim != 1:
            raise CodecError(f"the tensor {name!r} has {array.ndim} axes, expected 1.")
        return codec.checked([_decoded(item, name) for item in array])
    if array.size != 1:
        raise CodecError(f"the tensor {name!r} has the shape {list(array.shape)}, expected one value.")
    item = bytes(array.reshape(-1)[0])
    if carries == "text":
        return codec.checked(_decoded(item, name))
    return codec.decode(item, MediaType.parse(codec.label(codec.content_types[0], item)))


def _texts_or_bytes(array: Any, name: str, *, is_bytes: bool) -> Any:
    items = [bytes(item) if is_bytes else _decoded(item, name) for item in array.reshape(-1)]
    return np.array(items, bytes if is_bytes else str).reshape(array.shape)


def _as_bytes(array: Any) -> Any:
    found = np.empty(array.size, object)
    for place, item in enumerate(array.reshape(-1)):
        found[place] = bytes(item) if isinstance(item, bytes) else _encoded(str(item))
    return found.reshape(array.shape)


def _column(series: Any) -> Any:
    array = series.to_numpy()
    if array.dtype.kind != "O":
        return _as_bytes(array) if array.dtype.kind in "US" else array
    for item in array:
        if not isinstance(item, str):
            raise CodecError(
                f"the column {series.name!r} holds {item!r}, which is no text; tensors have no missing one."
            )
    return _as_bytes(array)


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CodecError("a text holds a lone surrogate, which is not UTF-8.") from None


def _decoded(item: Any, place: str) -> str:
    try:
        return bytes(item).decode("utf-8")
    except UnicodeDecodeError:
        raise CodecError(f"{place!r} holds bytes that are no UTF-8 text.") from None


CODEC = NamedTensorsCodec
