"""CloudWatch metrics of endpoints, variants and inference components, by the names that SageMaker publishes.

Source: the guide's page "Amazon SageMaker AI metrics in Amazon CloudWatch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Duration

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_cloudwatch as cloudwatch

INVOCATIONS = "AWS/SageMaker"
HOSTS = "/aws/sagemaker/Endpoints"
COMPONENTS = "/aws/sagemaker/InferenceComponents"


class _Metrics:
    def __init__(self, dimensions: Mapping[str, str], host_namespace: str, host_suffix: str = "") -> None:
        self._dimensions = dict(dimensions)
        self._hosts, self._suffix = host_namespace, host_suffix

    def metric(
        self,
        name: str,
        *,
        namespace: str = INVOCATIONS,
        statistic: str = "Average",
        period: Duration | None = None,
        dimensions: Mapping[str, str] | None = None,
    ) -> cloudwatch.Metric:
        """Any metric of it.

        Args:
            name: As CloudWatch has it.
            namespace: ``AWS/SageMaker`` for invocations; hosts have one of their own.
            statistic: Such as ``Average``, ``Sum``, ``p99``.
            period: Default: one minute.
            dimensions: Others than its own.
        """
        from aws_cdk import aws_cloudwatch as cloudwatch  # noqa: PLC0415 - see above

        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map=dict(self._dimensions if dimensions is None else dimensions),
            statistic=statistic,
            period=period or Duration.minutes(1),
        )

    def invocations(self, **options: object) -> cloudwatch.Metric:
        """Requests; by default their sum."""
        return self._named("Invocations", "Sum", options)

    def invocation_4xx_errors(self, **options: object) -> cloudwatch.Metric:
        """Requests that were refused; by default their sum."""
        return self._named("Invocation4XXErrors", "Sum", options)

    def invocation_5xx_errors(self, **options: object) -> cloudwatch.Metric:
        """Requests that failed; by default their sum."""
        return self._named("Invocation5XXErrors", "Sum", options)

    def invocation_model_errors(self, **options: object) -> cloudwatch.Metric:
        """Requests that the model itself did not answer well; by default their sum."""
        return self._named("InvocationModelErrors", "Sum", options)

    def model_latency(self, **options: object) -> cloudwatch.Metric:
        """Microseconds that the container took, with the network to it."""
        return self._named("ModelLatency", "Average", options)

    def overhead_latency(self, **options: object) -> cloudwatch.Metric:
        """Microseconds that SageMaker took beside."""
        return self._named("OverheadLatency", "Average", options)

    def concurrent_requests_per_model(self, **options: object) -> cloudwatch.Metric:
        """Requests in work, those that wait among them; published every ten seconds."""
        return self._named("ConcurrentRequestsPerModel", "Maximum", options)

    def cpu_utilization(self, **options: object) -> cloudwatch.Metric:
        """Percent, 100 for each core; of a component, 100 for all that it has."""
        return self._named("CPUUtilization" + self._suffix, "Average", options, self._hosts)

    def memory_utilization(self, **options: object) -> cloudwatch.Metric:
        """Percent."""
        return self._named("MemoryUtilization" + self._suffix, "Average", options, self._hosts)

    def gpu_utilization(self, **options: object) -> cloudwatch.Metric:
        """Percent, 100 for each GPU; of a component, 100 for all that it has."""
        return self._named("GPUUtilization" + self._suffix, "Average", options, self._hosts)

    def gpu_memory_utilization(self, **options: object) -> cloudwatch.Metric:
        """Percent, 100 for each GPU; of a component, 100 for all that it has."""
        return self._named("GPUMemoryUtilization" + self._suffix, "Average", options, self._hosts)

    def _named(
        self, name: str, statistic: str, options: Mapping[str, object], namespace: str = INVOCATIONS
    ) -> cloudwatch.Metric:
        return self.metric(name, **{"statistic": statistic, "namespace": namespace, **options})  # type: ignore[arg-type]


class VariantMetrics(_Metrics):
    """Metrics of one variant; ``endpoint.metrics.variant(name)``."""

    def __init__(self, endpoint_name: str, variant_name: str) -> None:
        super().__init__({"EndpointName": endpoint_name, "VariantName": variant_name}, HOSTS)

    def invocations_per_instance(self, **options: object) -> cloudwatch.Metric:
        """Requests for each instance; by default their sum."""
        return self._named("InvocationsPerInstance", "Sum", options)

    def disk_utilization(self, **options: object) -> cloudwatch.Metric:
        """Percent."""
        return self._named("DiskUtilization", "Average", options, HOSTS)


class EndpointMetrics:
    """Metrics of an endpoint; ``endpoint.metrics``.

    Args:
        endpoint_name: The endpoint.
        variant_names: Its variants, where they are known.
    """

    def __init__(self, endpoint_name: str, variant_names: list[str]) -> None:
        self._endpoint_name, self._variants = endpoint_name, variant_names

    def variant(self, name: str | None = None) -> VariantMetrics:
        """Of one variant. Default: the first, or ``AllTraffic``."""
        return VariantMetrics(self._endpoint_name, name or (self._variants or ["AllTraffic"])[0])

    def metric(
        self, name: str, *, statistic: str = "Average", period: Duration | None = None, namespace: str = INVOCATIONS
    ) -> cloudwatch.Metric:
        """A metric that has the endpoint as its only dimension, as those of asynchronous endpoints do."""
        from aws_cdk import aws_cloudwatch as cloudwatch  # noqa: PLC0415 - see above

        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"EndpointName": self._endpoint_name},
            statistic=statistic,
            period=period or Duration.minutes(1),
        )

    def approximate_backlog_size(self, **options: object) -> cloudwatch.Metric:
        """Asynchronous requests that wait or are in work; by default the average."""
        return self.metric("ApproximateBacklogSize", **options)  # type: ignore[arg-type]

    def approximate_backlog_size_per_instance(self, **options: object) -> cloudwatch.Metric:
        """The same for each instance; not published while there is none."""
        return self.metric("ApproximateBacklogSizePerInstance", **options)  # type: ignore[arg-type]

    def has_backlog_without_capacity(self, **options: object) -> cloudwatch.Metric:
        """1 while asynchronous requests wait and no instance is there."""
        return self.metric("HasBacklogWithoutCapacity", **options)  # type: ignore[arg-type]


class InferenceComponentMetrics(_Metrics):
    """Metrics of one inference component; ``component.metrics``."""

    def __init__(self, component_name: str) -> None:
        super().__init__({"InferenceComponentName": component_name}, COMPONENTS, "Normalized")

    def invocations_per_copy(self, **options: object) -> cloudwatch.Metric:
        """Requests for each copy; by default their sum."""
        return self._named("InvocationsPerCopy", "Sum", options)

    def no_capacity_invocation_failures(self, **options: object) -> cloudwatch.Metric:
        """Requests that found no copy, as after scaling to zero; by default their sum."""
        return self._named("NoCapacityInvocationFailures", "Sum", options)
