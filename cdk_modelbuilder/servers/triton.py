"""NVIDIA Triton Inference Server: a Python backend that calls the bundle's code, or its own backend for ONNX.

Sources: triton-inference-server/server, ``docker/sagemaker/serve`` (the environment) and ``docs/user_guide``
(``model_configuration.md``, ``batcher.md``); triton-inference-server/python_backend, ``README.md``. Requests and
answers are messages of the Open Inference Protocol, so the schema becomes one of named tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.schema.codecs import Marshaller
from cdk_modelbuilder.schema.codecs.named_tensors import NamedTensorsCodec
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
        return {
            f"{MODEL_NAME}/config.pbtxt": _configuration(layout, self.backend, batch_rows=0),
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
        return as_named_tensors(marshaller, inputs=description["inputs"], outputs=description["outputs"])

    def files(self, layout: Layout) -> Mapping[str, str]:
        rows = _BATCH_ROWS if _is_batched(layout.marshaller) else 0
        return {f"{MODEL_NAME}/config.pbtxt": _configuration(layout, self.backend, batch_rows=rows)}


def _is_batched(marshaller: Marshaller) -> bool:
    """Whether every tensor's first axis is the batch's: of any length, in both directions."""
    return all(
        tensor["shape"][:1] == [None]
        for codec in (marshaller.input, marshaller.output)
        for tensor in codec.spec["tensors"]
    )


def _configuration(layout: Layout, backend: str, *, batch_rows: int) -> str:
    """``config.pbtxt``; with ``batch_rows``, the first axis is Triton's to batch."""
    sides = []
    for codec in (layout.marshaller.input, layout.marshaller.output):
        assert isinstance(codec, NamedTensorsCodec)
        sides.append([_tensor(one, is_batched=batch_rows > 0) for one in codec.spec["tensors"]])
    return render(
        "servers/triton.pbtxt.jinja",
        name=MODEL_NAME,
        backend=backend,
        batch_rows=batch_rows,
        inputs=sides[0],
        outputs=sides[1],
        kind="KIND_GPU" if layout.accelerated else "KIND_CPU",
    )


def _tensor(tensor: Mapping[str, Any], *, is_batched: bool) -> dict[str, Any]:
    shape = tensor["shape"][1:] if is_batched else tensor["shape"]
    # A tensor with no axis but the batch's is one of rows with one value each, which Triton takes off again.
    return {
        "name": tensor["name"],
        "type": _TYPES.get(tensor["datatype"], f"TYPE_{tensor['datatype']}"),
        "dims": ", ".join("-1" if axis is None else str(axis) for axis in shape) or "1",
        "reshape": is_batched and not shape,
    }
