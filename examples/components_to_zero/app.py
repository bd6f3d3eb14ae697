"""Inference components: models share instances, each with its part, and all of it goes to sleep without load.

cdk-modelbuilder build ../tumour.py --output build/tumour
cdk-modelbuilder keys push build/tumour
cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Duration

from cdk_modelbuilder.constructs import (
    Capacity,
    ComponentRollingUpdate,
    Container,
    EndpointComponent,
    Hosting,
    ModelEndpoint,
    ResourceRequirements,
    ScalingTarget,
    SigningSecret,
)


class Components(cdk.Stack):
    """One endpoint with two components of the same bundle, such as two customers may have."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "components")
        key = SigningSecret.from_name(self, "Key", "tumour")
        bundle = self.node.get_context("bundle")
        endpoint = ModelEndpoint(
            self,
            "Shared",
            hosting=Hosting.inference_components(
                instance_type="ml.c6i.2xlarge", min_instance_count=0, max_instance_count=3
            ),
            components=[
                EndpointComponent(
                    name=name,
                    container=Container.from_bundle(bundle, signing_secret=key),
                    resources=ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 1}),
                    rolling_update=ComponentRollingUpdate(batch=Capacity.percent(50), bake_time=Duration.minutes(2)),
                )
                for name in ("north", "south")
            ],
        )
        endpoint.scale_to_zero(max_capacity=4, target=ScalingTarget.concurrency(requests=2))
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
Components(app)
app.synth()
