"""Models in files: TorchScript, exported programs, and what torch.save() wrote, with its globals read first."""

from __future__ import annotations

import importlib
import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.pickles import check_globals, list_globals
from cdk_modelbuilder.frameworks.pytorch.skeleton import LIBRARIES, not_of_torch

_SUFFIXES = (".pt", ".pth", ".pt2", ".ts", ".torchscript", ".ckpt")

_TENSOR_MAKERS = frozenset(
    {
        f"torch._utils.{name}"
        for name in ("_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_tensor", "_rebuild_tensor_v3")
    }
    | {"torch.serialization._get_layout", "torch.storage.UntypedStorage", "torch.storage.TypedStorage"}
)


_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""torch.save() writes protocol 2, which has Python 2's names for these."""


def is_state_dict(model: object) -> bool:
    """Whether ``model`` is a mapping of names to tensors, judged without importing torch."""
    if not isinstance(model, Mapping) or not model:
        return False
    return all(
        isinstance(key, str) and any(f"{base.__module__}.{base.__name__}" in _TENSORS for base in type(value).__mro__)
        for key, value in model.items()
    )


_TENSORS = ("torch.Tensor", "torch._tensor.Tensor")


def no_structure(what: str) -> ModelError:
    """The error for weights without the module that they belong to."""
    return ModelError(
        f"{what}: weights without the module that they belong to.",
        remedy="Make the module, call its load_state_dict() with them, and give the module as model=.",
    )


def opens(path: Path) -> bool:
    """Whether ``path`` is a file that PyTorch wrote, or a folder with one; safetensors are looked at too."""
    if (path / "adapter_config.json").exists():  # of a model of transformers
        return False
    return bool(model_files(path, _is_model))


def _is_model(path: Path) -> bool:
    if path.suffix == ".safetensors":
        return True
    if path.suffix not in _SUFFIXES:
        return False
    return zipfile.is_zipfile(path) or path.read_bytes()[:1] == b"\x80"


def open_file(path: Path, trust: Sequence[str]) -> Any:
    """The model in the file, or in the only one in the folder; weights are put on the CPU.

    Raises:
        ModelError: It holds weights only, cannot be read, or names globals that nobody has vouched for; or there are
            several.
    """
    path = only_model(path, _is_model)
    if path.suffix == ".safetensors":
        raise no_structure(f"{path} is a safetensors file")
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path} is in the format of PyTorch before 1.6, a pickle that is executed to be read.",
            remedy="Load it where you trust it, and save it again with torch.save().",
        )
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        inner = {name.partition("/")[2] for name in names}
        pickles = [archive.read(name) for name in names if name.partition("/")[2] == "data.pkl"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated
            if "archive_format" in inner:
                return _program(path)
            if "constants.pkl" in inner:
                return _script(path)
    except (RuntimeError, ValueError, KeyError) as error:
        raise _unreadable(path, error) from None
    if not pickles:
        raise _unreadable(path, "it holds neither a program nor a pickle")
    return _saved(path, pickles[0], trust)


def _program(path: Path) -> Any:
    import torch  # noqa: PLC0415

    return torch.export.load(path)


def _script(path: Path) -> Any:
    import torch  # noqa: PLC0415

    return torch.jit.load(str(path), map_location="cpu")


def _saved(path: Path, data: bytes, trust: Sequence[str]) -> Any:
    """What torch.save() wrote, read by torch's unpickler that calls only what was named to it."""
    import torch  # noqa: PLC0415

    names = [(_PYTHON_2.get(module, module), name) for module, name in list_globals(io.BytesIO(data))]
    for module, _ in names:  # a module that is not loaded cannot be judged; only those of known libraries are
        if module.partition(".")[0] in LIBRARIES:
            importlib.import_module(module)
    unknown = [name for name in not_of_torch(names) if not _makes_tensors(*name)]
    check_globals(unknown, trust)
    allowed = [_resolved(*name) for name in names if not _makes_tensors(*name)]
    try:
        with torch.serialization.safe_globals(allowed):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - the unpickler meets bytes of any kind
        raise _unreadable(path, error) from None
    if isinstance(found, Mapping):
        raise no_structure(f"{path} holds a {type(found).__name__}")
    return found


def _makes_tensors(module: str, name: str) -> bool:
    return f"{module}.{name}" in _TENSOR_MAKERS or (module == "torch" and name.endswith("Storage"))


def _resolved(module: str, name: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _unreadable(path: Path, error: object) -> ModelError:
    text = " ".join(str(error).split())[:300]
    return ModelError(
        f"{path} is no model that PyTorch reads: {text}.",
        remedy="Save it again with torch.export.save() or torch.jit.save(), or give the module itself.",
    )
