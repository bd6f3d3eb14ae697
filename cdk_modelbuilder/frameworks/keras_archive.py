"""The ``.keras`` file: settings in JSON and weights in HDF5; which code it asks for, and the same bytes each time.

The format: https://keras.io/guides/serialization_and_saving. What a file may ask for is limited here as well as in
Keras's safe mode, which has been bypassed through functions of Keras's own (CVE-2025-8747).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.local_source import is_local
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickles import matches

ARCHIVE_FILE = "model.keras"

_CONFIG = "config.json"
_METADATA = "metadata.json"
_KERAS_MODULES = (
    "keras",
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.models",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.quantizers",
    "keras.random",
    "keras.regularizers",
)
"""Modules of Keras that a file may name. keras.utils is none of them: it can download."""


def read_config(path: Path) -> dict[str, Any]:
    """The settings in the archive.

    Raises:
        ModelError: It is no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(_CONFIG))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is no .keras file: {error}.", remedy="Save it again with model.save().") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no settings of a model.", remedy="Save it again with model.save().")
    return found


def named_things(config: Any) -> Iterator[dict[str, Any]]:
    """Every class and function that the settings of a model name; those for training only are left out."""
    if isinstance(config, Mapping):
        if "class_name" in config:
            yield dict(config)
        for key, value in config.items():
            if key != "compile_config":
                yield from named_things(value)
    elif isinstance(config, list):
        for item in config:
            yield from named_things(item)


_FOREIGN_LAYERS = ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper")
"""Layers that hold the model of another library, as pickled code or as a path."""


def refuse_code(config: Any) -> None:
    """Refuse layers whose code is in the file, or outside of it.

    Raises:
        ModelError: There is one.
    """
    for thing in named_things(config):
        if thing["class_name"] in _FOREIGN_LAYERS and thing.get("module") == "keras.layers":
            raise ModelError(
                f"the model has a {thing['class_name']}, which holds a model of another library.",
                remedy="Package that model itself, or load both in an InferenceSpec.",
            )
        if thing["class_name"] == "__lambda__":
            raise ModelError(
                "the model has a Lambda layer, whose code would be stored as bytes and executed.",
                remedy="Use a layer of your own or keras.ops, or give model_format='saved_model', which keeps the "
                "computation.",
            )


def is_of_keras(thing: Mapping[str, Any]) -> bool:
    """Whether Keras itself defines what is named."""
    module = thing.get("module")
    if module is None:
        return thing.get("registered_name") is None or str(thing["class_name"]).startswith("__")
    if module == "builtins" and thing["class_name"] == "function":
        import keras  # noqa: PLC0415

        return hasattr(keras.activations, str(thing.get("config")))
    return module in _KERAS_MODULES


def check_names(path: Path, config: Any, trust: Sequence[str]) -> None:
    """Refuse a file that asks for code which is neither Keras's, nor local, nor trusted.

    Raises:
        ModelError: With its name.
    """
    refuse_code(config)
    for thing in named_things(config):
        if is_of_keras(thing):
            continue
        name = f"{thing.get('module')}.{thing['class_name']}"
        if thing.get("module") is None:
            import keras  # noqa: PLC0415

            if keras.saving.get_registered_object(str(thing["registered_name"])) is not None:
                continue
            raise ModelError(
                f"{path} needs {thing['registered_name']}, which is not registered here.",
                remedy="Import the module that defines it before ModelBuilder.",
            )
        if not is_local(str(thing["module"])) and not matches(name, trust):
            raise ModelError(
                f"{path} asks for {name}, which is not Keras's own.",
                remedy=f"If you know it and trust it, say so: trust=[{name!r}].",
            )


def rewrite(path: Path) -> None:
    """The same archive without the time, the numbers of objects in memory, and what only training needs."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    config = json.loads(parts[_CONFIG])
    config.pop("compile_config", None)
    _renumber(config, {})
    metadata = json.loads(parts[_METADATA])
    metadata.pop("date_saved", None)
    parts[_CONFIG] = json.dumps(config).encode()
    parts[_METADATA] = json.dumps(metadata).encode()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), parts[name])
    path.write_bytes(data.getvalue())


def _renumber(config: Any, numbers: dict[int, int]) -> None:
    if isinstance(config, dict):
        if isinstance(config.get("shared_object_id"), int):
            config["shared_object_id"] = numbers.setdefault(config["shared_object_id"], len(numbers) + 1)
        for value in config.values():
            _renumber(value, numbers)
    elif isinstance(config, list):
        for value in config:
            _renumber(value, numbers)
