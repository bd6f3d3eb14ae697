"""Models of Keras 3, on whatever backend: what they are, the user's code that they need, and how they are saved."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import keras_archive
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.keras import call_keras
from cdk_modelbuilder.frameworks.keras_archive import ARCHIVE_FILE
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.images.read_by import ReadBy

FORMS = {"predict": "numpy", "predict_tensor": "tensor", "predict_list": "list"}
"""Ways to call a model, and what their answers are made of."""


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A class or function of the user that a model's settings name.

    Attributes:
        name: The name there.
        module: Where it is defined.
        qualname: Its name there.
    """

    name: str
    module: str
    qualname: str


def backend_of(model: object) -> str | None:
    """Backend that a model of Keras 3 runs on: ``tensorflow``, ``torch`` or ``jax``; None if it is no such model."""
    modules = [base.__module__ for base in type(model).__mro__]
    if "keras.src.models.model" not in modules:
        return None
    found = (module.split(".")[3] for module in modules if module.startswith("keras.src.backend."))
    return next((name for name in found if name in ("tensorflow", "torch", "jax", "numpy", "openvino")), None)


def check_built(model: Any) -> None:
    """Refuse a model that has no weights yet.

    Raises:
        ModelError: It was never called or given shapes.
    """
    if not model.built:
        raise ModelError(
            f"the {type(model).__name__} is not built: it has no weights yet.",
            remedy="Call it once on a batch, or begin it with keras.Input(shape=...), and train it.",
        )


def predict(model: Any, data: Any, method: str) -> Any:
    """The prediction in memory."""
    return call_keras(model, data, FORMS[method])


def opens(path: Path) -> bool:
    """Whether ``path`` is a ``.keras`` file, or a folder with one."""
    return bool(model_files(path, _is_archive))


def _is_archive(path: Path) -> bool:
    return path.suffix == ".keras"


def current_backend() -> str:
    """The backend that Keras has, or would have, in this process."""
    if find_spec("keras") is None:  # whose model it would be is the same then: opening it says what is missing
        return "tensorflow"
    import keras  # noqa: PLC0415

    return str(keras.backend.backend())


def open_archive(path: Path, trust: Sequence[str]) -> Any:
    """The model in a ``.keras`` file, or in the only one in the folder.

    Raises:
        ModelError: It cannot be read, or asks for code that nobody has vouched for; or there are several.
    """
    import keras  # noqa: PLC0415

    path = only_model(path, _is_archive)
    keras_archive.check_names(path, keras_archive.read_config(path), trust)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # the classes in the file may raise anything
        raise ModelError(
            f"{path} cannot be loaded by Keras {keras.__version__}: {_first_line(error)}.",
            remedy="Import the modules that define its own classes first; or save it again.",
        ) from error


def save_archive(model: Any, folder: Path, backend: str) -> SavedModel:
    """Write ``model.keras``, and note the user's code that it needs.

    Raises:
        ModelError: It holds code, or cannot be made again from its settings.
    """
    import keras  # noqa: PLC0415

    path = folder / ARCHIVE_FILE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an optimizer is not built, and the like: nothing for a prediction
            model.save(path)
    except Exception as error:  # layers of the user may raise anything
        raise _not_kept(model, error) from error
    config = keras_archive.read_config(path)
    keras_archive.refuse_code(config)
    own = own_code(model, config)
    keras_archive.rewrite(path)
    if own:
        _check_made_again(model, path, own)
    scripts = [item for item in own if item.module in SCRIPT_MODULES]
    return SavedModel(
        data_format="keras",
        model_class=f"{type(model).__module__}.{type(model).__qualname__}".replace("keras.src.models.", "keras."),
        template="inference/keras_archive.py.jinja",
        template_values={
            "backend": backend,
            "file": ARCHIVE_FILE,
            "forms": FORMS,
            "own": [[item.name, item.module, item.qualname] for item in own],
        },
        read_by=ReadBy.SAME_MAJOR,
        modules=sorted({"keras", backend, *(item.module for item in own if item not in scripts)}),
        pickle_globals=[f"{item.module}.{item.qualname}" for item in scripts],
        description={"keras": str(keras.__version__)},
    )


def own_code(model: Any, config: Mapping[str, Any]) -> list[OwnCode]:
    """The user's classes and functions that the settings name.

    Raises:
        ModelError: One of them is not to be found by its name.
    """
    import keras  # noqa: PLC0415

    found: dict[str, OwnCode] = {}
    for thing in keras_archive.named_things(config):
        if keras_archive.is_of_keras(thing):
            continue
        is_function = thing["class_name"] == "function"
        name = str(thing["config"] if is_function else thing.get("registered_name") or thing["class_name"])
        value = keras.saving.get_registered_object(name)
        if value is None:
            value = _in_use(model, name if is_function else str(thing["class_name"]))
        if value is None or "<locals>" in value.__qualname__ or "<lambda>" in value.__qualname__:
            raise ModelError(
                f"the model uses {name}, which cannot be found by its name.",
                remedy="Define it at the top of a module, with @keras.saving.register_keras_serializable() before it.",
            )
        found[name] = OwnCode(name, value.__module__, value.__qualname__)
    return [found[name] for name in sorted(found)]


def _in_use(model: Any, name: str) -> Any:
    """The class or function of that name among the model's layers and what they hold."""
    for layer in _layers(model):
        held = [value if hasattr(value, "__name__") else type(value) for value in vars(layer).values()]
        for value in (type(layer), *held):
            if value.__name__ == name:
                return value
    return None


def _layers(model: Any) -> list[Any]:
    return [model, *model._flatten_layers(include_self=False, recursive=True)]  # noqa: SLF001 - there is no other way


def _check_made_again(model: Any, path: Path, own: Sequence[OwnCode]) -> None:
    import keras  # noqa: PLC0415

    named = {item.name: _value_of(model, item) for item in own}
    try:
        keras.saving.load_model(path, custom_objects=named, compile=False, safe_mode=True)
    except Exception as error:  # layers of the user may raise anything
        raise _not_kept(model, error) from error


def _value_of(model: Any, item: OwnCode) -> Any:
    import keras  # noqa: PLC0415

    found = keras.saving.get_registered_object(item.name)
    return found if found is not None else _in_use(model, item.qualname.rpartition(".")[2])


def _not_kept(model: Any, error: Exception) -> ModelError:
    return ModelError(
        f"the {type(model).__name__} cannot be made again from its settings: {_first_line(error)}.",
        remedy="Give its classes a get_config() with the arguments of __init__(), or give model_format='saved_model'.",
    )


def _first_line(error: Exception) -> str:
    """What Keras says, or the innermost of the errors that it wraps in each other."""
    inner = str(error).rpartition("Exception encountered: ")[2]
    lines = [line.strip() for line in inner.splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300].rstrip(".")
