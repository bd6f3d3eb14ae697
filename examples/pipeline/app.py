"""A pipeline: the first container scales the features, the second one predicts; one request, one endpoint.

cdk-modelbuilder build ../tumour.py --output build/tumour
cdk-modelbuilder build ../scaler.py --output build/scaler
cdk-modelbuilder keys push build/tumour
cdk-modelbuilder keys push build/scaler
cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder.constructs import Container, Hosting, ModelEndpoint


class Pipeline(cdk.Stack):
    """Two bundles behind each other."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "pipeline")
        endpoint = ModelEndpoint(
            self,
            "Scaled",
            pipeline=[self.container("scaler"), self.container("bundle")],
            hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=2),
        )
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)

    def container(self, name: str) -> Container:
        """The bundle that the context has under ``name``, and the secret with its key."""
        key = secretsmanager.Secret.from_secret_name_v2(self, f"{name}Key", self.node.get_context(f"{name}_secret"))
        return Container.from_bundle(self.node.get_context(name), signing_secret=key)


app = cdk.App()
Pipeline(app)
app.synth()
