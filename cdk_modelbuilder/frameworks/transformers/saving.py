"""Writes a model of transformers and what prepares its input: weights in safetensors, all else in JSON and text."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import torch_calls
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.hub_folders import forget_this_machine, place_files, quiet
from cdk_modelbuilder.frameworks.transformers.loading import PREPARERS, class_of, dtype_option
from cdk_modelbuilder.frameworks.transformers.parts import SETTINGS, ModelFolder, Parts
from cdk_modelbuilder.images.read_by import ReadBy


def save_parts(
    parts: Parts, folder: Path, sample: Any, notes: Sequence[str], origin: ModelFolder | None = None
) -> SavedModel:
    """Write the parts, or place the files of the folder that they were loaded from.

    Raises:
        ModelError: A class or a setting cannot be kept.
    """
    kind = type(parts.model)
    runs_code = False
    name = [kind.__module__, kind.__qualname__]
    if origin is not None:
        class_name, runs_code = class_of(origin)
        name = ["transformers", class_name]
        place_files(origin.path, folder, code=runs_code)
    else:
        _check_class(kind)
        _write(parts, folder)
    if kind.__module__.startswith("transformers."):
        name = ["transformers", kind.__qualname__]
    is_of_script = kind.__module__ in SCRIPT_MODULES
    own = [] if is_of_script or runs_code else [name[0]]
    settings = {} if parts.pipeline is None else settings_of(parts.pipeline)
    alone = not parts.preparers and parts.pipeline is None
    return SavedModel(
        data_format="safetensors",
        model_class=f"{kind.__module__}.{kind.__qualname__}",
        template=f"inference/transformers_{'model' if alone else 'pipeline'}.py.jinja",
        template_values={
            "class_name": name,
            "dtype_option": dtype_option(),
            "preparers": {item: PREPARERS[item] for item in parts.preparers},
            "runs_code": runs_code,
            "settings": settings,
            "direct": parts.pipeline is None,
            **(torch_calls.call_values(parts.model, sample) if alone else {}),
        },
        read_by=ReadBy.SAME_MAJOR,
        modules=sorted({*own, "torch", "transformers", *({"PIL"} if "image_processor" in parts.preparers else ())}),
        pickle_globals=[".".join(name)] if is_of_script else [],
        notes=notes,
    )


def _check_class(kind: type) -> None:
    if kind.__module__.partition(".")[0] == "transformers_modules":
        raise ModelError(
            f"{kind.__qualname__} comes from code that was downloaded with the model.",
            remedy="Give the model's folder instead, and name that code in trust=.",
        )


def _write(parts: Parts, folder: Path) -> None:
    """Weights, settings and vocabularies, the same bytes each time."""
    options: dict[str, Any] = {}
    if "safe_serialization" in inspect.signature(parts.model.save_pretrained).parameters:
        options["safe_serialization"] = True
    with quiet():
        parts.model.save_pretrained(folder, **options)
        for kind, preparer in parts.preparers.items():
            if kind != "processor" or len(parts.preparers) == 1 or hasattr(preparer, "save_pretrained"):
                preparer.save_pretrained(folder)
    forget_this_machine(folder)


def settings_of(pipe: Any) -> dict[str, dict[str, Any]]:
    """The parameters that a pipeline was made with, as plain values; members of enumerations as a list of three.

    Raises:
        ModelError: One is neither.
    """
    found: dict[str, dict[str, Any]] = {}
    for attribute in SETTINGS:
        values = getattr(pipe, attribute, None) or {}
        kept = {key: value for key, value in values.items() if key not in ("assistant_model", "generation_config")}
        found[attribute] = {key: _plain(key, value) for key, value in kept.items()}
    return {attribute: values for attribute, values in found.items() if values}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Enum):
        return {"enum": [type(value).__module__, type(value).__qualname__, value.name]}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, item) for key, item in value.items()}
    raise ModelError(
        f"the pipeline's parameter {name} is a {type(value).__name__}, which cannot be written down.",
        remedy="Leave it out of the pipeline, or make the pipeline in the load() of an InferenceSpec.",
    )
