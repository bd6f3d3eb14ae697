"""A module in two files: its tensors in safetensors, and the rest of it, the skeleton, as a pickle without tensors.

The skeleton names classes and holds plain attributes. So the classes' source has to travel, and does; the numbers are
in a format that holds no code.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickles import Global, check_globals, list_globals

SKELETON_FILE = "skeleton.pkl"
WEIGHTS_FILE = "weights.safetensors"

LIBRARIES = ("torch", "torchvision", "torchaudio", "timm", "transformers", "sentence_transformers", "diffusers")
"""Their modules' classes may be named: a module of the user's often holds one of theirs."""

_SETTINGS = (
    "transformers.configuration_utils.PreTrainedConfig",
    "transformers.configuration_utils.PretrainedConfig",
    "transformers.generation.configuration_utils.GenerationConfig",
)
"""Classes of plain values that their modules keep."""

_NAMES = frozenset(
    {
        "torch.Size",
        "torch.device",
        "torch.dtype",
        "torch._C._nn.gelu",
        "torch._C._nn.softplus",
        "torch._C._nn.log_sigmoid",
    }
    | {"torch._C._nn.leaky_relu", "torch._C._nn.elu_", "torch._C._nn.hardtanh"}
)


class _Outside(pickle.Pickler):
    """Pickles what is no tensor, and puts an id where a tensor was."""

    def __init__(self, file: Any, names: dict[int, str]) -> None:
        super().__init__(file, protocol=5)
        self.names = names
        self.tensors: dict[str, Any] = {}
        self._keys: dict[tuple[Any, ...], str] = {}
        self._ids: dict[int, tuple[str, int, str, bool]] = {}
        self._kept: list[Any] = []  # an id is a number's only while the object lives

    def persistent_id(self, obj: Any) -> tuple[str, int, str, bool] | None:
        import torch  # noqa: PLC0415

        is_tensor = isinstance(obj, torch.Tensor)
        if not is_tensor and not _is_operator(obj):
            return None
        found = self._ids.get(id(obj))
        if found is None:
            number = len(self._ids)
            if is_tensor:
                kind = "parameter" if isinstance(obj, torch.nn.Parameter) else "tensor"
                found = (kind, number, self._key_of(obj), bool(obj.requires_grad))
            else:
                found = ("function", number, obj.__name__, False)
            self._ids[id(obj)] = found
            self._kept.append(obj)
        return found

    def _key_of(self, tensor: Any) -> str:
        """The name that the tensor's numbers are saved under; the same for tensors that share them."""
        name = self.names.get(id(tensor), f"attribute.{len(self.tensors)}")
        value = _saveable(tensor, name)
        place = (value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride(), value.dtype)
        if place not in self._keys or value.numel() == 0:
            whole = value.is_contiguous() and value.untyped_storage().nbytes() == value.numel() * value.element_size()
            self._keys[place] = name
            self._kept.append(value)
            self.tensors[name] = value if whole else value.clone(memory_format=_contiguous())
        return self._keys[place]


def save_skeleton(module: Any, folder: Path, trust: Sequence[str]) -> list[Global]:
    """Write ``module`` into :data:`SKELETON_FILE` and :data:`WEIGHTS_FILE`; returns the globals that the former names.

    Raises:
        ModelError: It holds what cannot be pickled, or names globals that are not PyTorch's, local, or trusted.
    """
    try:
        import safetensors.torch  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ModelError(
            "the weights of a PyTorch model are saved with the package safetensors, which is not installed.",
            remedy="Run: pip install safetensors; or give model_format='export'.",
        ) from None

    path = folder / SKELETON_FILE
    names = {id(value): name for name, value in [*module.named_buffers(), *module.named_parameters()]}
    try:
        with path.open("wb") as handle, _without_origins(module):
            pickler = _Outside(handle, names)
            pickler.dump(module)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError, NotImplementedError) as error:
        raise ModelError(
            f"the {type(module).__name__} cannot be taken apart: {error}.",
            remedy="Lambdas and local functions are the usual cause: define them by name in a module. Take "
            "parametrizations off with torch.nn.utils.parametrize.remove_parametrizations(). Or give "
            "model_format='export', which keeps the computation and not the classes.",
        ) from None
    with path.open("rb") as handle:
        found = list_globals(handle)
    check_globals(not_of_torch(found), trust)
    safetensors.torch.save_file(pickler.tensors, folder / WEIGHTS_FILE)
    return found


@contextmanager
def _without_origins(module: Any) -> Iterator[None]:
    """The block sees modules of transformers without the path on this machine that they were loaded from."""
    taken = []
    for part in module.modules():
        for holder in (part, getattr(part, "config", None)):
            for name in ("name_or_path", "_name_or_path"):
                value = getattr(holder, "__dict__", {}).get(name)
                if isinstance(value, str) and Path(value).is_absolute():
                    taken.append((holder, name, value))
                    holder.__dict__[name] = ""
    try:
        yield
    finally:
        for holder, name, value in taken:
            holder.__dict__[name] = value


def not_of_torch(names: Iterable[Global]) -> list[Global]:
    """Those of ``names`` that are not classes of PyTorch's layers, its activation functions or its plain values."""
    return [name for name in names if not _is_of_torch(*name)]


def _is_of_torch(module: str, name: str) -> bool:
    if f"{module}.{name}" in _NAMES:
        return True
    if module.partition(".")[0] not in LIBRARIES:
        return False
    import torch  # noqa: PLC0415

    value = getattr(sys.modules.get(module), name, None)
    if isinstance(value, torch.dtype | torch.memory_format | torch.layout):
        return True
    if module == "torch.nn.functional":
        return getattr(value, "__module__", None) == module
    if isinstance(value, type) and any(f"{base.__module__}.{base.__name__}" in _SETTINGS for base in value.__mro__):
        return True
    # Two kinds of modules build themselves from source text in the pickle.
    from_text = isinstance(value, type) and issubclass(value, torch.fx.GraphModule | torch.jit.ScriptModule)
    return isinstance(value, type) and issubclass(value, torch.nn.Module) and not from_text


def _is_operator(value: Any) -> bool:
    """Whether ``value`` is a function such as ``torch.relu``, which pickle would reach through ``getattr``."""
    import torch  # noqa: PLC0415

    name = getattr(value, "__name__", "")
    return type(value).__name__ == "builtin_function_or_method" and getattr(torch, name, None) is value


def _contiguous() -> Any:
    import torch  # noqa: PLC0415

    return torch.contiguous_format


def _saveable(tensor: Any, name: str) -> Any:
    """The tensor's numbers on the CPU, without gradients and lazily negated or conjugated views.

    Raises:
        ModelError: They are not kept as plain numbers.
    """
    import torch  # noqa: PLC0415

    kind = f"{tensor.layout}".removeprefix("torch.")
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        kind = type(tensor).__name__
    elif tensor.is_quantized:
        kind = "quantized"
    elif tensor.is_nested:
        kind = "nested"
    if kind != "strided":
        raise ModelError(
            f"the tensor {name} is of the kind {kind}, which safetensors cannot hold.",
            remedy="Give model_format='export', or load the model in an InferenceSpec.",
        )
    return tensor.detach().resolve_conj().resolve_neg().cpu()
