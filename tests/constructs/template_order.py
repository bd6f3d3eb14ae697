"""In which order CloudFormation works: what each resource of a template waits for, and which names are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

# Names that two resources of one account and region cannot share, by the property that holds them.
NAMES = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("ResourceId", "ScalableDimension"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("PolicyName", "ScalingTargetId"),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SageMaker::Endpoint": ("EndpointName",),
    "AWS::SageMaker::EndpointConfig": ("EndpointConfigName",),
    "AWS::SageMaker::InferenceComponent": ("InferenceComponentName",),
    "AWS::SageMaker::Model": ("ModelName",),
    "AWS::SageMaker::ModelPackage": ("ModelPackageName",),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupName",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::SNS::Topic": ("TopicName",),
}


def waits_for(resource: Mapping[str, Any]) -> set[str]:
    """Logical ids, and pseudo parameters, that a resource names by Ref, Fn::GetAtt, Fn::Sub or DependsOn."""
    named = resource.get("DependsOn", [])
    return {*([named] if isinstance(named, str) else named), *_references(resource.get("Properties", {}))}


def order(template: Mapping[str, Any]) -> list[str]:
    """Logical ids in an order that CloudFormation could work in.

    Raises:
        graphlib.CycleError: There is none.
        AssertionError: A resource waits for one that is not there.
    """
    resources, known = template["Resources"], {*template.get("Parameters", ()), *template.get("Conditions", ())}
    graph = {name: waits_for(resource) for name, resource in resources.items()}
    for name, found in graph.items():
        unknown = {one for one in found if not one.startswith("AWS::")} - resources.keys() - known
        assert not unknown, f"{name} waits for {unknown}, which the template does not have"
    return list(TopologicalSorter({name: found & resources.keys() for name, found in graph.items()}).static_order())


def all_it_needs(template: Mapping[str, Any], name: str) -> set[str]:
    """Logical ids of all that must be there before a resource is made, directly or not."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = (waits_for(template["Resources"][todo.pop()]) & template["Resources"].keys()) - found
        found |= new
        todo += new
    return found


def names_of(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Type and fixed name of each resource that has one."""
    for resource in template["Resources"].values():
        held = [resource.get("Properties", {}).get(key) for key in NAMES.get(resource["Type"], ())]
        if held and all(value is not None for value in held):
            yield resource["Type"], str(held)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == "Ref":
            yield inner
        elif key == "Fn::GetAtt":
            yield inner.split(".")[0] if isinstance(inner, str) else inner[0]
        elif key == "Fn::Sub":
            text, given = (inner, {}) if isinstance(inner, str) else inner
            words = [part.split("}")[0].split(".")[0] for part in text.split("${")[1:]]
            yield from (word for word in words if word not in given and not word.startswith("!"))
            yield from _references(given)
        else:
            yield from _references(inner)
