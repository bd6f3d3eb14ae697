"""A multi-model endpoint: hundreds of archives below one prefix, loaded when a request names one (TargetModel).

Written with the L2 constructs: an archive is chosen by the request, so no digest can be pinned, and whoever may write
below the prefix decides what runs. Use inference components where that matters.

    cdk deploy -c models=s3://my-bucket/models/ -c image=...
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk.aws_cloudwatch import TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_sns import Topic

from cdk_modelbuilder.constructs import (
    BlueGreen,
    Container,
    ContainerImage,
    Endpoint,
    EndpointConfig,
    EndpointMetrics,
    InstanceVariant,
    Model,
    ModelData,
)


class MultiModel(cdk.Stack):
    """Model, configuration and endpoint."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "multi-model")
        model = Model(
            self,
            "Model",
            containers=Container(
                image=ContainerImage.from_uri(self.node.get_context("image")),
                model_data=ModelData.many_archives(self.node.get_context("models")),
                multi_model=True,
            ),
        )
        config = EndpointConfig(
            self,
            "Config",
            variants=InstanceVariant(model=model, instance_type="ml.c6i.xlarge", initial_instance_count=2),
            encryption_key=kms.Key(self, "StorageKey", enable_key_rotation=True),
        )
        # The alarm needs the endpoint's name before the endpoint is there, so that it can take an update back.
        name = "multi-model"
        errors = EndpointMetrics(name, []).variant().invocation_5xx_errors()
        alarm = errors.create_alarm(
            self, "Errors", threshold=5, evaluation_periods=3, treat_missing_data=TreatMissingData.NOT_BREACHING
        )
        alarm.add_alarm_action(SnsAction(Topic.from_topic_arn(self, "Topic", self.node.get_context("topic"))))
        endpoint = Endpoint(
            self,
            "Endpoint",
            endpoint_config=config,
            endpoint_name=name,
            deployment=BlueGreen.all_at_once(bake_time=cdk.Duration.minutes(5)),
            rollback_alarms=[alarm],
        )
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
MultiModel(app)
app.synth()
