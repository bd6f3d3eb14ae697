"""ONNX files, the files with weights that they refer to, and sessions on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from cdk_modelbuilder.errors import ModelError

_LARGEST_PROTO = 2**31 - 1
"""Bytes of one message of protobuf, see https://protobuf.dev/programming-guides/proto-limits/."""
_KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training")
"""Domains of ONNX itself; those of Microsoft that onnxruntime brings begin with ``com.microsoft``."""


def session(model: str | bytes) -> Any:
    """A session on the CPU.

    Args:
        model: The path of a file, or its bytes.

    Raises:
        ModelError: onnxruntime cannot run it; operators of a library of their own are named.
    """
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError:
        raise ModelError(
            "an ONNX model is predicted with onnxruntime.", remedy="Run: pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an error
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime has a class for each of its status codes, and no base for them
        custom = _custom_operators(model)
        if custom:
            raise ModelError(
                f"the ONNX model uses operators that onnxruntime does not bring: {', '.join(custom)}.",
                remedy="Load it in an InferenceSpec, whose load() registers the library that has them "
                "(SessionOptions.register_custom_ops_library); or export it with standard operators.",
            ) from None
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} cannot run the ONNX model: {' '.join(str(error).split())}.",
            remedy="Check it with onnx.checker.check_model(); a newer onnxruntime reads newer operators.",
        ) from None


def read(path: Path) -> Any:
    """The ``onnx.ModelProto`` in the file, without the weights that lie in other files.

    Raises:
        ModelError: It is no ONNX model, or refers to files outside of its folder.
    """
    onnx = _onnx()
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # noqa: BLE001 - protobuf's class for it is another one in each of its implementations
        raise ModelError(f"{path} is no ONNX model: {error}.", remedy="Export it again.") from None
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{path} is no ONNX model: it has no operators.", remedy="Export it again.")
    for location in _locations(model):
        _beside(path, location)
    return model


_READERS = (("1.18.0", 21, 10), ("1.20.0", 22, 10), ("1.22.0", 23, 11))
"""onnxruntime, the newest opset that it reads and the newest version of the file format, oldest first.

Source: https://onnxruntime.ai/docs/reference/compatibility.html; all of them read opset 5 of ``ai.onnx.ml``.
"""


def oldest_reader(path: Path) -> str | None:
    """The oldest version of onnxruntime, from 1.18 on, that reads the file; None where the file does not say it."""
    try:
        model = read(path)
    except ModelError:
        return None
    opsets = {item.domain or "ai.onnx": item.version for item in model.opset_import}
    plain = opsets.pop("ai.onnx", 1)
    if opsets.pop("ai.onnx.ml", 1) > 5 or any(version > 1 for version in opsets.values()):
        return None
    return next((name for name, opset, form in _READERS if plain <= opset and model.ir_version <= form), None)


def copy(path: Path, folder: Path, *, name: str) -> None:
    """Copy the file to ``folder``/``name``, and the files that it refers to beside it.

    Raises:
        ModelError: One of them is missing, or has the name of the model's own file.
    """
    for location in sorted(_locations(read(path))):
        source, target = _beside(path, location), folder / location
        if PurePosixPath(location) == PurePosixPath(name):
            raise ModelError(f"{path} keeps weights in a file named {name}.", remedy="Give that file another name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(path, folder / name)


def check_whole(model: Any) -> None:
    """Refuse a ModelProto whose weights are elsewhere.

    Raises:
        ModelError: Names the files.
    """
    locations = sorted(_locations(model))
    if locations:
        raise ModelError(
            f"the ModelProto was loaded without its weights, which are in {', '.join(locations)}.",
            remedy="Give the path of its .onnx file instead, or load it with onnx.load(path).",
        )
    if model.ByteSize() > _LARGEST_PROTO:
        raise ModelError(
            "the ModelProto is larger than the 2 GB that fit into one file.",
            remedy="Save it with onnx.save(..., save_as_external_data=True) and give the path.",
        )


def _beside(path: Path, location: str) -> Path:
    found = path.parent / location
    inside = not PurePosixPath(location).is_absolute() and ".." not in PurePosixPath(location).parts
    if not inside or not found.resolve().is_relative_to(path.parent.resolve()):
        raise ModelError(
            f"{path} refers to {location}, which is outside of its folder.",
            remedy="Save it with the weights beside it: onnx.save(..., save_as_external_data=True).",
        )
    if not found.is_file():
        raise ModelError(
            f"{path} refers to {location}, which is not there.", remedy="Put the file with the weights beside it."
        )
    return found


def _locations(model: Any) -> set[str]:
    """Files that tensors of the model lie in, relative to its own."""
    external = _onnx().TensorProto.EXTERNAL
    return {
        entry.value
        for tensor in _tensors(model)
        if tensor.data_location == external
        for entry in tensor.external_data
        if entry.key == "location"
    }


def _tensors(message: Any) -> Iterator[Any]:
    """Every TensorProto in a message, at any depth: initializers, attributes, those of functions and of subgraphs."""
    if type(message).__name__ == "TensorProto":
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            # A single message has its fields; several are a sequence of messages.
            for item in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(item)


def _custom_operators(model: str | bytes) -> list[str]:
    onnx = _onnx()
    try:
        found = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model, load_external_data=False)
    except Exception:  # noqa: BLE001 - it is no model at all, which the caller says
        return []
    own = {(function.domain, function.name) for function in found.functions}
    return sorted(
        {
            f"{node.domain}.{node.op_type}"
            for node in found.graph.node
            if (node.domain, node.op_type) not in own
            and node.domain not in _KNOWN_DOMAINS
            and not str(node.domain).startswith("com.microsoft")  # protobuf gives bytes for what is no text
        }
    )


def _onnx() -> Any:
    try:
        import onnx  # noqa: PLC0415
    except ImportError:
        raise ModelError("reading an ONNX file needs the package onnx.", remedy="Run: pip install onnx") from None
    return onnx
