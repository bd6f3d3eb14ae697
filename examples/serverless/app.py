"""A serverless endpoint: nothing runs, and nothing is paid, between requests.

cdk-modelbuilder build ../tumour.py --output build/tumour
cdk-modelbuilder keys push build/tumour
cdk deploy
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Size

from cdk_modelbuilder.constructs import Hosting, ModelEndpoint, SigningSecret


class Serverless(cdk.Stack):
    """The endpoint and its name."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "serverless")
        key = SigningSecret.from_name(self, "Key", "tumour")
        endpoint = ModelEndpoint(
            self,
            "Tumour",
            bundle=self.node.get_context("bundle"),
            signing_secret=key,
            hosting=Hosting.serverless(memory_size=Size.gibibytes(2), max_concurrency=20),
        )
        endpoint.monitor(dashboard=False)
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
Serverless(app)
app.synth()
