"""The adapter: Keras models, modules and folders, each with its own way to be called and saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import keras_models
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.tensorflow import call_signature
from cdk_modelbuilder.frameworks.model_files import model_files
from cdk_modelbuilder.frameworks.model_format import no_such_format
from cdk_modelbuilder.frameworks.tensorflow import exporting, saved_models
from cdk_modelbuilder.frameworks.tensorflow.saved_models import USUAL_SIGNATURE, ProgramFolder

_FUNCTIONS = ("__call__", "serve", "predict", "call")
"""What a module's prediction may be called, the usual name first."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


class TensorFlowAdapter:
    """Keras 3 models on TensorFlow's backend (sequential, functional, subclassed), ``tf.Module``, SavedModel folders.

    Input of a Keras model: an array, a tensor, a table, lists of numbers or texts; for several inputs a dict by their
    names, a list of arrays, or a table with a column for each. The answer is NumPy arrays, or tensors or lists as
    ``sample_output`` is. A module or folder is called through its signature: a dict by its inputs' names, or the value
    alone if there is one; the answer is a dict by its outputs' names, or the array alone.
    """

    name = "tensorflow"
    model_servers: Sequence[str] = ("tensorflow_serving", "builtin")
    imported_as = "tensorflow"
    distribution = "tensorflow"
    provided_by: Sequence[str] = ("tensorflow-cpu", "tensorflow-macos", "tensorflow-intel")

    def recognises(self, model: object) -> bool:
        if isinstance(model, ProgramFolder) or keras_models.backend_of(model) == "tensorflow":
            return True
        modules = [base.__module__ for base in type(model).__mro__]
        is_keras_2 = any(name.startswith("tf_keras.") or name == "keras.engine.training" for name in modules)
        return is_keras_2 or ("tensorflow.python.trackable.base" in modules and not _is_of_keras(modules))

    def opens(self, path: Path) -> bool:
        if saved_models.is_program_folder(path) or model_files(path, _is_old_format):
            return True
        return keras_models.opens(path) and keras_models.current_backend() == "tensorflow"

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        if saved_models.is_program_folder(path):
            return saved_models.open_program(path)
        if model_files(path, _is_old_format):
            raise ModelError(
                f"{path} is in Keras's old format, which may hold code as bytes.",
                remedy="Load it where you trust it, with keras.models.load_model(), and save it as .keras.",
            )
        return keras_models.open_archive(path, trust)

    def check(self, model: Any) -> None:
        if isinstance(model, ProgramFolder):
            return
        if keras_models.backend_of(model) is not None:
            keras_models.check_built(model)
            return
        modules = [base.__module__ for base in type(model).__mro__]
        if not any(name == "tensorflow.python.module.module" or name.endswith("saved_model.load") for name in modules):
            raise ModelError(
                f"model is a {type(model).__module__}.{type(model).__qualname__}.",
                remedy="Give a model of Keras 3, a tf.Module, or the path of a SavedModel folder (of Keras 2: "
                "tf.saved_model.save(model, folder)).",
            )

    def methods(self, model: Any) -> Sequence[str]:
        if keras_models.backend_of(model) is not None:
            return list(keras_models.FORMS)
        signatures = model.signatures if isinstance(model, ProgramFolder) else getattr(model, "signatures", None)
        if signatures:
            return sorted(signatures, key=lambda name: (name != USUAL_SIGNATURE, name))
        if isinstance(model, ProgramFolder):
            raise saved_models.no_signature(f"the program in {model.path}")
        found = [name for name in _FUNCTIONS if callable(getattr(model, name, None))]
        if not found:
            raise ModelError(
                f"the {type(model).__name__} has none of the functions {', '.join(_FUNCTIONS)}.",
                remedy="Give it a __call__() with @tf.function before it.",
            )
        return found

    def predict(self, model: Any, data: Any, method: str) -> Any:
        if keras_models.backend_of(model) is not None:
            return keras_models.predict(model, data, method)
        signatures = model.signatures if isinstance(model, ProgramFolder) else getattr(model, "signatures", None)
        if signatures:
            return call_signature(signatures[method], data, None, saved_models.form_of(data))
        return call_signature(exporting.traced(model, data, method), data, None, saved_models.form_of(data))

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - neither format holds Python
        sample: Any,
    ) -> SavedModel:
        is_keras = keras_models.backend_of(model) is not None
        chosen = model_format or ("keras" if is_keras else "saved_model")
        if chosen == "saved_model":
            if is_keras:
                return exporting.export_keras(model, folder, sample)
            if isinstance(model, ProgramFolder):
                return saved_models.save_folder(model, folder, sample)
            return exporting.export_module(model, folder, sample, self.methods(model)[0])
        if chosen == "keras" and is_keras:
            return keras_models.save_archive(model, folder, "tensorflow")
        raise no_such_format(
            model_format,
            what=f"models of the class {type(model).__name__}",
            remedy="Give 'keras' or 'saved_model'." if is_keras else "Leave it out: they are saved as 'saved_model'.",
        )

    def version(self) -> str:
        import tensorflow as tf  # noqa: PLC0415

        return str(tf.__version__)


def _is_of_keras(modules: Sequence[str]) -> bool:
    """Whether a class is a layer, metric, or optimizer of Keras, on any backend."""
    return any(name.startswith("keras.") for name in modules)


def _is_old_format(path: Path) -> bool:
    if path.suffix not in (".h5", ".hdf5"):
        return False
    with path.open("rb") as handle:
        return handle.read(8) == _HDF5
