"""How a PyTorch module is called with a payload, and what its answer becomes."""

from typing import Any


def call_torch(model: Any, data: Any, name: str, spread: str, form: str) -> Any:
    """What ``model`` says about ``data``, without gradients.

    Args:
        model: A module in evaluation mode; of an exported program, its ``module()``.
        data: Tensors, arrays, tables, numbers, or tuples, lists and dicts of them.
        name: The method: ``forward`` or another one.
        spread: ``positional``: a tuple is the arguments; ``keywords``: a dict is; ``single``: one argument.
        form: What tensors in the answer become: ``tensor``, ``numpy`` or ``list``.
    """
    import torch

    given = torch_arguments(model, data)
    call = model if name == "forward" else getattr(model, name)
    with torch.inference_mode():
        if spread == "positional":
            found = call(*given)
        elif spread == "keywords":
            found = call(**given)
        else:
            found = call(given)
    return _torch_answer(found, form)


def torch_arguments(model: Any, data: Any) -> Any:
    """``data`` with tensors for arrays, tables and lists of numbers, where the model's first weight is.

    Floats that are no tensors yet get that weight's dtype.
    """
    import torch

    weights = list(model.parameters()) + list(model.buffers())
    dtype = next((value.dtype for value in weights if value.is_floating_point()), torch.get_default_dtype())
    device = next((value.device for value in weights), None)
    return _torch_values(data, dtype, device)


def _torch_values(data: Any, dtype: Any, device: Any) -> Any:
    import torch

    if isinstance(data, torch.Tensor):
        return data if device is None else data.to(device)
    if isinstance(data, dict):
        return {key: _torch_values(value, dtype, device) for key, value in data.items()}
    if isinstance(data, tuple) or (isinstance(data, list) and not _is_numbers(data)):
        return type(data)(_torch_values(value, dtype, device) for value in data)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):  # a table
        data = data.to_numpy()
    if hasattr(data, "__array__") and not hasattr(data, "save"):  # not an image
        import numpy

        array = numpy.asarray(data)  # torch takes this machine's byte order and writable memory only
        found = torch.from_numpy(numpy.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    elif isinstance(data, list):
        found = torch.tensor(data)
    else:
        return data
    return found.to(device=device, dtype=dtype if found.is_floating_point() else None)


def _is_numbers(data: Any) -> bool:
    """Whether ``data`` is a list of numbers, or of such lists."""
    return bool(data) and all(
        _is_numbers(item) if isinstance(item, list) else isinstance(item, (int, float)) for item in data
    )


def _torch_answer(value: Any, form: str) -> Any:
    """An answer with every tensor detached, on the CPU, and of the kind ``form``."""
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        if form == "tensor":
            return value
        value = value.float() if value.dtype is torch.bfloat16 else value
        return value.numpy() if form == "numpy" else value.tolist()
    if hasattr(value, "keys") and hasattr(value, "items"):
        return {key: _torch_answer(item, form) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_torch_answer(item, form) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value
