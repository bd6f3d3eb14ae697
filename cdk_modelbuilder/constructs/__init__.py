"""The CDK construct library: the only place that imports aws_cdk. It reads bundles, never models.

    from cdk_modelbuilder.constructs import ModelEndpoint

The names are imported when they are first used: each part of the CDK costs a tenth of a second and more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.errors import UsageError

try:
    import aws_cdk as _aws_cdk  # noqa: F401 - asked first, so that its absence has a remedy
except ModuleNotFoundError as _error:
    raise UsageError(
        "cdk_modelbuilder.constructs needs aws-cdk-lib, which is not installed.",
        remedy="Run: pip install 'cdk-modelbuilder[cdk]'",
    ) from _error

if TYPE_CHECKING:
    from cdk_modelbuilder.constructs.artifact import Artifact
    from cdk_modelbuilder.constructs.artifact_bucket import ArtifactBucket
    from cdk_modelbuilder.constructs.async_inference import AsyncInference
    from cdk_modelbuilder.constructs.autoscaling import Autoscaling, ScalingTarget, ScheduledCapacity
    from cdk_modelbuilder.constructs.container import Container
    from cdk_modelbuilder.constructs.data_capture import DataCapture
    from cdk_modelbuilder.constructs.deployment_policy import BlueGreen, Capacity, Rolling
    from cdk_modelbuilder.constructs.endpoint import Endpoint, RetainedProperty
    from cdk_modelbuilder.constructs.endpoint_config import EndpointConfig, EndpointMetricsOptions
    from cdk_modelbuilder.constructs.explainer import ClarifyExplainer, ShapBaseline, TextFeatures
    from cdk_modelbuilder.constructs.golden_gate import GoldenTest
    from cdk_modelbuilder.constructs.hosting import EndpointComponent, EndpointVariant, Hosting
    from cdk_modelbuilder.constructs.image import ContainerImage, PrivateRegistry
    from cdk_modelbuilder.constructs.imported_secret import ImportedSecret
    from cdk_modelbuilder.constructs.inference_component import (
        ComponentContainer,
        ComponentRollingUpdate,
        ComponentSpecification,
        InferenceComponent,
        Placement,
        Scheduling,
    )
    from cdk_modelbuilder.constructs.instance_type import InstanceType
    from cdk_modelbuilder.constructs.integrity import Integrity
    from cdk_modelbuilder.constructs.metrics import EndpointMetrics, InferenceComponentMetrics, VariantMetrics
    from cdk_modelbuilder.constructs.model import InferenceExecution, Model
    from cdk_modelbuilder.constructs.model_data import ModelData
    from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint
    from cdk_modelbuilder.constructs.model_package import ApprovalStatus, ModelPackage, ModelPackageGroup
    from cdk_modelbuilder.constructs.monitoring import AlarmThresholds, Monitoring
    from cdk_modelbuilder.constructs.routing import Routing
    from cdk_modelbuilder.constructs.secure_defaults import SecureDefaults
    from cdk_modelbuilder.constructs.signing_secret import SigningSecret
    from cdk_modelbuilder.constructs.variants import (
        CapacityReservation,
        CoreDump,
        InstancePool,
        InstanceVariant,
        ManagedInstanceScaling,
        ScaleIn,
        ServerlessVariant,
    )
    from cdk_modelbuilder.resources import EndpointType, ResourceRequirements

__all__ = [
    "AlarmThresholds",
    "ApprovalStatus",
    "Artifact",
    "ArtifactBucket",
    "AsyncInference",
    "Autoscaling",
    "BlueGreen",
    "Capacity",
    "CapacityReservation",
    "ClarifyExplainer",
    "ComponentContainer",
    "ComponentRollingUpdate",
    "ComponentSpecification",
    "Container",
    "ContainerImage",
    "CoreDump",
    "DataCapture",
    "Endpoint",
    "EndpointComponent",
    "EndpointConfig",
    "EndpointMetrics",
    "EndpointMetricsOptions",
    "EndpointType",
    "EndpointVariant",
    "GoldenTest",
    "Hosting",
    "ImportedSecret",
    "InferenceComponent",
    "InferenceComponentMetrics",
    "InferenceExecution",
    "InstancePool",
    "InstanceType",
    "InstanceVariant",
    "Integrity",
    "ManagedInstanceScaling",
    "Model",
    "ModelData",
    "ModelEndpoint",
    "ModelPackage",
    "ModelPackageGroup",
    "Monitoring",
    "Placement",
    "PrivateRegistry",
    "ResourceRequirements",
    "RetainedProperty",
    "Rolling",
    "Routing",
    "ScaleIn",
    "ScalingTarget",
    "ScheduledCapacity",
    "Scheduling",
    "SecureDefaults",
    "ServerlessVariant",
    "ShapBaseline",
    "SigningSecret",
    "TextFeatures",
    "VariantMetrics",
]

_HOMES = {
    "AlarmThresholds": "constructs.monitoring",
    "ApprovalStatus": "constructs.model_package",
    "Artifact": "constructs.artifact",
    "ArtifactBucket": "constructs.artifact_bucket",
    "AsyncInference": "constructs.async_inference",
    "Autoscaling": "constructs.autoscaling",
    "BlueGreen": "constructs.deployment_policy",
    "Capacity": "constructs.deployment_policy",
    "CapacityReservation": "constructs.variants",
    "ClarifyExplainer": "constructs.explainer",
    "ComponentContainer": "constructs.inference_component",
    "ComponentRollingUpdate": "constructs.inference_component",
    "ComponentSpecification": "constructs.inference_component",
    "Container": "constructs.container",
    "ContainerImage": "constructs.image",
    "CoreDump": "constructs.variants",
    "DataCapture": "constructs.data_capture",
    "Endpoint": "constructs.endpoint",
    "EndpointComponent": "constructs.hosting",
    "EndpointConfig": "constructs.endpoint_config",
    "EndpointMetricsOptions": "constructs.endpoint_config",
    "EndpointMetrics": "constructs.metrics",
    "InferenceComponentMetrics": "constructs.metrics",
    "VariantMetrics": "constructs.metrics",
    "EndpointType": "resources",
    "EndpointVariant": "constructs.hosting",
    "GoldenTest": "constructs.golden_gate",
    "Hosting": "constructs.hosting",
    "ImportedSecret": "constructs.imported_secret",
    "InferenceComponent": "constructs.inference_component",
    "InferenceExecution": "constructs.model",
    "InstancePool": "constructs.variants",
    "InstanceType": "constructs.instance_type",
    "InstanceVariant": "constructs.variants",
    "Integrity": "constructs.integrity",
    "ManagedInstanceScaling": "constructs.variants",
    "Model": "constructs.model",
    "ModelData": "constructs.model_data",
    "ModelEndpoint": "constructs.model_endpoint",
    "ModelPackage": "constructs.model_package",
    "ModelPackageGroup": "constructs.model_package",
    "Monitoring": "constructs.monitoring",
    "Placement": "constructs.inference_component",
    "PrivateRegistry": "constructs.image",
    "ResourceRequirements": "resources",
    "RetainedProperty": "constructs.endpoint",
    "Rolling": "constructs.deployment_policy",
    "Routing": "constructs.routing",
    "ScaleIn": "constructs.variants",
    "ScalingTarget": "constructs.autoscaling",
    "ScheduledCapacity": "constructs.autoscaling",
    "Scheduling": "constructs.inference_component",
    "SecureDefaults": "constructs.secure_defaults",
    "ServerlessVariant": "constructs.variants",
    "ShapBaseline": "constructs.explainer",
    "SigningSecret": "constructs.signing_secret",
    "TextFeatures": "constructs.explainer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"cdk_modelbuilder.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
