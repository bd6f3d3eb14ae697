"""One file a server family: how a model server wants its files, its environment and its inference code."""

from __future__ import annotations

from cdk_modelbuilder.servers.base import ModelServer, ServerAdapter
from cdk_modelbuilder.servers.toolkit import SageMakerToolkit

__all__ = ["ModelServer", "ServerAdapter", "server_adapter"]

_ADAPTERS: dict[ModelServer, ServerAdapter] = {
    ModelServer.SKLEARN: SageMakerToolkit(),
    ModelServer.XGBOOST: SageMakerToolkit(),
}


def server_adapter(server: ModelServer) -> ServerAdapter:
    """The adapter for ``server``."""
    return _ADAPTERS[server]
