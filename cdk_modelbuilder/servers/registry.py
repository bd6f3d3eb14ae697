"""Finds the adapter of a model server among the installed ones."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import entry_points

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.servers.base import ServerAdapter

GROUP = "cdk_modelbuilder.servers"


@cache
def _points() -> dict[str, object]:
    return {point.name: point for point in entry_points(group=GROUP)}


def known_servers() -> list[str]:
    """Names of the servers that have an adapter."""
    return sorted(_points())


@cache
def server_adapter(name: str) -> ServerAdapter:
    """The adapter of the server called ``name``.

    Raises:
        UsageError: There is none.
    """
    point = _points().get(str(name))
    if point is None:
        close = difflib.get_close_matches(str(name).lower().replace("-", "_"), known_servers(), n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"model_server {str(name)!r} is not known.", remedy=f"{hint}Give one of: {', '.join(known_servers())}."
        )
    adapter: ServerAdapter = point.load()()  # type: ignore[attr-defined]
    return adapter
