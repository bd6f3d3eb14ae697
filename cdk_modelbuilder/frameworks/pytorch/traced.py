"""Formats that keep a module's computation instead of its classes: TorchScript and exported programs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import torch_calls
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.pytorch import torch_arguments
from cdk_modelbuilder.frameworks.pytorch.unmarked import unmark_script, unmarked
from cdk_modelbuilder.images.read_by import ReadBy

SCRIPT_FILE = "model.pt"
PROGRAM_FILE = "model.pt2"


def save_script(module: Any, folder: Path, sample: Any, notes: Sequence[str]) -> SavedModel:
    """Write TorchScript: compiled from source, so that branches stay; traced with the sample where that fails.

    Raises:
        ModelError: Neither works.
    """
    import torch  # noqa: PLC0415

    notes = list(notes)
    script = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own advice, and that TorchScript is deprecated: said in a note
        if not isinstance(module, torch.jit.ScriptModule):
            try:
                script = torch.jit.script(module)
            except Exception as error:  # noqa: BLE001 - a compiler that meets any Python
                script = _traced(module, sample, str(error).strip().splitlines()[0])
                notes.append(
                    "TorchScript could not compile the module, so it is traced: what depends on values is fixed."
                )
        torch.jit.save(script, str(folder / SCRIPT_FILE))
    unmark_script(folder / SCRIPT_FILE)
    return SavedModel(
        data_format="torchscript",
        model_class=f"{type(module).__module__}.{type(module).__qualname__}",
        template="inference/pytorch_torchscript.py.jinja",
        template_values={"file": SCRIPT_FILE, **torch_calls.call_values(script, sample)},
        read_by=ReadBy.NEWER,
        modules=["torch"],
        notes=notes,
    )


def _traced(module: Any, sample: Any, why: str) -> Any:
    import torch  # noqa: PLC0415

    positional, keywords = arguments(module, sample)
    try:
        if keywords:
            return torch.jit.trace(module, example_kwarg_inputs=keywords)
        return torch.jit.trace(module, positional)
    except Exception as error:
        raise ModelError(
            f"the {type(module).__name__} becomes no TorchScript: it cannot be compiled ({why}) or traced ({error}).",
            remedy="Leave model_format out: the module is then saved with its source.",
        ) from error


def export_module(module: Any, folder: Path, sample: Any, notes: Sequence[str]) -> SavedModel:
    """Write an exported program, for batches of any size where the module allows it.

    Raises:
        ModelError: The module cannot be exported.
    """
    import torch  # noqa: PLC0415

    positional, keywords = arguments(module, sample)
    free, fixed = _doubled((positional, keywords)), (positional, keywords)
    shapes = (_any_batch(free[0], positional), _any_batch(free[1], keywords))
    first = "the batch axis cannot be seen"
    notes = list(notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on the exporter's own workings
        try:
            dynamic = tuple(shapes[0]) if not keywords else shapes[1]
            program = torch.export.export(module, *free, dynamic_shapes=dynamic)
            if not program.range_constraints:  # no axis is left open
                notes.append("the program takes batches of the sample's size only: the module works with that number.")
                program = torch.export.export(module, *fixed)
        except Exception as error:  # noqa: BLE001 - a compiler that meets any Python
            first = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            program = _exported_as_is(module, fixed, first)
            notes.append(f"the program takes batches of the sample's size only ({first}).")
    return save_program(
        program, folder, sample, notes, model_class=f"{type(module).__module__}.{type(module).__qualname__}"
    )


def _exported_as_is(module: Any, given: tuple[Any, Any], first: str) -> Any:
    import torch  # noqa: PLC0415

    try:
        return torch.export.export(module, *given)
    except Exception as error:
        raise ModelError(
            f"the {type(module).__name__} cannot be exported: {type(error).__name__}: {error} "
            f"(with an open batch: {first}).",
            remedy="Leave model_format out: the module is then saved with its source.",
        ) from error


def save_program(
    program: Any, folder: Path, sample: Any, notes: Sequence[str], *, model_class: str | None = None
) -> SavedModel:
    """Write an ``ExportedProgram``."""
    import torch  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with unmarked(program):
            torch.export.save(program, folder / PROGRAM_FILE)
        module = program.module()
    return SavedModel(
        data_format="export",
        model_class=model_class or "torch.export.ExportedProgram",
        template="inference/pytorch_export.py.jinja",
        template_values={"file": PROGRAM_FILE, **torch_calls.call_values(module, sample)},
        read_by=ReadBy.NEWER,
        modules=["torch"],
        notes=notes,
    )


def arguments(module: Any, sample: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and the keyword arguments that the sample becomes."""
    given = torch_arguments(module, sample)
    how = torch_calls.spread(module, sample, "forward")
    if how == "positional":
        return tuple(given), {}
    return ((), dict(given)) if how == "keywords" else ((given,), {})


def _doubled(value: Any) -> Any:
    """``value`` with batches of one doubled: an exporter takes an axis of one for a constant."""
    import torch  # noqa: PLC0415

    return _mapped(value, lambda item: torch.cat([item, item]) if item.ndim and len(item) == 1 else item)


def _any_batch(value: Any, like: Any) -> Any:
    """Which axes are free, for each tensor in ``value``: the first one, if all tensors have the same."""
    import torch  # noqa: PLC0415

    return _mapped(value, lambda item: {0: torch.export.Dim.AUTO} if item.ndim else None) if like else value


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    import torch  # noqa: PLC0415

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(item, change) for item in value)
    return None if not isinstance(value, bool | int | float | str) else value
