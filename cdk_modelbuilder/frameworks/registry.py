"""Finds the adapter for a model among the installed ones."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import FrameworkAdapter

GROUP = "cdk_modelbuilder.frameworks"


@cache
def _adapters() -> tuple[FrameworkAdapter, ...]:
    found = {point.name: point for point in entry_points(group=GROUP)}
    return tuple(found[name].load()() for name in sorted(found))


def known_frameworks() -> list[str]:
    """Names of the frameworks that have an adapter."""
    return [adapter.name for adapter in _adapters()]


def adapter_for(model: object) -> FrameworkAdapter:
    """The adapter that recognises ``model``.

    Raises:
        ModelError: None does.
    """
    for adapter in _adapters():
        if adapter.recognises(model):
            return adapter
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise ModelError(
        f"model is a {kind}, which no framework adapter recognises (there are: {', '.join(known_frameworks())}).",
        remedy="Wrap it: write an InferenceSpec with load() and invoke(), and give inference_spec= instead of model=.",
    )


def adapter_named(name: str) -> FrameworkAdapter:
    """The adapter of the framework called ``name``, which must be known."""
    return next(adapter for adapter in _adapters() if adapter.name == name)
