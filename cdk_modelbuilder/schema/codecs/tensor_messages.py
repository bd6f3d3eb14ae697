"""Messages of the Open Inference Protocol (KServe V2): tensors in JSON, or after a JSON header as they lie in memory.

Sources: the protocol's ``rest_predict_v2.yaml``; its extension for binary data in triton-inference-server/server,
``docs/protocol/extension_binary_data.md``; the content type with which SageMaker lets it through,
``application/vnd.sagemaker-triton.binary+json;json-header-size=N``.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from .json_text import read_json, write_json
from .npy_format import bytes_of
from .payload_errors import CodecError

BINARY = "application/vnd.sagemaker-triton.binary+json"
DATATYPES = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype("O"),
}
"""Name in the protocol -> NumPy's. BYTES are arrays of bytes objects."""
_NO_JSON = ("FP16",)
_MOST_AXES = 32


def datatype_of(dtype: Any) -> str:
    """The protocol's name for a NumPy dtype; empty for one that it does not have."""
    if dtype.kind in "USO":
        return "BYTES"
    if dtype.kind not in "iufb":
        return ""
    return next((name for name, known in DATATYPES.items() if known == dtype.newbyteorder("<")), "")


def write_message(key: str, tensors: Mapping[str, Any], *, binary: bool, wanted: Sequence[str] = ()) -> bytes:
    """A message with ``tensors`` under ``key``: name -> array, BYTES as bytes objects. Raises CodecError.

    ``wanted`` names the outputs that are to come as binary data too. There is a parameter that asks so for all of them,
    ``binary_data_output``; Triton's front for SageMaker answers it with outputs of no bytes (measured on 24.10).
    """
    entries: List[Dict[str, Any]] = []
    parts: List[Any] = []
    for name, array in tensors.items():
        datatype = datatype_of(array.dtype)
        entry: Dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": datatype}
        if binary:
            is_bytes = datatype == "BYTES"
            part = _lengths_and_bytes(array) if is_bytes else bytes_of(array.astype(DATATYPES[datatype], order="C"))
            entry["parameters"] = {"binary_data_size": len(part)}
            parts.append(part)
        elif datatype in _NO_JSON:
            raise CodecError(f"{name} is {datatype}, which the protocol has no JSON for. Send {BINARY}.")
        elif datatype == "BYTES":
            entry["data"] = [_text(item, name) for item in array.reshape(-1)]
        else:
            entry["data"] = array.reshape(-1).tolist()
        entries.append(entry)
    message: Dict[str, Any] = {key: entries}
    if binary and wanted:
        message["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in wanted]
    return b"".join([write_json(message), *parts])


def header_size(body: Any) -> int:
    """Where the JSON header of a binary message ends that :func:`write_message` wrote."""
    data = bytes(body)
    step = 4096
    while True:
        try:
            return len(data[: json.JSONDecoder().raw_decode(data[:step].decode("latin-1"))[1]])
        except ValueError:
            if step >= len(data):
                raise CodecError("the body does not begin with a JSON header.") from None
            step *= 4


def read_message(key: str, body: Any, size: int) -> Dict[str, Any]:
    """Name -> array of the tensors under ``key``; ``size`` is the JSON header's. Raises CodecError, whatever comes."""
    if not 0 < size <= len(body):
        raise CodecError(f"json-header-size is {size}, and the body has {len(body)} bytes.")
    message = read_json(memoryview(body)[:size])
    entries = message.get(key) if isinstance(message, dict) else None
    if not isinstance(entries, list):
        raise CodecError(f"expected an object with {key!r}, a list of tensors.")
    found: Dict[str, Any] = {}
    at = size
    for entry in entries:
        name, shape, datatype = _head_of(entry)
        if name in found:
            raise CodecError(f"the tensor {name!r} is there twice.")
        parameters = entry.get("parameters")
        length = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if length is None:
            found[name] = _from_json(entry.get("data"), name, shape, datatype)
            continue
        if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= len(body) - at:
            raise CodecError(f"binary_data_size of {name!r} is {length!r}; {len(body) - at} bytes are left.")
        found[name] = _from_bytes(memoryview(body)[at : at + length], name, shape, datatype)
        at += length
    if at != len(body):
        raise CodecError(f"{len(body) - at} bytes follow the last tensor.")
    return found


def _head_of(entry: Any) -> Tuple[str, Tuple[int, ...], str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise CodecError("each tensor is an object with a name, a shape and a datatype.")
    shape: Any = entry.get("shape")
    datatype = entry.get("datatype")
    fits = isinstance(shape, list) and len(shape) <= _MOST_AXES
    if not fits or not all(isinstance(axis, int) and not isinstance(axis, bool) and axis >= 0 for axis in shape):
        raise CodecError(f"the shape of {entry['name']!r} is {shape!r}, not a list of sizes.")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise CodecError(f"the datatype of {entry['name']!r} is {datatype!r}, not one of {', '.join(DATATYPES)}.")
    return entry["name"], tuple(shape), datatype


def _count(shape: Sequence[int]) -> int:
    count = 1
    for axis in shape:
        count *= axis
    return count


def _from_json(data: Any, name: str, shape: Tuple[int, ...], datatype: str) -> Any:
    if not isinstance(data, list):
        raise CodecError(f"the tensor {name!r} has neither data nor a binary_data_size.")
    flat = _flat(data)
    if len(flat) != _count(shape):
        raise CodecError(f"the tensor {name!r} has {len(flat)} values and the shape {list(shape)}.")
    if datatype == "BYTES":
        array = np.empty(len(flat), object)
        for place, item in enumerate(flat):
            if not isinstance(item, str):
                raise CodecError(f"the tensor {name!r} is BYTES and holds {type(item).__name__}s.")
            try:
                array[place] = item.encode("utf-8")
            except UnicodeEncodeError:
                raise CodecError(f"the tensor {name!r} holds a lone surrogate, which is not UTF-8.") from None
        return array.reshape(shape)
    wanted = DATATYPES[datatype]
    kinds = {"b": bool, "i": int, "u": int}.get(wanted.kind, (int, float))
    if not all(isinstance(item, kinds) and (wanted.kind == "b" or not isinstance(item, bool)) for item in flat):
        raise CodecError(f"the tensor {name!r} is {datatype} and holds something else.")
    try:
        return np.array(flat, wanted).reshape(shape)
    except (OverflowError, ValueError) as error:
        raise CodecError(f"the tensor {name!r} does not fit {datatype}: {error}.") from None


def _flat(data: List[Any]) -> List[Any]:
    """The protocol lets JSON data be flat or nested as the shape is."""
    while data and all(isinstance(item, list) for item in data):
        data = [inner for item in data for inner in item]
    return data


def _from_bytes(data: Any, name: str, shape: Tuple[int, ...], datatype: str) -> Any:
    count = _count(shape)
    if datatype == "BYTES":
        items = _split(data, name)
        if len(items) != count:
            raise CodecError(f"the tensor {name!r} has {len(items)} values and the shape {list(shape)}.")
        array = np.empty(count, object)
        array[:] = items
        return array.reshape(shape)
    wanted = DATATYPES[datatype]
    if len(data) != count * wanted.itemsize:
        raise CodecError(
            f"the tensor {name!r} has {len(data)} bytes; {list(shape)} of {datatype} take {count * wanted.itemsize}."
        )
    return np.frombuffer(bytes(data), wanted).reshape(shape).copy()


def _split(data: Any, name: str) -> List[bytes]:
    items: List[bytes] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise CodecError(f"the tensor {name!r} ends within a length.")
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        if length > len(data) - at:
            raise CodecError(f"the tensor {name!r} ends within a value.")
        items.append(bytes(data[at : at + length]))
        at += length
    return items


def _lengths_and_bytes(array: Any) -> bytes:
    return b"".join(struct.pack("<I", len(item)) + item for item in array.reshape(-1))


def _text(item: bytes, name: str) -> str:
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError:
        raise CodecError(
            f"{name} holds bytes that are no UTF-8 text, which JSON cannot carry. Send {BINARY}."
        ) from None
