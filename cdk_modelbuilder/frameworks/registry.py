"""Finds the adapter for a model among the installed ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

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


def open_model(place: Path | str, *, trust: Sequence[str]) -> Any:
    """The model at a path, or at a URI of a store that an adapter knows.

    Raises:
        ModelError: No framework's model is there, or several; or its adapter does not open it.
    """
    if isinstance(place, str):
        for adapter in _adapters():
            if getattr(adapter, "opens_uri", lambda _uri: False)(place):
                return adapter.open_uri(place, trust=trust)  # type: ignore[attr-defined]
        raise ModelError(f"no framework adapter knows the URI {place!r}.", remedy="Give the path of the model's files.")
    able = [adapter for adapter in _adapters() if adapter.opens(place)]
    if len(able) > 1:
        names = " and ".join(adapter.name for adapter in able)
        raise ModelError(
            f"{place} holds models of {names}.",
            remedy="Give the path of the file that is meant; to serve several, load them in an InferenceSpec.",
        )
    if not able:
        held = "" if place.is_file() else f" It holds {_listing(place)}."
        raise ModelError(
            f"{place} is no model that a framework adapter reads (there are: {', '.join(known_frameworks())}).{held}",
            remedy="Load it and give the object, or write an InferenceSpec and name the folder in artifacts=.",
        )
    try:
        return able[0].open(place, trust=trust)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{place} is a model of {able[0].name}, and {error.name} is not installed here.",
            remedy=f"Run: pip install {able[0].distribution}",
        ) from None


def _listing(folder: Path) -> str:
    names = sorted(item.name for item in folder.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "nothing"


def adapter_named(name: str) -> FrameworkAdapter:
    """The adapter of the framework called ``name``, which must be known."""
    return next(adapter for adapter in _adapters() if adapter.name == name)
