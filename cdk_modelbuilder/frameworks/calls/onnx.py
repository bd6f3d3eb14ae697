"""How a session of onnxruntime is called: from payloads to its inputs, and from its outputs to payloads."""

from typing import Any

_NUMPY_TYPES = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(int8)": "int8",
    "tensor(string)": "object",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(uint8)": "uint8",
}


def call_onnx(session: Any, data: Any, output: Any) -> Any:
    """The output of that name; for None the only one, or a dict of all."""
    inputs = session.get_inputs()
    names = [item.name for item in session.get_outputs()]
    parts = _parts_of(data, [item.name for item in inputs])
    feed = {item.name: _value_for(item, parts[item.name]) for item in inputs if item.name in parts}
    found = [_plain(value) for value in session.run(names if output is None else [output], feed)]
    return found[0] if len(found) == 1 else dict(zip(names, found))


def _parts_of(data: Any, names: Any) -> Any:
    """Input name -> value."""
    if isinstance(data, dict):
        unknown = sorted(set(map(str, data)) - set(names))
        if unknown:
            raise ValueError("the model has no input %s; it has %s" % (", ".join(unknown), ", ".join(names)))
        return data
    if len(names) == 1:
        return {names[0]: data}
    if hasattr(data, "columns"):
        missing = [name for name in names if name not in data.columns]
        if missing:
            raise ValueError("the table has no column for the input %s" % ", ".join(missing))
        return {name: data[name] for name in names}
    if isinstance(data, (list, tuple)) and len(data) == len(names):
        return dict(zip(names, data))
    raise ValueError("the model has the inputs %s; give a dict, a table, or a list of them" % ", ".join(names))


def _value_for(item: Any, value: Any) -> Any:
    """The value as an array of the input's type; one column of a table where the input has two axes."""
    import numpy as np

    if not item.type.startswith("tensor("):
        return value
    wanted = np.dtype(_NUMPY_TYPES.get(item.type, "object"))
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    rank = len(item.shape or ())
    if rank == 2 and array.ndim == 1 and hasattr(value, "to_numpy"):
        array = array.reshape(-1, 1)
    if array.ndim == 0 and rank:
        array = array.reshape((1,) * rank)
    if item.type not in _NUMPY_TYPES:
        return array
    text = array.dtype.kind in "USOT"
    if (wanted.kind == "O") != text or not (text or np.can_cast(array.dtype, wanted, "same_kind")):
        raise TypeError("the input %s takes %s, not %s" % (item.name, item.type, array.dtype))
    return array.astype(wanted, copy=False)


def _plain(value: Any) -> Any:
    """An output as a payload: text in an array of text, which can be sent, and not of objects."""
    import numpy as np

    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return value.astype(str)
    return value
