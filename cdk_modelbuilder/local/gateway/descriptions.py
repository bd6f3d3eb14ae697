"""Parts of what SageMaker's API says about an endpoint, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.local.gateway.hosted import HostedContainer, HostedModel, Variant
from cdk_modelbuilder.local.gateway.one_copy import IN_SERVICE
from cdk_modelbuilder.local.gateway.served import Served, ServedEndpoint

_MOST_RESULTS = 100
Answer = dict[str, Any]


def in_service(served: Served) -> int:
    """How many copies of its first container take requests."""
    return sum(copy.state == IN_SERVICE for copies in served.copy_sets[:1] for copy in copies.copies)


def variant_summary(variant: Variant, endpoint: ServedEndpoint) -> Answer:
    """A ProductionVariantSummary."""
    served = endpoint.variants.get(variant.name)
    answer: Answer = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "RoutingConfig": {"RoutingStrategy": variant.routing},
    }
    if variant.serverless_concurrency is not None:
        for name in ("CurrentServerlessConfig", "DesiredServerlessConfig"):
            answer[name] = _serverless(variant)
    else:
        answer |= {
            "CurrentInstanceCount": variant.copies if served is None else in_service(served),
            "DesiredInstanceCount": variant.copies,
        }
    return answer


def variant_in_config(variant: Variant) -> Answer:
    """A ProductionVariant."""
    answer: Answer = {"VariantName": variant.name, "InitialVariantWeight": variant.weight}
    if variant.model is not None:
        answer["ModelName"] = variant.model.name
    if variant.serverless_concurrency is not None:
        answer["ServerlessConfig"] = _serverless(variant)
    else:
        answer |= {"InitialInstanceCount": variant.copies, "InstanceType": variant.instance_type or "local"}
    return answer


def _serverless(variant: Variant) -> Answer:
    # The model requires a size, and local mode limits none.
    return {"MaxConcurrency": variant.serverless_concurrency, "MemorySizeInMB": variant.memory_mb or 1024}


def async_config(endpoint: ServedEndpoint) -> Answer:
    """The AsyncInferenceConfig, if there is one."""
    settings = endpoint.hosted.asynchronous
    if settings is None:
        return {}
    output = {"S3OutputPath": settings.output}
    if settings.failure is not None:
        output["S3FailurePath"] = settings.failure
    config: Answer = {"OutputConfig": output}
    if settings.concurrency is not None:
        config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": settings.concurrency}
    return {"AsyncInferenceConfig": config}


def containers(model: HostedModel) -> Answer:
    """Members of DescribeModel's answer about the containers."""
    if len(model.containers) == 1:
        return {"PrimaryContainer": _container(model.containers[0])}
    return {
        "Containers": [_container(one) for one in model.containers],
        "InferenceExecutionConfig": {"Mode": "Direct" if model.direct else "Serial"},
    }


def _container(container: HostedContainer) -> Answer:
    answer: Answer = {
        "Mode": "MultiModel" if container.multi_model else "SingleModel",
        "Environment": dict(container.environment),
    }
    if container.name != "primary":
        answer["ContainerHostname"] = container.name
    if container.bundle is not None:
        image = container.bundle.container.image
        answer["Image"] = image.uri or f"{image.repository}:{image.tag}"
    return answer


def matches(summary: Answer, asked: Mapping[str, Any], name: str, status: str) -> bool:
    """Whether a summary is one of those that a List operation asks for."""
    contained = asked.get("NameContains", "").lower() in summary[name].lower()
    return contained and asked.get("StatusEquals", summary[status]) == summary[status]


def page(found: list[Answer], asked: Mapping[str, Any], member: str, name: str) -> Answer:
    """The part of a List operation's results that is asked for; its token is where the next one begins."""
    start = int(asked.get("NextToken", 0))
    size = int(asked.get("MaxResults", _MOST_RESULTS))
    ordered = sorted(found, key=lambda summary: summary[name]) if asked.get("SortBy") == "Name" else list(found)
    if asked.get("SortOrder", "Descending") == "Descending":
        ordered.reverse()
    answer: Answer = {member: ordered[start : start + size]}
    if start + size < len(ordered):
        answer["NextToken"] = str(start + size)
    return answer
