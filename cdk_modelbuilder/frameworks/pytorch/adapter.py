"""The adapter: which format a PyTorch model is saved in, and how it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.frameworks import torch_calls, torch_modules
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_format import no_such_format
from cdk_modelbuilder.frameworks.pytorch import files, traced
from cdk_modelbuilder.frameworks.pytorch.skeleton import SKELETON_FILE, WEIGHTS_FILE, save_skeleton
from cdk_modelbuilder.images.read_by import ReadBy


class PyTorchAdapter:
    """Any ``torch.nn.Module``, TorchScript, and ``torch.export.ExportedProgram``.

    Input: a tensor, a NumPy array, a DataFrame of numbers, nested lists of numbers; a tuple of them is the positional
    arguments, a dict whose keys are parameters of ``forward`` the keyword arguments. Floating-point arrays are cast
    to the dtype of the model's weights; tensors stay as they are. The answer is tensors, NumPy arrays or lists, as the
    input was, or as ``sample_output`` is.
    """

    name = "pytorch"
    model_servers: Sequence[str] = ("ray", "torchserve", "builtin")
    imported_as = "torch"
    distribution = "torch"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return torch_modules.is_program(model) or torch_modules.is_module(model) or files.is_state_dict(model)

    def opens(self, path: Path) -> bool:
        return files.opens(path)

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        return files.open_file(path, trust)

    def check(self, model: Any) -> None:
        if files.is_state_dict(model):
            raise files.no_structure(f"model is a {type(model).__name__} of tensors")
        if not torch_modules.is_program(model):
            torch_modules.check_module(torch_modules.bare(model)[0])

    def methods(self, model: Any) -> Sequence[str]:
        return ["forward", *torch_calls.FORMS, *torch_calls.own_methods(torch_modules.bare(model)[0])]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        if torch_modules.is_program(model):
            return torch_calls.answer(model.module(), data, method)
        module = torch_modules.bare(model)[0]
        with torch_modules.evaluating(module):
            return torch_calls.answer(module, data, method)

    def save(
        self, model: Any, folder: Path, *, model_format: str | None, trust: Sequence[str], sample: Any
    ) -> SavedModel:
        module, taken = torch_modules.bare(model)
        chosen = model_format or _format_of(module)
        notes = [f"the {name} around the module is left out; it changes how training runs." for name in taken]
        if torch_modules.is_program(module):
            if chosen != "export":
                raise no_such_format(chosen, what="ExportedPrograms", remedy="Give 'export'.")
            return traced.save_program(module, folder, sample, notes)
        if module.training:
            notes.append("the module is in training mode; it is packaged in evaluation mode.")
        devices = [device for device in torch_modules.devices_of(module) if device != "cpu"]
        if devices:
            notes.append(f"weights on {', '.join(devices)} are saved for the CPU; a GPU is used where there is one.")
        with torch_modules.evaluating(module):
            if chosen == "torchscript":
                return traced.save_script(module, folder, sample, notes)
            if torch_modules.is_script(module):
                raise no_such_format(chosen, what="modules in TorchScript", remedy="Give 'torchscript'.")
            if chosen == "export":
                return traced.export_module(module, folder, sample, notes)
            if chosen == "source":
                return _save_source(module, folder, trust, sample, notes)
        raise no_such_format(chosen, what="PyTorch models", remedy="Give 'source', 'export' or 'torchscript'.")

    def version(self) -> str:
        import torch  # noqa: PLC0415

        return str(torch.__version__).partition("+")[0]


def _format_of(module: Any) -> str:
    if torch_modules.is_program(module):
        return "export"
    return "torchscript" if torch_modules.is_script(module) else "source"


def _save_source(module: Any, folder: Path, trust: Sequence[str], sample: Any, notes: list[str]) -> SavedModel:
    names = save_skeleton(module, folder, trust)
    return SavedModel(
        data_format="source",
        model_class=f"{type(module).__module__}.{type(module).__qualname__}",
        template="inference/pytorch_source.py.jinja",
        template_values={
            "globals": [list(name) for name in names],
            "skeleton": SKELETON_FILE,
            "weights": WEIGHTS_FILE,
            **torch_calls.call_values(module, sample),
        },
        read_by=ReadBy.SAME_MAJOR,
        modules=sorted({name for name, _ in names if name != "builtins"} | {"safetensors", "torch"}),
        pickle_globals=[".".join(name) for name in names],
        notes=notes,
    )
