"""A canary: a new model gets a tenth of the traffic first, and the endpoint goes back by itself if alarms go off.

Beside it a second variant with a twentieth of the requests, for a model that is being tried.

    cdk-modelbuilder build ../tumour.py --output build/tumour
    cdk-modelbuilder keys push build/tumour
    cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Duration

from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    BlueGreen,
    Capacity,
    Container,
    EndpointVariant,
    Hosting,
    ModelEndpoint,
    SigningSecret,
)


class Canary(cdk.Stack):
    """Two variants, guardrails and alarms."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "canary")
        key = SigningSecret.from_name(self, "Key", "tumour")
        current = Container.from_bundle(self.node.get_context("bundle"), signing_secret=key)
        tried = Container.from_bundle(self.node.get_context("tried"), signing_secret=key)
        endpoint = ModelEndpoint(
            self,
            "Tumour",
            variants=[
                EndpointVariant(name="Current", containers=current, weight=19),
                EndpointVariant(name="Tried", containers=tried, weight=1),
            ],
            hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=4),
            deployment=BlueGreen.canary(
                Capacity.percent(10),
                bake_time=Duration.minutes(10),
                termination_wait=Duration.minutes(5),
                timeout=Duration.hours(1),
            ),
            verify_on_deploy=True,
        )
        endpoint.monitor(thresholds=AlarmThresholds(latency_p99=Duration.millis(500), errors_5xx=0.5))
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
Canary(app)
app.synth()
