"""A pipeline: the first container scales the features, the second one predicts; one request, one endpoint.

cdk-modelbuilder build ../tumour.py --output build/tumour
cdk-modelbuilder build ../scaler.py --output build/scaler
cdk-modelbuilder keys push build/tumour
cdk-modelbuilder keys push build/scaler
cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk

from cdk_modelbuilder.constructs import Container, Hosting, ModelEndpoint, SigningSecret


class Pipeline(cdk.Stack):
    """Two bundles behind each other."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "pipeline")
        endpoint = ModelEndpoint(
            self,
            "Scaled",
            pipeline=[self.container("scaler", "scaler"), self.container("bundle", "tumour")],
            hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=2),
        )
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)

    def container(self, context: str, model: str) -> Container:
        """The bundle that the context names, and the secret with the keys of its model."""
        key = SigningSecret.from_name(self, f"{context}Key", model)
        return Container.from_bundle(self.node.get_context(context), signing_secret=key)


app = cdk.App()
Pipeline(app)
app.synth()
