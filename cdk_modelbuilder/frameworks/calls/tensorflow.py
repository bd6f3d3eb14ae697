"""How a signature of TensorFlow is called with a payload, and what its answer becomes."""

from typing import Any


def call_signature(signature: Any, data: Any, outputs: Any, form: str) -> Any:
    """What a signature of a SavedModel answers.

    Args:
        signature: A concrete function whose inputs and outputs have names.
        data: A dict by the inputs' names; for one input its value alone; for several a tuple or list in order of names.
        outputs: Names of the outputs in order, where the answer is a list of them; None for a dict, or for one output
            its value.
        form: What the answer is made of: ``numpy``, ``tensor`` or ``list``.
    """
    wanted = signature.structured_input_signature[1]
    given = _named_values(data, wanted)
    found = signature(**{name: _tensor_like(given[name], spec) for name, spec in wanted.items() if name in given})
    values = {name: _answer_of(value, form) for name, value in found.items()}
    if outputs is not None:
        return [values[name] for name in outputs]
    return next(iter(values.values())) if len(values) == 1 else values


def _named_values(data: Any, wanted: Any) -> Any:
    names = sorted(wanted)
    if isinstance(data, dict):
        unknown = sorted(set(map(str, data)) - set(names))
        if unknown:
            raise ValueError("the model has no input %s; it has %s" % (", ".join(unknown), ", ".join(names)))
        return data
    if hasattr(data, "columns") and len(names) > 1:
        missing = [name for name in names if name not in data.columns]
        if missing:
            raise ValueError("the table has no column for the input %s" % ", ".join(missing))
        return {name: data[name].to_numpy().reshape(-1, 1) for name in names}
    if len(names) == 1:
        return {names[0]: data}
    if isinstance(data, (list, tuple)) and len(data) == len(names):
        return dict(zip(names, data))
    raise ValueError("the model has the inputs %s; give a dict of them" % ", ".join(names))


def _tensor_like(value: Any, spec: Any) -> Any:
    """A tensor of the input's type; integers become floats where those are wanted, not the other way round."""
    import numpy
    import tensorflow

    if isinstance(value, tensorflow.Tensor):
        return value
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if spec.dtype == tensorflow.string:
        return tensorflow.constant(numpy.asarray(value).astype(object).tolist(), dtype=tensorflow.string)
    array = numpy.asarray(value)
    if not numpy.can_cast(array.dtype, spec.dtype.as_numpy_dtype, "same_kind"):
        raise TypeError("the input %s takes %s, not %s" % (spec.name, spec.dtype.name, array.dtype))
    return tensorflow.constant(array, dtype=spec.dtype)


def _answer_of(value: Any, form: str) -> Any:
    import numpy

    if form == "tensor":
        return value
    array = numpy.asarray(value.numpy())
    if array.dtype.kind in "OS":  # text is text, not bytes
        array = numpy.char.decode(array.astype(bytes), "utf-8")
    return array.tolist() if form == "list" else array
