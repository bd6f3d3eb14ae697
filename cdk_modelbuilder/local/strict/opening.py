"""Opens the rules of a family on a bundle's model folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cdk_modelbuilder.local.strict.djl_serving import DjlServing
from cdk_modelbuilder.local.strict.exchange import Rules
from cdk_modelbuilder.local.strict.mlflow_scoring import MlflowScoring
from cdk_modelbuilder.local.strict.ray_front import RayFront
from cdk_modelbuilder.local.strict.tfs_service import TensorFlowService
from cdk_modelbuilder.local.strict.toolkit import Toolkit
from cdk_modelbuilder.local.strict.toolkit_fronts import GunicornFront, ModelServerFront
from cdk_modelbuilder.local.strict.toolkit_rules import TOOLKITS
from cdk_modelbuilder.local.strict.tornado_server import TornadoServer

_OWN_CODE: dict[str, Callable[[Path], Rules]] = {
    "djl_serving": DjlServing,
    "mlflow": MlflowScoring,
    "ray": RayFront,
    "smd": TornadoServer,
    "tensorflow_serving": TensorFlowService,
}
"""Families whose bundles hold a file that the server calls, each with limits of its own."""


def open_rules(family: str, model_dir: Path, *, max_payload_bytes: int) -> Rules:
    """The rules of the family called ``family``.

    Args:
        family: A name of :data:`~cdk_modelbuilder.local.strict.families.FAMILIES`.
        model_dir: The verified model folder.
        max_payload_bytes: The container spec's limit, which some servers are told.
    """
    if family in _OWN_CODE:
        return _OWN_CODE[family](model_dir)
    rules = TOOLKITS[family]
    toolkit = Toolkit(rules, model_dir)
    return GunicornFront(toolkit) if rules.behind == "gunicorn" else ModelServerFront(toolkit, max_payload_bytes)
