"""What properties of a service mean to a reviewer, in a reviewer's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.wording import quoted

ORDER: Final = (
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::InferenceComponent",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::SageMaker::ModelPackage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::IAM::Role",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::Lambda::Function",
)
"""Types of resources in the order in which a reviewer asks for them; others come after."""

HEADLINES: Final = (
    "model digest", "key id", "public key", "image", "instance type", "first instances", "weight", "copies",
    "least capacity", "most capacity", "serverless memory", "serverless concurrency", "network isolation", "approval",
    "alarm threshold",
)  # fmt: skip
"""What belongs in the summary, in its order."""

_CONTAINER: Final = r"(?:.*\.)?(?:PrimaryContainer|Containers\[\d+\]|Container)\."
_VARIANT: Final = r"(?:Shadow)?ProductionVariants\[(?P<of>[^\]]*)\]\."
_PINS: Final = {
    "MODELBUILDER_ROOT_SHA256": "model digest",
    "MODELBUILDER_MANIFEST_SHA256": "manifest digest",
    "MODELBUILDER_KEY_ID": "key id",
    "MODELBUILDER_HMAC_KEY": "reference to the key",
    "MODELBUILDER_KEY_SECRET_ARN": "secret that holds the key",
    "MODELBUILDER_PUBLIC_KEY": "public key",
}

_WORDS: Final = [
    *((re.compile(rf"{_CONTAINER}Environment\.{name}"), words) for name, words in _PINS.items()),
    *(
        (re.compile(pattern), words)
        for pattern, words in (
            (rf"{_CONTAINER}Environment\.(?P<of>.*)", "variable"),
            (rf"{_CONTAINER}Image", "image"),
            (rf"{_CONTAINER}(?:ModelDataSource\.S3DataSource\.S3Uri|ModelDataUrl|ArtifactUrl)", "model data"),
            (r"EnableNetworkIsolation", "network isolation"),
            (rf"{_VARIANT}InstanceType", "instance type"),
            (rf"{_VARIANT}InitialInstanceCount", "first instances"),
            (rf"{_VARIANT}InitialVariantWeight", "weight"),
            (rf"{_VARIANT}ServerlessConfig\.MemorySizeInMB", "serverless memory"),
            (rf"{_VARIANT}ServerlessConfig\.MaxConcurrency", "serverless concurrency"),
            (rf"{_VARIANT}ServerlessConfig\.ProvisionedConcurrency", "serverless warm capacity"),
            (rf"{_VARIANT}ManagedInstanceScaling\.MinInstanceCount", "least instances"),
            (rf"{_VARIANT}ManagedInstanceScaling\.MaxInstanceCount", "most instances"),
            (r"RuntimeConfig\.CopyCount", "copies"),
            (
                r"(?:Specification|Specifications\[\d+\])\.ComputeResourceRequirements\.(?P<of>\w+)",
                "resources of a copy",
            ),
            (r"MinCapacity", "least capacity"),
            (r"MaxCapacity", "most capacity"),
            (r"Threshold", "alarm threshold"),
            (r"TargetTrackingScalingPolicyConfiguration\.TargetValue", "scaling target"),
            (r"DataCaptureConfig\.InitialSamplingPercentage", "captured share"),
            (r"DataCaptureConfig\.DestinationS3Uri", "captured to"),
            (r"KmsKeyId", "key of the storage"),
            (r"ModelApprovalStatus", "approval"),
            (r"EndpointName", "endpoint's name"),
            (r"Code\.S3Key", "code of the function"),
            (r"Metadata\.(?:guard|checkov|cfn_nag|cdk_nag)\b.*", "accepted finding"),
        )
    ),
]


def words_for(place: str) -> tuple[str, str]:
    """What a property means, and of which part of its resource; both are empty where nothing better is known."""
    for pattern, words in _WORDS:
        found = pattern.fullmatch(place)
        if found is not None:
            return words, found.groupdict().get("of") or ""
    return "", ""


def described(place: str) -> str:
    """The words of a report's line for a property."""
    words, of = words_for(place)
    if not words:
        return quoted(place)
    if words == "variable":
        return f"variable {quoted(of)} ({quoted(place.rpartition('.Environment.')[0])})"
    return f"{words} of {quoted(of)} ({quoted(place)})" if of else f"{words} ({quoted(place)})"


def in_short(resource_type: str, properties: Mapping[str, Any]) -> str:
    """What a resource is, in a line of words; empty where nothing better than its properties is known.

    Args:
        resource_type: Such as ``AWS::CloudWatch::Alarm``.
        properties: As JSON data, without expressions.
    """
    told = _IN_SHORT.get(resource_type)
    return "" if told is None else ", ".join(filter(None, told(properties)))


def _alarm(properties: Mapping[str, Any]) -> Iterator[str]:
    signs = {"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": "≥", "LessThanThreshold": "<",
             "LessThanOrEqualToThreshold": "≤"}  # fmt: skip
    operator = properties.get("ComparisonOperator")
    what = properties.get("MetricName") or _expression(properties.get("Metrics"))
    how = properties.get("Statistic") or properties.get("ExtendedStatistic") or ""
    periods, period = properties.get("EvaluationPeriods"), properties.get("Period")
    limit = f"{f'{how} of ' if how else ''}{what} {signs.get(str(operator), operator)} {properties.get('Threshold')}"
    yield f"when {quoted(limit)} in {quoted(periods)} periods" + (f" of {quoted(period)} s" if period else "")


def _expression(metrics: Any) -> str:
    for metric in metrics if isinstance(metrics, list) else ():
        if isinstance(metric, Mapping) and metric.get("ReturnData") is True and "Expression" in metric:
            return str(metric["Expression"])
    return "a metric"


def _scaling_target(properties: Mapping[str, Any]) -> Iterator[str]:
    what = str(properties.get("ScalableDimension", "")).rpartition(":")[2]
    yield f"{quoted(what)} from {quoted(properties.get('MinCapacity'))} to {quoted(properties.get('MaxCapacity'))}"


def _model(properties: Mapping[str, Any]) -> Iterator[str]:
    containers = properties.get("Containers")
    containers = containers if isinstance(containers, list) else [properties.get("PrimaryContainer")]
    for container in containers:
        if not isinstance(container, Mapping):
            continue
        environment = container.get("Environment")
        digest = environment.get("MODELBUILDER_ROOT_SHA256") if isinstance(environment, Mapping) else None
        yield f"model digest {quoted(str(digest)[:12])}" if digest else ""
        yield f"image {quoted(container['Image'])}" if container.get("Image") else ""
    yield "isolated" if properties.get("EnableNetworkIsolation") is True else "with a network"


def _endpoint_config(properties: Mapping[str, Any]) -> Iterator[str]:
    for key in ("ProductionVariants", "ShadowProductionVariants"):
        variants = properties.get(key)
        for variant in variants if isinstance(variants, list) else ():
            if isinstance(variant, Mapping):
                count, kind = variant.get("InitialInstanceCount", ""), variant.get("InstanceType")
                size = f"{count} {kind}".strip() if kind else "serverless" if "ServerlessConfig" in variant else ""
                shadow = "shadow " if key.startswith("Shadow") else ""
                yield f"{shadow}variant {quoted(variant.get('VariantName'))}" + (f": {quoted(size)}" if size else "")


def _component(properties: Mapping[str, Any]) -> Iterator[str]:
    runtime = properties.get("RuntimeConfig")
    if isinstance(runtime, Mapping) and "CopyCount" in runtime:
        yield f"{quoted(runtime['CopyCount'])} copies"


_IN_SHORT: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scaling_target,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::SageMaker::EndpointConfig": _endpoint_config,
    "AWS::SageMaker::InferenceComponent": _component,
    "AWS::SageMaker::Model": _model,
}
