"""How a Keras model is called with a payload, and what its answer becomes."""

from typing import Any


def call_keras(model: Any, data: Any, form: str) -> Any:
    """The model's prediction for one batch.

    Args:
        model: A model of Keras 3.
        data: Arrays, tensors, a table, nested lists of numbers or texts; a dict or a list of them for several inputs.
        form: What the answer is made of: ``numpy``, ``tensor`` or ``list``.
    """
    names = [tensor.name for tensor in getattr(model, "inputs", None) or []]
    return keras_answer(model.predict_on_batch(keras_arguments(data, names)), form)


def keras_arguments(data: Any, names: Any) -> Any:
    """``data`` as arrays; a table's columns one by one where they are the names of several inputs."""
    import numpy

    if isinstance(data, dict):
        return {key: keras_arguments(value, ()) for key, value in data.items()}
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        if len(names) > 1 and set(names) <= set(data.columns):
            return {name: keras_arguments(data[name].to_numpy().reshape(-1, 1), ()) for name in names}
        data = data.to_numpy()
    if isinstance(data, tuple) or (isinstance(data, list) and any(hasattr(item, "shape") for item in data)):
        return [keras_arguments(item, ()) for item in data]
    if isinstance(data, str):
        data = [data]
    if hasattr(data, "dtype") and not hasattr(data, "__array_interface__"):
        return data  # a tensor
    array = numpy.asarray(data)
    if array.dtype.kind in "OUT":  # text, which only TensorFlow has a type for
        import tensorflow

        return tensorflow.constant(array.astype(object).tolist(), dtype=tensorflow.string)
    return array


def keras_answer(value: Any, form: str) -> Any:
    """An answer of the kind ``form``; text is text, not bytes."""
    import numpy

    if isinstance(value, dict):
        return {key: keras_answer(item, form) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [keras_answer(item, form) for item in value]
    if form == "tensor":
        import keras

        return keras.ops.convert_to_tensor(value)
    array = numpy.asarray(value)
    if array.dtype.kind in "OS":
        array = numpy.char.decode(array.astype(bytes), "utf-8")
    return array.tolist() if form == "list" else array
