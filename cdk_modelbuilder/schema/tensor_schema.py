"""Turns a schema into one of named tensors, for model servers that speak the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import Codec, CodecError, Marshaller
from cdk_modelbuilder.schema.codecs.named_tensors import NamedTensorsCodec
from cdk_modelbuilder.schema.codecs.npy_format import CONTENT_TYPE as NPY
from cdk_modelbuilder.schema.codecs.registry import open_codec
from cdk_modelbuilder.schema.codecs.tensor_messages import datatype_of

Json = dict[str, Any]


def as_named_tensors(
    marshaller: Marshaller,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    columns: Collection[str] = (),
) -> Marshaller:
    """``marshaller`` with both directions as tensors.

    Args:
        marshaller: The schema.
        inputs: Names of the input tensors, in the order of the value's parts; None to name them after the parts.
        outputs: The same for the output.
        columns: Names of tensors whose arrays of one axis travel as columns, with a second one.

    Raises:
        SchemaError: A stream, which the protocol has no place for here; or as many names as there are no parts.
    """
    output = _wrapped(marshaller.output, "outputs", outputs, columns=columns)
    wanted = [tensor["name"] for tensor in output.spec["tensors"]]
    return Marshaller(_wrapped(marshaller.input, "inputs", inputs, columns=columns, wanted=wanted), output)


def _wrapped(
    codec: Codec, direction: str, names: Sequence[str] | None, *, columns: Collection[str], wanted: Sequence[str] = ()
) -> NamedTensorsCodec:
    if codec.name == "stream":
        raise SchemaError(
            "sample_output is a stream, which this model server does not answer with.",
            remedy="Give one value as sample_output, or take another model_server.",
        )
    whole = described(codec)
    default = direction.removesuffix("s")
    spec: Json = {"direction": direction, "item": whole}
    table = plain_columns(codec)
    parts = parts_of(codec)
    if table is not None:
        spec |= {"form": "frame", "columns": [list(column) for column in table]}
        tensors = [_of_column(_safe(key, default, place), dtype) for place, (key, dtype) in enumerate(table)]
    elif parts is not None:
        form, items = parts
        spec |= {"form": form, "items": [[key, one] for key, one in items]}
        tensors = [_of_leaf(open_codec(one), _safe(key, default, place)) for place, (key, one) in enumerate(items)]
    else:
        spec |= {"form": "one"}
        tensors = [_of_leaf(codec, default)]
    if names is not None:
        if len(names) != len(tensors):
            raise SchemaError(
                f"the sample has {len(tensors)} parts as {direction}, and the model {len(names)}: {', '.join(names)}.",
                remedy="Give a sample with one array for each: a dict with these names, or a list in their order.",
            )
        tensors = [{**tensor, "name": name} for tensor, name in zip(tensors, names, strict=True)]
    tensors = [_as_column(tensor) if tensor["name"] in columns else tensor for tensor in tensors]
    if wanted:
        spec["wanted"] = list(wanted)
    return NamedTensorsCodec({**spec, "tensors": tensors})


def described(codec: Codec) -> Json:
    """The codec as ``schema.json`` describes it."""
    found: Json = {"codec": codec.name, "content_types": list(codec.content_types), "spec": codec.spec}
    return found


def plain_columns(codec: Codec) -> list[tuple[Any, str]] | None:
    """Key and dtype of a table's columns, if all are plain and the index counts; else None."""
    if codec.name != "pandas" or codec.spec.get("kind") != "frame":
        return None
    index = codec.spec.get("index", [])
    if [one.get("dtype") for one in index] != ["range"] or any(one.get("name") is not None for one in index):
        return None
    found = []
    for column in codec.spec["columns"]:
        name, dtype, kind = column["name"], column["dtype"], column["kind"]
        plain = kind == "string" if dtype in ("str", "object") else bool(_named(dtype))
        if not isinstance(name, str) or not plain:
            return None
        found.append((name, dtype))
    return found


def _of_column(name: str, dtype: str) -> Json:
    return _tensor(name, "BYTES" if dtype in ("str", "object") else _named(dtype), [None], "array")


def _named(dtype: str) -> str:
    import numpy as np  # noqa: PLC0415 - only tables and arrays need it

    try:
        return datatype_of(np.dtype(dtype)) if dtype[:1] in "biuf" else ""
    except TypeError:  # a dtype of pandas's own
        return ""


def parts_of(codec: Codec) -> tuple[str, list[tuple[Any, Json]]] | None:
    """The form of a container of leaves, and those; None for anything else."""
    if codec.name != "tree":
        return None
    node: Mapping[str, Any] = codec.spec
    if node.get("node") == "dict" and node.get("keys") == "text":
        items = [(key, child) for key, child in node["items"]]
        form = "dict"
    elif node.get("node") == "sequence" and node.get("type") in ("list", "tuple"):
        items = list(enumerate(node["items"]))
        form = node["type"]
    else:
        return None
    if not items or any(child.get("node") != "leaf" for _, child in items):
        return None
    return form, [(key, described(open_codec(child))) for key, child in items]


def _of_leaf(codec: Codec, name: str) -> Json:
    form = codec.spec.get("form") if codec.name == "json" else None
    if codec.name == "text" or form == {"kind": "string"}:
        return _tensor(name, "BYTES", [1], "text")
    if form == {"kind": "array", "items": {"kind": "string"}}:
        return _tensor(name, "BYTES", [None], "texts")
    shape, array = codec.spec.get("shape"), _example(codec)
    datatype = "" if array is None else datatype_of(array.dtype)
    if datatype and shape is not None:
        return _tensor(name, datatype, list(shape) or [1], "array")
    return _tensor(name, "BYTES", [1], "body")


def _example(codec: Codec) -> Any:
    from cdk_modelbuilder.schema.codecs.npy_format import read_npy  # noqa: PLC0415 - it imports NumPy

    if NPY not in codec.content_types:
        return None
    try:
        return read_npy(codec.encode(codec.example(), NPY))
    except CodecError:
        return None


def _tensor(name: str, datatype: str, shape: list[int | None], carries: str) -> Json:
    return {"carries": carries, "datatype": datatype, "name": name, "shape": shape}


def _as_column(tensor: Json) -> Json:
    is_one = tensor["shape"] == [None] and tensor["carries"] == "array"
    return {**tensor, "column": True, "shape": [None, 1]} if is_one else tensor


def _safe(key: Any, default: str, place: int) -> str:
    """The part's own name; ``input_0`` where it has none that a configuration file takes."""
    if isinstance(key, str) and key.isprintable() and key and not set(key) & set('"\\'):
        return key
    return f"{default}_{place}"
