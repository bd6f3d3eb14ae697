"""What a PyTorch module is, what hides one, and whether it can be packaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cdk_modelbuilder.errors import ModelError

_WRAPPERS = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
}
"""Classes that run another module, and the attribute that holds it."""

_MODULE = "torch.nn.modules.module.Module"
_SCRIPT = ("torch.jit._script.ScriptModule", "torch.jit._script.RecursiveScriptModule")
_PROGRAM = "torch.export.exported_program.ExportedProgram"

# Their models are modules too, but each library has its own way to save and to call them.
_OTHER_FRAMEWORKS = ("diffusers", "keras", "sentence_transformers", "spacy", "tensorflow", "thinc", "transformers")


def bases_of(model: object) -> list[str]:
    """Full names of the classes that ``model`` is an instance of, its own first; nothing is imported."""
    return [f"{base.__module__}.{base.__qualname__}" for base in type(model).__mro__]


def is_program(model: object) -> bool:
    """Whether ``model`` is what ``torch.export.export()`` gives."""
    return _PROGRAM in bases_of(model)


def is_script(model: object) -> bool:
    """Whether ``model`` is TorchScript."""
    return any(name in _SCRIPT for name in bases_of(model))


def is_module(model: object) -> bool:
    """Whether ``model`` is a PyTorch module, and not one of a library that has an adapter of its own."""
    names = bases_of(bare(model)[0])
    return _MODULE in names and not any(name.partition(".")[0] in _OTHER_FRAMEWORKS for name in names)


def bare(model: Any) -> tuple[Any, list[str]]:
    """``model`` without what only runs it (compilation, parallel training), and the names of what was taken off."""
    taken: list[str] = []
    while True:
        names = bases_of(model)
        attribute = next((_WRAPPERS[name] for name in names if name in _WRAPPERS), None)
        if attribute is None or not hasattr(model, attribute):
            return model, taken
        taken.append(type(model).__name__)
        model = getattr(model, attribute)


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """The block sees ``module`` in evaluation mode; afterwards each part of it is in the mode that it was in."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def check_module(module: Any) -> None:
    """Refuse a module whose weights are not there or not its own.

    Raises:
        ModelError: Lazy layers, weights on the meta device, shards of a distributed model, quantized weights.
    """
    if any(name.startswith("peft.") for name in bases_of(module)):
        raise ModelError(
            f"the {type(module).__name__} is an adapter around a model.",
            remedy="Merge it into the model: model.merge_and_unload().",
        )
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        kind = type(value).__name__
        if kind.startswith("Uninitialized"):
            raise ModelError(
                f"{name} of the {type(module).__name__} has no shape yet: its layer is lazy and never saw data.",
                remedy="Call the model once on a batch, and train it, before ModelBuilder.",
            )
        if value.device.type == "meta":
            raise ModelError(
                f"{name} of the {type(module).__name__} is on the meta device, which holds no numbers.",
                remedy="Load the weights: module.to_empty(device='cpu'), then module.load_state_dict(...).",
            )
        if kind in ("DTensor", "ShardedTensor") or "FlatParameter" in kind:
            raise ModelError(
                f"{name} of the {type(module).__name__} is a {kind}: this process holds only a part of it.",
                remedy="Gather the whole state dict first, and load it into a module that is not sharded.",
            )


def devices_of(module: Any) -> list[str]:
    """Kinds of devices that hold the weights, sorted: ``cpu``, ``cuda``, ``mps``."""
    return sorted({value.device.type for value in [*module.parameters(), *module.buffers()]})
