"""Autoscaling of what a ModelEndpoint runs: instances of a variant, copies of a component, warm serverless capacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_applicationautoscaling as aas
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import check_name, check_range, check_whole, is_token, seconds, times
from cdk_modelbuilder.errors import UsageError

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
WARM = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
_PREDEFINED = {
    ("invocations", INSTANCES): "SageMakerVariantInvocationsPerInstance",
    ("invocations", COPIES): "SageMakerInferenceComponentInvocationsPerCopy",
    ("concurrency", INSTANCES): "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ("concurrency", COPIES): "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ("warm use", WARM): "SageMakerVariantProvisionedConcurrencyUtilization",
}
"""Source: ``PredefinedMetricSpecification`` in the Application Auto Scaling API reference."""


@dataclass(frozen=True)
class ScalingTarget:
    """A metric and the value that autoscaling keeps it near. Make one with the class methods.

    Attributes:
        kind: What is measured.
        value: Which value is kept.
        metric: A metric of your own.
    """

    kind: str
    value: float
    metric: cloudwatch.Metric | None = None

    @classmethod
    def invocations(cls, per_minute: float) -> ScalingTarget:
        """So many requests a minute for each instance or copy.

        Raises:
            UsageError: Not above 0.
        """
        return cls("invocations", _positive("per_minute", per_minute))

    @classmethod
    def concurrency(cls, requests: float) -> ScalingTarget:
        """So many requests at once for each instance or copy; measured every ten seconds, so it scales out soonest.

        Raises:
            UsageError: Not above 0.
        """
        return cls("concurrency", _positive("requests", requests))

    @classmethod
    def gpu_utilization(cls, percent: float) -> ScalingTarget:
        """So much use of the GPUs, averaged over all of them.

        Raises:
            UsageError: Outside 1 to 100.
        """
        check_range("percent", percent, 1, 100)
        return cls("gpu", percent)

    @classmethod
    def backlog(cls, requests_per_instance: float) -> ScalingTarget:
        """So many waiting requests for each instance of an asynchronous endpoint.

        Raises:
            UsageError: Not above 0.
        """
        return cls("backlog", _positive("requests_per_instance", requests_per_instance))

    @classmethod
    def provisioned_concurrency_utilization(cls, ratio: float) -> ScalingTarget:
        """So much use of a serverless endpoint's warm capacity, 0 to 1.

        Raises:
            UsageError: Outside 0.1 to 1.
        """
        check_range("ratio", ratio, 0.1, 1)
        return cls("warm use", ratio)

    @classmethod
    def of(cls, metric: cloudwatch.Metric, value: float) -> ScalingTarget:
        """Any metric that goes down when there is more capacity."""
        return cls("custom", value, metric)


@dataclass(frozen=True, kw_only=True)
class ScheduledCapacity:
    """Other limits from a time on.

    Attributes:
        schedule: When; ``aas.Schedule.cron(...)``, ``.rate(...)`` or ``.at(...)``.
        min_capacity: At least this many from then on.
        max_capacity: At most this many from then on.
        name: Of the action. Default: made of its place in the list.
        time_zone: Of the schedule. Default: UTC.
    """

    schedule: aas.Schedule
    min_capacity: int | None = None
    max_capacity: int | None = None
    name: str | None = None
    time_zone: TimeZone | None = None

    def __post_init__(self) -> None:
        check_whole("min_capacity", self.min_capacity, 0)
        check_whole("max_capacity", self.max_capacity, 0)
        if self.min_capacity is None and self.max_capacity is None:
            raise UsageError("a scheduled action changes nothing.", remedy="Give min_capacity= or max_capacity=.")


@dataclass(frozen=True, slots=True)
class Scalable:
    """What can be scaled: a variant or a component of a deployed endpoint.

    Attributes:
        name: For ids of constructs.
        resource_id: As Application Auto Scaling has it; holds tokens where it is not known.
        dimension: Which of its numbers.
        waits_for: The resource that must be there before.
        gpus: GPUs of one instance, whose uses SageMaker adds up; 1 where it does not.
        gpu_metric: GPU use.
        backlog_metric: Waiting requests for each instance, of an asynchronous endpoint.
        wake_metric: Goes above 0 when a request finds nothing running.
        burstable: Whether it has instances that SageMaker does not scale. Source: the guide's page "Configure model
            auto scaling with the console".
        most: What max_capacity cannot go beyond; None where nothing limits it.
    """

    name: str
    resource_id: str
    dimension: str
    waits_for: Construct
    gpus: int
    gpu_metric: cloudwatch.Metric | None
    backlog_metric: cloudwatch.Metric | None
    wake_metric: cloudwatch.Metric | None
    burstable: bool = False
    most: int | None = None


class Autoscaling(Construct):
    """Limits and policies for one variant or component; made by ``ModelEndpoint.autoscale()``.

    Attributes:
        target: The L1 ScalableTarget.
        policies: The L1 ScalingPolicies.
        wake_alarm: The alarm that starts the first instance or copy; None where nothing sleeps.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        scalable: Scalable,
        min_capacity: int,
        max_capacity: int,
        targets: Sequence[ScalingTarget],
        schedule: Sequence[ScheduledCapacity],
        scale_in_cooldown: Duration | None,
        scale_out_cooldown: Duration | None,
        disable_scale_in: bool,
        wake_to: int | None,
    ) -> None:
        # All checks come before the construct is there: what is refused leaves nothing behind.
        check_whole("min_capacity", min_capacity, 0)
        check_whole("max_capacity", max_capacity, 1)
        if not (is_token(max_capacity) or is_token(min_capacity)) and max_capacity < min_capacity:
            raise UsageError(
                f"max_capacity {max_capacity} is below min_capacity {min_capacity}.",
                remedy="Raise one or lower the other.",
            )
        if not targets and not schedule:
            raise UsageError(
                "nothing says when to scale.",
                remedy="Give target=ScalingTarget.invocations(...) or another, or schedule=[ScheduledCapacity(...)].",
            )
        check_whole("wake_to", wake_to, 1, None if is_token(max_capacity) else max_capacity)
        if scalable.most is not None and not is_token(max_capacity) and max_capacity > scalable.most:
            raise UsageError(
                f"max_capacity {max_capacity} is above max_concurrency {scalable.most}.",
                remedy="Raise max_concurrency, or keep fewer warm.",
            )
        tracked = [
            _tracking(one, scalable, scale_in_cooldown, scale_out_cooldown, disable_scale_in=disable_scale_in)
            for one in targets
        ]
        super().__init__(scope, id)
        self.target = aas.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            resource_id=scalable.resource_id,
            scalable_dimension=scalable.dimension,
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            scheduled_actions=[_action(number, one) for number, one in enumerate(schedule, 1)] or None,
        )
        # The id is made of names, which are no reference that CloudFormation could take the order from.
        self.target.node.add_dependency(scalable.waits_for)
        self.policies: list[aas.CfnScalingPolicy] = []
        for one, configuration in zip(targets, tracked, strict=True):
            before = sum(other.kind == one.kind for other in targets[: len(self.policies)])
            policy = self._policy(
                f"Keep{one.kind.title().replace(' ', '')}{before + 1 if before else ''}",
                policy_type="TargetTrackingScaling",
                target_tracking_scaling_policy_configuration=configuration,
            )
            self.policies.append(policy)
        self.wake_alarm: cloudwatch.CfnAlarm | None = None
        if wake_to is not None:
            self._wake(scalable, wake_to)

    def _wake(self, scalable: Scalable, wake_to: int) -> None:
        """Target tracking cannot start from zero: there is no instance that a metric could be divided by."""
        assert scalable.wake_metric is not None
        config = aas.CfnScalingPolicy
        policy = self._policy(
            "Wake",
            policy_type="StepScaling",
            step_scaling_policy_configuration=config.StepScalingPolicyConfigurationProperty(
                adjustment_type="ExactCapacity",
                metric_aggregation_type="Maximum",
                cooldown=60,
                step_adjustments=[
                    config.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=wake_to)
                ],
            ),
        )
        self.policies.append(policy)
        metric = scalable.wake_metric
        self.wake_alarm = cloudwatch.CfnAlarm(
            self,
            "WakeAlarm",
            alarm_description=f"A request found nothing running: starts {wake_to}.",
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=str(value))
                for name, value in sorted((metric.dimensions or {}).items())
            ],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="missing",
            alarm_actions=[policy.ref],
        )

    def _policy(self, name: str, **configuration: Any) -> aas.CfnScalingPolicy:
        return aas.CfnScalingPolicy(
            self,
            name,
            policy_name=f"{self.node.id}-{name}",
            scaling_target_id=self.target.ref,
            **configuration,
        )


def _tracking(
    target: ScalingTarget,
    scalable: Scalable,
    cooldown_in: Duration | None,
    cooldown_out: Duration | None,
    *,
    disable_scale_in: bool,
) -> Any:
    config = aas.CfnScalingPolicy
    value, metric = target.value, target.metric
    predefined = _PREDEFINED.get((target.kind, scalable.dimension))
    if target.kind == "gpu":
        metric, value = scalable.gpu_metric, times("percent", target.value, scalable.gpus)
    elif target.kind == "backlog":
        metric = scalable.backlog_metric
    if predefined is None and metric is None:
        raise UsageError(
            f"{scalable.name} cannot be scaled by {target.kind}.",
            remedy=f"Choose another ScalingTarget. {_HINTS[scalable.dimension]}",
        )
    return config.TargetTrackingScalingPolicyConfigurationProperty(
        target_value=value,
        disable_scale_in=disable_scale_in or None,
        scale_in_cooldown=seconds("scale_in_cooldown", cooldown_in, 0, 86400),
        scale_out_cooldown=seconds("scale_out_cooldown", cooldown_out, 0, 86400),
        predefined_metric_specification=None
        if predefined is None
        else config.PredefinedMetricSpecificationProperty(predefined_metric_type=predefined),
        customized_metric_specification=None
        if predefined is not None or metric is None
        else config.CustomizedMetricSpecificationProperty(
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            statistic=metric.statistic,
            dimensions=[
                config.MetricDimensionProperty(name=name, value=str(text))
                for name, text in sorted((metric.dimensions or {}).items())
            ],
        ),
    )


_HINTS = {
    INSTANCES: "Instances have invocations, concurrency, GPU use (on types known to have GPUs), if asynchronous "
    "backlog, and ScalingTarget.of(...).",
    COPIES: "Copies have invocations, concurrency and GPU use.",
    WARM: "Serverless endpoints have provisioned_concurrency_utilization.",
}


def _action(number: int, wanted: ScheduledCapacity) -> Any:
    name = wanted.name or f"Schedule{number}"
    check_name("the scheduled action's name", name)
    return aas.CfnScalableTarget.ScheduledActionProperty(
        scheduled_action_name=name,
        schedule=wanted.schedule.expression_string,
        timezone=None if wanted.time_zone is None else wanted.time_zone.timezone_name,
        scalable_target_action=aas.CfnScalableTarget.ScalableTargetActionProperty(
            min_capacity=wanted.min_capacity, max_capacity=wanted.max_capacity
        ),
    )


def _positive(what: str, value: float) -> float:
    check_range(what, value, 0)
    if value == 0:
        raise UsageError(f"{what} is 0.", remedy="Give a value above 0.")
    return value
