"""What a stack watches a service with: alarms, dashboards and log groups."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat, cloudwatch_backends
from moto.logs.models import logs_backends

from tests.aws_stand_in.mending.recorded import Recorded, stands_for


class OfCloudWatch(Recorded):
    @property
    def backend(self) -> Any:
        return cloudwatch_backends[self.account][self.region]


@stands_for("AWS::CloudWatch::Alarm")
class Alarm(OfCloudWatch):
    def apply(self) -> None:
        p = self.properties
        self.backend.put_metric_alarm(
            name=self.name,
            namespace=p.get("Namespace"),
            metric_name=p.get("MetricName"),
            metric_data_queries=[_query(metric) for metric in p["Metrics"]] if "Metrics" in p else None,
            comparison_operator=p["ComparisonOperator"],
            evaluation_periods=p["EvaluationPeriods"],
            datapoints_to_alarm=p.get("DatapointsToAlarm"),
            period=p.get("Period"),
            threshold=p.get("Threshold"),
            threshold_metric_id=p.get("ThresholdMetricId"),
            statistic=p.get("Statistic"),
            extended_statistic=p.get("ExtendedStatistic"),
            unit=p.get("Unit"),
            description=p.get("AlarmDescription", ""),
            dimensions=p.get("Dimensions", []),
            actions_enabled=p.get("ActionsEnabled", True),
            alarm_actions=p.get("AlarmActions", []),
            ok_actions=p.get("OKActions", []),
            insufficient_data_actions=p.get("InsufficientDataActions", []),
            treat_missing_data=p.get("TreatMissingData"),
            evaluate_low_sample_count_percentile=p.get("EvaluateLowSampleCountPercentile"),
        )

    def remove(self) -> None:
        self.backend.delete_alarms([self.name])

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"


@stands_for("AWS::CloudWatch::CompositeAlarm")
class CompositeAlarm(Alarm):
    def apply(self) -> None:
        p = self.properties
        self.backend.put_metric_alarm(
            name=self.name,
            namespace=None,
            metric_name=None,
            comparison_operator=None,
            evaluation_periods=None,
            period=None,
            threshold=None,
            statistic=None,
            description=p.get("AlarmDescription", ""),
            dimensions=[],
            actions_enabled=p.get("ActionsEnabled", True),
            alarm_actions=p.get("AlarmActions", []),
            ok_actions=p.get("OKActions", []),
            insufficient_data_actions=p.get("InsufficientDataActions", []),
            rule=p["AlarmRule"],
        )


def _query(metric: dict[str, Any]) -> MetricDataQuery:
    stat = metric.get("MetricStat")
    found = None
    if stat is not None:
        of = stat["Metric"]
        dimensions = [Dimension(name=entry["Name"], value=entry["Value"]) for entry in of.get("Dimensions", [])]
        found = MetricStat(
            metric=Metric(of["MetricName"], of["Namespace"], dimensions),
            period=stat["Period"],
            stat=stat["Stat"],
            unit=stat.get("Unit"),
        )
    return MetricDataQuery(
        query_id=metric["Id"],
        label=metric.get("Label"),
        period=metric.get("Period"),
        return_data=metric.get("ReturnData", True),
        expression=metric.get("Expression"),
        metric_stat=found,
    )


@stands_for("AWS::CloudWatch::Dashboard")
class Dashboard(OfCloudWatch):
    """Moto gives an unnamed one another name whenever it changes."""

    def apply(self) -> None:
        self.backend.put_dashboard(self.name, self.properties["DashboardBody"])

    def remove(self) -> None:
        self.backend.delete_dashboards([self.name])


@stands_for("AWS::Logs::LogGroup")
class LogGroup(Recorded):
    """Moto ignores every change of one."""

    @property
    def backend(self) -> Any:
        return logs_backends[self.account][self.region]

    def apply(self) -> None:
        if self.name not in self.backend.groups:
            self.backend.create_log_group(
                self.name, {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", [])}
            )
        group = self.backend.groups[self.name]
        group.retention_in_days = self.properties.get("RetentionInDays")
        group.kms_key_id = self.properties.get("KmsKeyId")

    def remove(self) -> None:
        self.backend.delete_log_group(self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.name}:*"
