"""Which class stands for a CloudFormation type, which property names it, and which properties replace it.

The properties are the `createOnlyProperties` of the registry's schemas.
"""

from __future__ import annotations

from typing import Any

from moto.cloudformation import parsing

# Imported for their registration.
from tests.aws_stand_in.mending import autoscaling, inference_components, observability, small_types  # noqa: F401
from tests.aws_stand_in.mending.custom_resources import CustomResource
from tests.aws_stand_in.mending.recorded import Recorded

NAMED = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::SageMaker::EndpointConfig": "EndpointConfigName",
    "AWS::SageMaker::InferenceComponent": "InferenceComponentName",
    "AWS::SageMaker::Model": "ModelName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
    "AWS::SecretsManager::Secret": "Name",
}

# Every property of these but their tags.
IMMUTABLE = {"AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model", "AWS::SageMaker::ModelPackageGroup"}

REPLACING = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {"ResourceId", "ScalableDimension", "ServiceNamespace"},
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        "PolicyName",
        "ResourceId",
        "ScalableDimension",
        "ScalingTargetId",
        "ServiceNamespace",
    },
}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Names of the properties in which two resources of a template differ."""
    old, new = before.get("Properties", {}), after.get("Properties", {})
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


def replaces(cfn_type: str, properties: set[str]) -> bool:
    """Whether a change of any of these properties makes a new resource instead of changing the one there is."""
    if cfn_type in IMMUTABLE:
        return bool(properties - {"Tags"})
    return bool(properties & {*REPLACING.get(cfn_type, ()), NAMED.get(cfn_type)})


def mend() -> None:
    known_class, known_name = parsing.resource_class_from_type, parsing.resource_name_property_from_type

    def class_of(cfn_type: str) -> Any:
        if cfn_type in parsing.NULL_MODELS:
            return None
        if cfn_type not in Recorded.types:
            custom = cfn_type == "AWS::CloudFormation::CustomResource" or cfn_type.startswith("Custom::")
            if not custom and cfn_type in parsing.get_model_map():
                return known_class(cfn_type)
            base = CustomResource if custom else Recorded
            Recorded.types[cfn_type] = type(base.__name__, (base,), {"cfn_type": cfn_type})
        return Recorded.types[cfn_type]

    parsing.resource_class_from_type = class_of
    parsing.resource_name_property_from_type = lambda cfn_type: NAMED.get(cfn_type) or known_name(cfn_type)
