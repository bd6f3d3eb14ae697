"""Writes Keras models and modules as programs with named inputs and outputs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.keras import keras_arguments
from cdk_modelbuilder.frameworks.keras_models import FORMS
from cdk_modelbuilder.frameworks.tensorflow.saved_models import ProgramFolder, saved_program


def export_keras(model: Any, folder: Path, sample: Any) -> SavedModel:
    """Write a Keras model as a program whose inputs and outputs have the names of its layers.

    Raises:
        ModelError: It cannot be traced.
    """
    import keras  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    specs, build = _keras_inputs(model, sample)
    answer = model(build([tf.zeros([1, *spec.shape[1:]], spec.dtype) for spec in specs]), training=False)
    outputs = _output_names(model, answer)

    def serve(*values: Any) -> dict[str, Any]:
        found = model(build(list(values)), training=False)
        flat = list(found.values()) if isinstance(found, dict) else tf.nest.flatten(found)
        return dict(zip(outputs, flat, strict=True))

    archive = keras.export.ExportArchive()
    archive.track(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.add_endpoint("serve", serve, input_signature=specs)
            archive.write_out(str(folder), verbose=False)
    except Exception as error:  # layers of the user may raise anything
        raise ModelError(
            f"the {type(model).__name__} cannot be traced: {' '.join(str(error).split())[:300]}.",
            remedy="Leave model_format out: it is then saved as .keras.",
        ) from error
    (folder / "fingerprint.pb").unlink(missing_ok=True)  # other bytes each time, and nothing needs it
    several = isinstance(answer, list | tuple)
    kind = f"{type(model).__module__}.{type(model).__qualname__}".replace("keras.src.models.", "keras.")
    return saved_program(ProgramFolder(folder), kind, sample, outputs=outputs if several else (), forms=FORMS)


def _keras_inputs(model: Any, sample: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """Names and types of the inputs, and what makes the model's argument of them in that order."""
    import tensorflow as tf  # noqa: PLC0415

    structure = getattr(model, "_inputs_struct", None) or getattr(model, "inputs", None)
    if structure is None:  # of a class of the user: the sample has it
        structure = tf.nest.map_structure(tf.convert_to_tensor, keras_arguments(sample, ()))
    if isinstance(structure, list | tuple) and len(structure) == 1:
        structure = structure[0]
    flat = tf.nest.flatten(structure)
    names = list(structure) if isinstance(structure, dict) else [_layer_name(item, n) for n, item in enumerate(flat)]
    if isinstance(structure, dict):
        names = sorted(structure)  # as tf.nest flattens it
    specs = [
        tf.TensorSpec([None, *list(item.shape)[1:]], tf.as_dtype(item.dtype), name=name)
        for name, item in zip(names, flat, strict=True)
    ]
    return specs, lambda values: tf.nest.pack_sequence_as(structure, values)


def _layer_name(tensor: Any, number: int) -> str:
    history = getattr(tensor, "_keras_history", None)
    return str(history.operation.name) if history is not None else f"input_{number}"


def _output_names(model: Any, answer: Any) -> list[str]:
    if isinstance(answer, dict):
        return [str(name) for name in answer]
    number = len(answer) if isinstance(answer, list | tuple) else 1
    graph = getattr(model, "_functional", None) or model  # what a sequential model is made of
    names = list(getattr(graph, "output_names", None) or [])
    return names if len(set(names)) == number else [f"output_{place}" for place in range(number)]


def export_module(module: Any, folder: Path, sample: Any, method: str = "__call__") -> SavedModel:
    """Write a ``tf.Module`` whose function is traced with the sample.

    Raises:
        ModelError: It cannot be traced.
    """
    import tensorflow as tf  # noqa: PLC0415

    function = traced(module, sample, method)
    try:
        tf.saved_model.save(module, str(folder), signatures=function)
    except Exception as error:  # whatever hangs on the module
        raise ModelError(
            f"the {type(module).__name__} cannot be saved: {' '.join(str(error).split())[:300]}.",
            remedy="Keep tf.Variable, tf.Module and assets as its attributes, and load the rest in an InferenceSpec.",
        ) from error
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    return saved_program(ProgramFolder(folder), f"{type(module).__module__}.{type(module).__qualname__}", sample)


def traced(module: Any, sample: Any, method: str) -> Any:
    """A concrete function for batches like the sample.

    Raises:
        ModelError: The function fails on it.
    """
    import tensorflow as tf  # noqa: PLC0415

    function = getattr(module, method)
    original = getattr(function, "python_function", function)
    names = [name for name in inspect.signature(original).parameters if name != "self"]
    fixed = getattr(function, "input_signature", None)
    values = sample if isinstance(sample, dict) else dict(zip(names, _in_order(sample), strict=False))
    types = dict(zip(names, fixed, strict=False)) if fixed else {name: _type_of(item) for name, item in values.items()}
    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in types.items()}

    def named(**values: Any) -> dict[str, Any]:
        found = function(**values)
        if isinstance(found, dict):
            return found
        return {f"output_{place}": value for place, value in enumerate(tf.nest.flatten(found))}

    try:
        return tf.function(named).get_concrete_function(**specs)
    except Exception as error:  # the user's code may raise anything
        raise ModelError(
            f"{method}() of the {type(module).__name__} cannot be traced: {' '.join(str(error).split())[:300]}.",
            remedy="Give a sample of what it takes: a tensor or an array, or a dict of them by its parameters' names.",
        ) from error


def _in_order(sample: Any) -> Sequence[Any]:
    return sample if isinstance(sample, tuple) else (sample,)


def _type_of(value: Any) -> Any:
    """The type of batches like ``value``."""
    import numpy as np  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    if not isinstance(value, tf.Tensor):
        value = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
        value = tf.convert_to_tensor(value.astype(np.float32) if value.dtype == np.float64 else value)
    return tf.TensorSpec([None, *value.shape[1:]] if value.shape.rank else [], value.dtype)
