"""The CDK construct library: the only place that imports aws_cdk. It reads bundles, never models.

from cdk_modelbuilder.constructs import ModelEndpoint
"""

from __future__ import annotations

from cdk_modelbuilder.errors import UsageError

try:
    import aws_cdk as _aws_cdk  # noqa: F401 - asked first, so that its absence has a remedy
except ModuleNotFoundError as _error:
    raise UsageError(
        "cdk_modelbuilder.constructs needs aws-cdk-lib, which is not installed.",
        remedy="Run: pip install 'cdk-modelbuilder[cdk]'",
    ) from _error

from cdk_modelbuilder.constructs.artifact import Artifact
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
from cdk_modelbuilder.constructs.model import InferenceExecution, Model
from cdk_modelbuilder.constructs.model_data import ModelData
from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint
from cdk_modelbuilder.constructs.model_package import ApprovalStatus, ModelPackage, ModelPackageGroup
from cdk_modelbuilder.constructs.monitoring import AlarmThresholds, Monitoring
from cdk_modelbuilder.constructs.routing import Routing
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
    "EndpointMetricsOptions",
    "EndpointType",
    "EndpointVariant",
    "GoldenTest",
    "Hosting",
    "InferenceComponent",
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
    "ServerlessVariant",
    "ShapBaseline",
    "TextFeatures",
]
