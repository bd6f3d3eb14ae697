"""One file a server: how a model server wants its files, its environment and its inference code."""

from __future__ import annotations

from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer, ServerAdapter, Verified
from cdk_modelbuilder.servers.registry import known_servers, server_adapter

__all__ = [
    "Layout",
    "ModelServer",
    "PythonServer",
    "ServerAdapter",
    "Verified",
    "known_servers",
    "server_adapter",
]
