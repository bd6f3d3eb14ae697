"""ONNX: a ModelProto, a session of onnxruntime, or a file; saved as ``model.onnx``, predicted by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import onnx_files
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.onnx import call_onnx
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.images.read_by import ReadBy

MODEL_FILE = "model.onnx"
_PREDICT = "predict"


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """An ONNX model on disk; files with its weights may lie beside it."""

    path: Path
    session: Any = field(repr=False)


class OnnxAdapter:
    """``onnx.ModelProto``, ``onnxruntime.InferenceSession`` and ``.onnx`` files.

    Input: an array, a table, text or nested lists for a model with one input; a dict, a table with a column for each
    input, or a list in the order of the inputs for several. Numbers are cast where nothing but precision is lost.
    Output: the array (text as an array of text, ZipMap's as a list of dicts); a dict of all for a model with several
    outputs. The methods are ``predict`` and the outputs' names, for one output alone.
    """

    name = "onnx"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "onnxruntime"
    distribution = "onnxruntime"
    provided_by: Sequence[str] = ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")

    def recognises(self, model: object) -> bool:
        names = {(base.__module__.partition(".")[0], base.__name__) for base in type(model).__mro__}
        return isinstance(model, OnnxFile) or bool(
            names & {("onnx", "ModelProto"), ("onnxruntime", "InferenceSession")}
        )

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:  # noqa: ARG002 - ONNX holds no code
        file = only_model(path, _is_model)
        if file.suffix == ".ort":
            raise _ort_format(file)
        onnx_files.read(file)  # what refers to files elsewhere must not be opened
        return OnnxFile(file, onnx_files.session(str(file)))

    def check(self, model: Any) -> None:
        if _is_proto(model):
            onnx_files.check_whole(model)
            _session(model)
        elif not isinstance(model, OnnxFile) and str(getattr(model, "_model_path", None)).endswith(".ort"):
            raise _ort_format(model._model_path)  # noqa: SLF001 - a session has no public name for it

    def methods(self, model: Any) -> Sequence[str]:
        return [_PREDICT, *(item.name for item in _session(model).get_outputs() if item.name != _PREDICT)]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        return call_onnx(_session(model), data, None if method == _PREDICT else method)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - ONNX holds no code
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["onnx"],
            what="ONNX models",
            remedy="Leave it out, or give 'onnx'.",
        )
        if _is_proto(model):
            (folder / MODEL_FILE).write_bytes(model.SerializeToString(deterministic=True))
            kind = "onnx.ModelProto"
        else:
            _copy(model, folder)
            kind = "onnxruntime.InferenceSession"
        saved = onnx_files.session(str(folder / MODEL_FILE))
        return SavedModel(
            data_format="onnx",
            read_by=ReadBy.NEWER,
            reads_since=onnx_files.oldest_reader(folder / MODEL_FILE),
            model_class=kind,
            template="inference/onnx.py.jinja",
            template_values={"file": MODEL_FILE},
            modules=["onnxruntime"],
            notes=[] if _is_proto(model) else _provider_notes(_session(model)),
            description={
                "inputs": [_described(item) for item in saved.get_inputs()],
                "outputs": [_described(item) for item in saved.get_outputs()],
            },
        )

    def version(self) -> str:
        import onnxruntime  # noqa: PLC0415

        return str(onnxruntime.__version__)


def _is_model(path: Path) -> bool:
    return path.suffix in (".onnx", ".ort")


def _is_proto(model: Any) -> bool:
    return hasattr(model, "SerializeToString")


def _session(model: Any) -> Any:
    if isinstance(model, OnnxFile):
        return model.session
    return onnx_files.session(model.SerializeToString()) if _is_proto(model) else model


def _copy(model: Any, folder: Path) -> None:
    """Write the file of a session, with the weights beside it."""
    data = None if isinstance(model, OnnxFile) else model._model_bytes  # noqa: SLF001 - public names for them are missing
    if data is not None:
        (folder / MODEL_FILE).write_bytes(data)
        return
    path = model.path if isinstance(model, OnnxFile) else Path(model._model_path)  # noqa: SLF001 - as above
    if not path.is_file():
        raise ModelError(
            f"the session was made from {path}, which is not there any more.",
            remedy="Give the path of the .onnx file, or the onnx.ModelProto.",
        )
    onnx_files.copy(path, folder, name=MODEL_FILE)


def _provider_notes(session: Any) -> list[str]:
    first = str(next(iter(session.get_providers()), "CPUExecutionProvider"))
    if first in ("AzureExecutionProvider", "CPUExecutionProvider"):  # that of Azure runs its own operators alone
        return []
    return [f"the session runs on {first} here; the endpoint runs the model on the CPU."]


def _described(item: Any) -> dict[str, Any]:
    return {"name": item.name, "type": item.type, "shape": list(item.shape or ())}


def _ort_format(path: Any) -> ModelError:
    return ModelError(
        f"{path} is in onnxruntime's own format, which is tied to one version of it.",
        remedy="Give the .onnx file that it was made from.",
    )
