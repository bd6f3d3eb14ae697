"""Alarms and a dashboard for what a ModelEndpoint runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_modelbuilder.constructs.acknowledgements import acknowledge
from cdk_modelbuilder.constructs.arguments import check_range, check_whole, times
from cdk_modelbuilder.constructs.metrics import EndpointMetrics, InferenceComponentMetrics, VariantMetrics
from cdk_modelbuilder.errors import UsageError

_ALARM_ACTION_RULES = [
    f"{pack}-CloudWatchAlarmAction" for pack in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5")
]
ROLLBACK_ALARMS = ("latency_p99", "errors_5xx", "model_errors")
"""What a new model can do wrong in the minutes after the traffic moved."""


@dataclass(frozen=True, kw_only=True)
class AlarmThresholds:
    """When the alarms go off; None leaves one out.

    Attributes:
        latency_p99: The slowest hundredth of requests takes the container longer.
        errors_5xx: Percent of requests that fail.
        errors_4xx: Percent of requests that are refused.
        model_errors: Percent of requests that the container answers with an error.
        no_capacity: Requests in one period that find nothing running (components, asynchronous endpoints).
        oldest_request: An asynchronous request waits longer.
        disk: Percent of an instance's disk.
        memory: Percent of an instance's or component's memory.
        gpu_memory: Percent of the GPUs' memory.
        period: Length of one look, whole minutes.
        evaluation_periods: Looks in a row before an alarm goes off.
    """

    latency_p99: Duration | None = None
    errors_5xx: float | None = 1
    errors_4xx: float | None = 10
    model_errors: float | None = 1
    no_capacity: float | None = 1
    oldest_request: Duration | None = None
    disk: float | None = 90
    memory: float | None = 90
    gpu_memory: float | None = 95
    period: Duration | None = None
    evaluation_periods: int = 3

    def __post_init__(self) -> None:
        for name in ("errors_5xx", "errors_4xx", "model_errors", "disk", "memory", "gpu_memory"):
            check_range(name, getattr(self, name), 0, 100, unit=" %")
        check_whole("evaluation_periods", self.evaluation_periods, 1)
        if self.period is not None and self.period.to_seconds() % 60:
            raise UsageError(
                f"period is {self.period.to_seconds():g} s.", remedy="Metrics come every minute: give whole minutes."
            )


@dataclass(frozen=True, slots=True)
class Watched:
    """One variant or component to watch.

    Attributes:
        name: For ids and titles.
        metrics: Its metrics.
        gpus: Accelerators of one instance; 0 for none. 1 where percentages are of all of them already.
        has_hosts: Whether there are instances whose disk and memory can be watched.
    """

    name: str
    metrics: VariantMetrics | InferenceComponentMetrics
    gpus: int
    has_hosts: bool


class Monitoring(Construct):
    """Alarms and a dashboard; made by ``ModelEndpoint.monitor()``.

    Attributes:
        alarms: By name, such as ``AllTraffic-latency_p99``.
        rollback_alarms: Those that speak against a new model.
        dashboard: The dashboard, if there is one.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        watched: Sequence[Watched],
        endpoint_metrics: EndpointMetrics | None,
        title: str,
        thresholds: AlarmThresholds,
        notify: Sequence[sns.ITopic],
        alarm_actions: Sequence[cloudwatch.IAlarmAction],
        with_dashboard: bool,
    ) -> None:
        super().__init__(scope, id)
        self._thresholds = thresholds
        self._actions = [*(actions.SnsAction(topic) for topic in notify), *alarm_actions]
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        self.rollback_alarms: dict[str, list[cloudwatch.Alarm]] = {one.name: [] for one in watched}
        for one in watched:
            for kind, (metric, threshold, words) in self._wanted(one).items():
                alarm = self._alarm(f"{one.name}-{kind}", metric, threshold, f"{one.name} of {title}: {words}")
                if kind in ROLLBACK_ALARMS:
                    self.rollback_alarms[one.name].append(alarm)
        if endpoint_metrics is not None:
            self._watch_queue(endpoint_metrics, title)
        self.dashboard = None
        if with_dashboard:
            self.dashboard = cloudwatch.Dashboard(
                self, "Dashboard", widgets=[_row(one, self.alarms) for one in watched]
            )

    def _wanted(self, one: Watched) -> dict[str, tuple[cloudwatch.IMetric, float, str]]:
        limits, metrics = self._thresholds, one.metrics
        period = limits.period or Duration.minutes(1)
        found: dict[str, tuple[cloudwatch.IMetric, float, str]] = {}
        if limits.latency_p99 is not None:
            found["latency_p99"] = (
                metrics.model_latency(statistic="p99", period=period),
                # The metric counts in microseconds.
                times("latency_p99", limits.latency_p99.to_milliseconds(), 1000),
                f"the slowest hundredth takes over {limits.latency_p99.to_milliseconds():g} ms.",
            )
        for kind, percent, metric in (
            ("errors_5xx", limits.errors_5xx, metrics.invocation_5xx_errors),
            ("errors_4xx", limits.errors_4xx, metrics.invocation_4xx_errors),
            ("model_errors", limits.model_errors, metrics.invocation_model_errors),
        ):
            if percent is not None:
                found[kind] = (_rate(metric, metrics, period), percent, f"over {percent:g} % {kind}.")
        if limits.no_capacity is not None and isinstance(metrics, InferenceComponentMetrics):
            found["no_capacity"] = (
                metrics.no_capacity_invocation_failures(period=period),
                limits.no_capacity,
                "requests find no copy running.",
            )
        if one.has_hosts:
            found.update(self._wanted_of_hosts(one, period))
        return found

    def _wanted_of_hosts(self, one: Watched, period: Duration) -> dict[str, tuple[cloudwatch.IMetric, float, str]]:
        limits, metrics = self._thresholds, one.metrics
        found: dict[str, tuple[cloudwatch.IMetric, float, str]] = {}
        if limits.disk is not None and isinstance(metrics, VariantMetrics):
            metric = metrics.disk_utilization(period=period, statistic="Maximum")
            found["disk"] = (metric, limits.disk, f"over {limits.disk:g} % of a disk is used.")
        if limits.memory is not None:
            memory = metrics.memory_utilization(period=period, statistic="Maximum")
            found["memory"] = (memory, limits.memory, f"over {limits.memory:g} % of the memory is used.")
        if limits.gpu_memory is not None and one.gpus:
            gpu = metrics.gpu_memory_utilization(period=period, statistic="Maximum")
            words = f"over {limits.gpu_memory:g} % of the GPU memory is used."
            found["gpu_memory"] = (gpu, times("gpu_memory", limits.gpu_memory, one.gpus), words)
        return found

    def _watch_queue(self, metrics: EndpointMetrics, title: str) -> None:
        limits, period = self._thresholds, self._thresholds.period or Duration.minutes(1)
        if limits.no_capacity is not None:
            metric = metrics.has_backlog_without_capacity(period=period, statistic="Maximum")
            self._alarm("no_capacity", metric, 0, f"{title}: requests wait and no instance runs.", looks=15)
        if limits.oldest_request is not None:
            metric = metrics.metric("ApproximateAgeOfOldestRequest", period=period, statistic="Maximum")
            words = f"{title}: a request waits longer than {limits.oldest_request.to_seconds():g} s."
            self._alarm("oldest_request", metric, limits.oldest_request.to_seconds(), words)

    def _alarm(
        self, name: str, metric: cloudwatch.IMetric, threshold: float, words: str, *, looks: int | None = None
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=looks or self._thresholds.evaluation_periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=words,
        )
        if self._actions:
            alarm.add_alarm_action(*self._actions)
        else:
            default = alarm.node.default_child
            assert isinstance(default, cdk.CfnResource)
            acknowledge(
                default,
                "Nobody is to be told by this alarm: monitor() was given neither notify= nor alarm_actions=.",
                cdk_rules=_ALARM_ACTION_RULES,
                guard=["CLOUDWATCH_ALARM_ACTION_CHECK"],
            )
        self.alarms[name] = alarm
        return alarm


def _rate(
    errors: Callable[..., cloudwatch.Metric], metrics: VariantMetrics | InferenceComponentMetrics, period: Duration
) -> cloudwatch.IMetric:
    """Percent of the requests; none without requests, so that one error at night is no alarm of 100 %."""
    return cloudwatch.MathExpression(
        expression="100 * errors / IF(requests > 0, requests, 1)",
        using_metrics={"errors": errors(period=period), "requests": metrics.invocations(period=period)},
        period=period,
        label="percent",
    )


def _row(one: Watched, alarms: Mapping[str, cloudwatch.Alarm]) -> list[cloudwatch.IWidget]:
    metrics = one.metrics
    hosts: list[Any] = [metrics.cpu_utilization(), metrics.memory_utilization()]
    if isinstance(metrics, VariantMetrics):
        hosts.append(metrics.disk_utilization())
    if one.gpus:
        hosts += [metrics.gpu_utilization(), metrics.gpu_memory_utilization()]
    graphs = [
        cloudwatch.GraphWidget(
            title=f"{one.name}: requests",
            left=[metrics.invocations()],
            right=[
                metrics.invocation_4xx_errors(),
                metrics.invocation_5xx_errors(),
                metrics.invocation_model_errors(),
            ],
            width=8,
        ),
        cloudwatch.GraphWidget(
            title=f"{one.name}: latency, µs",
            left=[metrics.model_latency(statistic=statistic) for statistic in ("p50", "p90", "p99")],
            right=[metrics.overhead_latency(statistic="p99")],
            left_annotations=_line(alarms.get(f"{one.name}-latency_p99")),
            width=8,
        ),
    ]
    if one.has_hosts:
        graphs.append(cloudwatch.GraphWidget(title=f"{one.name}: use, %", left=hosts, width=8))
    return list(graphs)


def _line(alarm: cloudwatch.Alarm | None) -> list[cloudwatch.HorizontalAnnotation] | None:
    return None if alarm is None else [alarm.to_annotation()]
