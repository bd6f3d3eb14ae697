"""Which way to call a module a sample asks for; frameworks/calls/pytorch.py does it, here and in the bundle."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.frameworks.calls.pytorch import call_torch

FORMS = {"forward_numpy": "numpy", "forward_tensor": "tensor", "forward_list": "list"}
"""Ways to call ``forward`` whose answer is of another kind than the input."""

_OWN_METHODS = ("predict", "predict_proba", "encode", "transform", "generate")
"""Methods that users add to their modules and that stand for a prediction."""


def own_methods(module: Any) -> list[str]:
    """Names of the prediction methods that ``module`` has besides ``forward``."""
    return [name for name in _OWN_METHODS if callable(getattr(module, name, None))]


def answer(module: Any, data: Any, method: str) -> Any:
    """What ``module`` says about ``data``.

    Args:
        module: A module in evaluation mode; of an exported program, its ``module()``.
        data: What the method takes.
        method: ``forward``, one of :data:`FORMS`, or another method's name.
    """
    name = "forward" if method in FORMS else method
    return call_torch(module, data, name, spread(module, data, name), FORMS.get(method) or form_of(data))


def call_values(module: Any, sample: Any) -> dict[str, Any]:
    """The same for ``pytorch_call.py.jinja``, which is told the method later."""
    ways = {name: [name, spread(module, sample, name), form_of(sample)] for name in ["forward", *own_methods(module)]}
    forward = ways["forward"]
    return {"ways": {**ways, **{method: [*forward[:2], form] for method, form in FORMS.items()}}}


def spread(module: Any, data: Any, name: str) -> str:
    """How ``data`` becomes arguments: ``positional`` for a tuple, ``keywords`` for a dict of them, else ``single``."""
    if isinstance(data, tuple):
        return "positional"
    return "keywords" if isinstance(data, dict) and data and _takes(module, data, name) else "single"


def _takes(module: Any, data: dict[Any, Any], name: str) -> bool:
    """Whether the method has a parameter for every key."""
    method = getattr(module, name, None)
    if method is not None and hasattr(method, "schema"):  # TorchScript
        return set(data) <= {argument.name for argument in method.schema.arguments[1:]}
    if hasattr(module, "_in_spec") or method is None:
        return all(isinstance(key, str) for key in data)
    parameters = inspect.signature(method).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return all(isinstance(key, str) for key in data)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return set(data) <= {parameter.name for parameter in parameters if parameter.kind in kinds}


def form_of(data: Any) -> str:
    """What the answer is made of: ``tensor`` if the input has one, ``numpy`` for arrays and tables, else ``list``."""
    import torch  # noqa: PLC0415

    if isinstance(data, torch.Tensor):
        return "tensor"
    if hasattr(data, "__array__"):
        return "numpy"
    if isinstance(data, Mapping | list | tuple):
        found = {form_of(item) for item in (data.values() if isinstance(data, Mapping) else data)}
        return next((form for form in ("tensor", "numpy") if form in found), "list")
    return "list"
