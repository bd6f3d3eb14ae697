"""A real-time endpoint: one bundle on two instances, scaled by its load, watched, and verified when it is deployed.

cdk-modelbuilder build ../tumour.py --output build/tumour
cdk-modelbuilder keys push build/tumour
cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Duration

from cdk_modelbuilder.constructs import AlarmThresholds, BlueGreen, Hosting, ModelEndpoint, ScalingTarget, SigningSecret


class RealTime(cdk.Stack):
    """The endpoint and its name."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "real-time")
        key = SigningSecret.from_name(self, "Key", "tumour")
        endpoint = ModelEndpoint(
            self,
            "Tumour",
            bundle=self.node.get_context("bundle"),
            signing_secret=key,
            hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=2),
            deployment=BlueGreen.all_at_once(bake_time=Duration.minutes(5)),
            verify_on_deploy=True,
        )
        endpoint.autoscale(min_capacity=2, max_capacity=6, target=ScalingTarget.invocations(per_minute=600))
        endpoint.monitor(thresholds=AlarmThresholds(latency_p99=Duration.millis(500)))
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
RealTime(app)
app.synth()
