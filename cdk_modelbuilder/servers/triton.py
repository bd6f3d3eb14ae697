"""NVIDIA Triton Inference Server: a Python backend that calls the bundle's code, or its own backend for ONNX.

Sources: triton-inference-server/server, ``docker/sagemaker/serve`` (the environment) and ``docs/user_guide``
(``model_configuration.md``, ``batcher.md``); triton-inference-server/python_backend, ``README.md``. Requests and
answers are messages of the Open Inference Protocol, so the schema becomes one of named tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.schema.codecs import Marshaller
from cdk_modelbuilder.schema.tensor_schema import as_named_tensors
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer, ServerAdapter, Verified

MODEL_NAME = "model"
_TYPES = {"BYTES": "TYPE_STRING"}
_BATCH_ROWS = 4096
"""Rows that Triton may put together for one run, and so the most that one request may have."""


class Triton(PythonServer):
    """The Python backend, for models of every framework."""

    name: str = ModelServer.TRITON
    title: str = "Triton"
    requirements_file: str | None = None
    backend = "python"

    def for_framework(self, framework: str) -> ServerAdapter:
        return TritonOnnx() if framework == "onnx" else self

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:  # noqa: ARG002
        return as_named_tensors(marshaller)

    def environment(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": MODEL_NAME,
            "SAGEMAKER_TRITON_LOG_VERBOSE": "false",  # by default it prints every request
        }

    def files(self, layout: Layout) -> Mapping[str, str]:
        codecs = (layout.marshaller.input, layout.marshaller.output)
        sides = [
            [_entry(one["name"], one["datatype"], one["shape"]) for one in codec.spec["tensors"]] for codec in codecs
        ]
        return {
            f"{MODEL_NAME}/config.pbtxt": _configuration(layout, self.backend, sides),
            f"{MODEL_NAME}/1/model.py": render("servers/triton.py.jinja"),
        }


class TritonOnnx(Triton):
    """The ONNX Runtime backend: Triton reads the file itself, and runs nothing of the bundle."""

    data_folder = f"{MODEL_NAME}/1"
    backend = "onnxruntime"
    verified = Verified.BY_NOTHING

    def for_framework(self, framework: str) -> ServerAdapter:  # noqa: ARG002
        return self

    def data_format(self, framework: str) -> str | None:  # noqa: ARG002
        return "onnx"

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:
        graph = [*description["inputs"], *description["outputs"]]
        batched = _is_batched(graph)
        columns = {tensor["name"] for tensor in graph if _is_column(tensor["shape"], batched=batched)}
        wired = as_named_tensors(
            marshaller,
            inputs=[tensor["name"] for tensor in description["inputs"]],
            outputs=[tensor["name"] for tensor in description["outputs"]],
            columns=columns,
        )
        _check_types([*wired.input.spec["tensors"], *wired.output.spec["tensors"]], graph)
        return wired

    def files(self, layout: Layout) -> Mapping[str, str]:
        inputs, outputs = layout.description["inputs"], layout.description["outputs"]
        rows = _BATCH_ROWS if _is_batched([*inputs, *outputs]) else 0
        sides = [[_of_graph(tensor, is_batched=rows > 0) for tensor in side] for side in (inputs, outputs)]
        return {f"{MODEL_NAME}/config.pbtxt": _configuration(layout, self.backend, sides, batch_rows=rows)}


_GRAPH_TYPES = {"bool": "BOOL", "double": "FP64", "float": "FP32", "float16": "FP16", "string": "BYTES"}


def _datatype(graph_type: str) -> str:
    """The protocol's name for ``tensor(float)``, as ONNX Runtime writes types."""
    inner = graph_type.removeprefix("tensor(").removesuffix(")")
    return _GRAPH_TYPES.get(inner, inner.upper())


def _is_batched(graph: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the first axis of every tensor is the batch's: of any length."""
    return all(tensor["shape"][:1] == [None] for tensor in graph)


def _is_column(shape: Sequence[int | None], *, batched: bool) -> bool:
    """Whether arrays of one axis get a second one on the way: the model has it, or Triton's batches need it."""
    return (batched and len(shape) == 1) or (len(shape) == 2 and shape[1] == 1)


def _check_types(tensors: Sequence[Mapping[str, Any]], graph: Sequence[Mapping[str, Any]]) -> None:
    types = {tensor["name"]: _datatype(tensor["type"]) for tensor in graph}
    for tensor in tensors:
        if tensor["datatype"] != types[tensor["name"]]:
            raise SchemaError(
                f"the model's tensor {tensor['name']} is {types[tensor['name']]}, the sample's {tensor['datatype']}.",
                remedy="Give a sample of the model's own type, which Triton does not change: array.astype('float32').",
            )


def _configuration(
    layout: Layout, backend: str, sides: Sequence[Sequence[Mapping[str, Any]]], *, batch_rows: int = 0
) -> str:
    """``config.pbtxt``; with ``batch_rows``, the first axis is Triton's to batch."""
    return render(
        "servers/triton.pbtxt.jinja",
        name=MODEL_NAME,
        backend=backend,
        batch_rows=batch_rows,
        inputs=sides[0],
        outputs=sides[1],
        kind="KIND_GPU" if layout.accelerated else "KIND_CPU",
    )


def _of_graph(tensor: Mapping[str, Any], *, is_batched: bool) -> dict[str, Any]:
    shape = tensor["shape"][1:] if is_batched else tensor["shape"]
    # A tensor with no axis but the batch's is to Triton one of rows with one value each, which it takes off again.
    bare = is_batched and not shape
    return _entry(tensor["name"], _datatype(tensor["type"]), [1] if bare else shape, reshape=bare)


def _entry(name: str, datatype: str, shape: Sequence[int | None], *, reshape: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "type": _TYPES.get(datatype, f"TYPE_{datatype}"),
        "dims": ", ".join("-1" if axis is None else str(axis) for axis in shape),
        "reshape": reshape,
    }
