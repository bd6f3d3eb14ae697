"""An endpoint in your VPC, without a way out, whose key is fetched by nobody: only a public key is in the template.

The bundle is signed with a private key that stays with the builder; the network isolation works where every package
of the bundle is in the image.

    cdk-modelbuilder keys create-pair --file release.key
    cdk-modelbuilder build ../tumour.py --output build/tumour --private-key release.key
    cdk deploy -c vpc=vpc-... -c public_key=release.pub
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from cdk_modelbuilder.constructs import Hosting, Integrity, ModelEndpoint


class VpcIsolated(cdk.Stack):
    """The endpoint in private subnets of two zones."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "vpc-isolated")
        context = self.node.get_context
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=context("vpc"),
            availability_zones=context("zones").split(","),
            isolated_subnet_ids=context("subnets").split(","),
        )
        endpoint = ModelEndpoint(
            self,
            "Tumour",
            bundle=context("bundle"),
            integrity=Integrity.public_key(context("public_key")),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            allow_all_outbound=False,
            hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=2),
        )
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
VpcIsolated(app)
app.synth()
