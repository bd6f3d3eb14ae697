"""Package a trained model, sign it, run it here, and deploy it to Amazon SageMaker through reviewed AWS CDK stacks.

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

The names are imported when they are first used: importing this package loads no framework, no AWS library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder._version import __version__

if TYPE_CHECKING:
    from cdk_modelbuilder.builder import ModelBuilder
    from cdk_modelbuilder.bundle import ModelBundle
    from cdk_modelbuilder.deploying.deployment import Deployment
    from cdk_modelbuilder.errors import ModelBuilderError
    from cdk_modelbuilder.mode import Mode
    from cdk_modelbuilder.predictor import Predictor
    from cdk_modelbuilder.resources import EndpointType, ResourceRequirements
    from cdk_modelbuilder.schema.codecs import Codec, CodecError, register_codec
    from cdk_modelbuilder.schema.codecs.translators import CustomPayloadTranslator
    from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
    from cdk_modelbuilder.servers.base import ModelServer
    from cdk_modelbuilder.spec import InferenceSpec

__all__ = [
    "Codec",
    "CodecError",
    "CustomPayloadTranslator",
    "Deployment",
    "EndpointType",
    "InferenceSpec",
    "Mode",
    "ModelBuilder",
    "ModelBuilderError",
    "ModelBundle",
    "ModelServer",
    "Predictor",
    "ResourceRequirements",
    "SchemaBuilder",
    "__version__",
    "register_codec",
]

_HOMES = {
    "Codec": "schema.codecs",
    "CodecError": "schema.codecs",
    "CustomPayloadTranslator": "schema.codecs.translators",
    "Deployment": "deploying.deployment",
    "EndpointType": "resources",
    "InferenceSpec": "spec",
    "Mode": "mode",
    "ModelBuilder": "builder",
    "ModelBuilderError": "errors",
    "ModelBundle": "bundle",
    "ModelServer": "servers.base",
    "Predictor": "predictor",
    "ResourceRequirements": "resources",
    "SchemaBuilder": "schema.schema_builder",
    "register_codec": "schema.codecs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
