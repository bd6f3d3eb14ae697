"""Metrics by the names, namespaces and dimensions that SageMaker publishes.

Source: the guide's page "Amazon SageMaker AI metrics in Amazon CloudWatch".
"""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import Duration

from cdk_modelbuilder.constructs import (
    Endpoint,
    EndpointMetrics,
    EndpointVariant,
    InferenceComponent,
    InferenceComponentMetrics,
    ModelEndpoint,
    VariantMetrics,
)
from tests.constructs.uses import own

CALLS, HOSTS, PARTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints", "/aws/sagemaker/InferenceComponents"
OF_BOTH = {
    "invocations": ("Invocations", "Sum"),
    "invocation_4xx_errors": ("Invocation4XXErrors", "Sum"),
    "invocation_5xx_errors": ("Invocation5XXErrors", "Sum"),
    "invocation_model_errors": ("InvocationModelErrors", "Sum"),
    "model_latency": ("ModelLatency", "Average"),
    "overhead_latency": ("OverheadLatency", "Average"),
    "concurrent_requests_per_model": ("ConcurrentRequestsPerModel", "Maximum"),
}
OF_HOSTS = {
    "cpu_utilization": "CPUUtilization",
    "memory_utilization": "MemoryUtilization",
    "gpu_utilization": "GPUUtilization",
    "gpu_memory_utilization": "GPUMemoryUtilization",
}
VARIANT = {
    **{method: (name, CALLS, statistic) for method, (name, statistic) in OF_BOTH.items()},
    **{method: (name, HOSTS, "Average") for method, name in OF_HOSTS.items()},
    "disk_utilization": ("DiskUtilization", HOSTS, "Average"),
    "invocations_per_instance": ("InvocationsPerInstance", CALLS, "Sum"),
}
COMPONENT = {
    **{method: (name, CALLS, statistic) for method, (name, statistic) in OF_BOTH.items()},
    **{method: (f"{name}Normalized", PARTS, "Average") for method, name in OF_HOSTS.items()},
    "invocations_per_copy": ("InvocationsPerCopy", CALLS, "Sum"),
    "no_capacity_invocation_failures": ("NoCapacityInvocationFailures", CALLS, "Sum"),
}
ENDPOINT = {
    "approximate_backlog_size": ("ApproximateBacklogSize", CALLS, "Average"),
    "approximate_backlog_size_per_instance": ("ApproximateBacklogSizePerInstance", CALLS, "Average"),
    "has_backlog_without_capacity": ("HasBacklogWithoutCapacity", CALLS, "Average"),
}
KINDS = [
    (VariantMetrics("endpoint", "live"), VARIANT, {"EndpointName": "endpoint", "VariantName": "live"}),
    (InferenceComponentMetrics("part"), COMPONENT, {"InferenceComponentName": "part"}),
    (EndpointMetrics("endpoint", ["live"]), ENDPOINT, {"EndpointName": "endpoint"}),
]
EVERY = [
    pytest.param(metrics, method, expected, dimensions, id=f"{type(metrics).__name__}.{method}")
    for metrics, methods, dimensions in KINDS
    for method, expected in methods.items()
]


@pytest.mark.parametrize(("metrics", "method", "expected", "dimensions"), EVERY)
def test_a_metric_is_what_sagemaker_publishes(metrics, method, expected, dimensions):
    found = getattr(metrics, method)()
    assert (found.metric_name, found.namespace, found.statistic) == expected
    assert found.dimensions == dimensions
    assert found.period.to_seconds() == 60


@pytest.mark.parametrize(("metrics", "method", "expected", "dimensions"), EVERY)
def test_statistic_and_period_can_be_others(metrics, method, expected, dimensions):
    found = getattr(metrics, method)(statistic="p99", period=Duration.minutes(5))
    assert (found.statistic, found.period.to_minutes()) == ("p99", 5)
    assert (found.metric_name, found.dimensions) == (expected[0], dimensions)


def test_no_metric_was_forgotten_above():
    for metrics, methods, _ in KINDS:
        public = {name for name in dir(metrics) if not name.startswith("_")} - {"metric", "variant"}
        assert public == methods.keys()


def test_any_other_metric_by_its_name():
    found = VariantMetrics("endpoint", "live").metric(
        "TimeToFirstByte", namespace=HOSTS, statistic="Sum", dimensions={"EndpointName": "endpoint"}
    )
    assert (found.metric_name, found.namespace, found.statistic) == ("TimeToFirstByte", HOSTS, "Sum")
    assert found.dimensions == {"EndpointName": "endpoint"}
    oldest = EndpointMetrics("endpoint", []).metric("ApproximateAgeOfOldestRequest", statistic="Maximum")
    assert oldest.dimensions == {"EndpointName": "endpoint"}


def test_an_endpoint_knows_its_variants():
    stack = cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "S")
    served = ModelEndpoint(
        stack,
        "E",
        endpoint_name="served",
        variants=[EndpointVariant(name=name, containers=own("m")) for name in ("Live", "Tried")],
        instance_type="ml.m5.large",
    )
    for metrics in (served.metrics, served.endpoint.metrics):
        assert metrics.variant().invocations().dimensions == {"EndpointName": "served", "VariantName": "Live"}
        assert metrics.variant("Tried").invocations().dimensions["VariantName"] == "Tried"


def test_imported_ones_have_metrics_too():
    stack = cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "S")
    theirs = Endpoint.from_endpoint_name(stack, "E", "theirs")
    assert theirs.metrics.variant().invocations().dimensions == {"EndpointName": "theirs", "VariantName": "AllTraffic"}
    part = InferenceComponent.from_inference_component_name(stack, "C", "part")
    assert part.metrics.invocations().dimensions == {"InferenceComponentName": "part"}


def test_metrics_of_a_name_that_is_decided_when_deploying():
    stack = cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "S")
    name = cdk.CfnParameter(stack, "Name").value_as_string
    found = Endpoint.from_endpoint_name(stack, "E", name).metrics.variant().invocations()
    assert stack.resolve(found.dimensions["EndpointName"]) == {"Ref": "Name"}
