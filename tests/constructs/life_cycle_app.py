"""A CDK app for `test_life_cycle.py`; the context's `stack` says which one it makes, `bundle` what is served.

`keys` holds the signing secret, `serving` an endpoint on instances, `gated` one that is verified, `shared` one of
components that sleeps, `artifacts` a bucket, and `published` an endpoint whose model data lies in it.
"""

import aws_cdk as cdk
from aws_cdk import Duration

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.constructs import (
    Artifact,
    ArtifactBucket,
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


def keys(stack):
    signing = SigningSecret(stack, "Signing", model_name="tumour")
    cdk.CfnOutput(stack, "Secret", value=signing.secret.secret_arn)


def serving(stack):
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        bundle=stack.node.get_context("bundle"),
        signing_secret=SigningSecret.from_name(stack, "Key", "tumour"),
        instance_type="ml.c6i.large",
        initial_instance_count=2,
    )
    endpoint.autoscale(min_capacity=2, max_capacity=4, target=ScalingTarget.invocations(per_minute=600))
    endpoint.monitor()
    cdk.CfnOutput(stack, "EndpointName", value=endpoint.endpoint_name)


def gated(stack):
    ModelEndpoint(
        stack,
        "Endpoint",
        bundle=stack.node.get_context("bundle"),
        signing_secret=SigningSecret.from_name(stack, "Key", "tumour"),
        instance_type="ml.c6i.large",
        endpoint_name="gated",
        verify_on_deploy=True,
    )


def shared(stack):
    key = SigningSecret.from_name(stack, "Key", "tumour")
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        hosting=Hosting.inference_components(
            instance_type="ml.c6i.2xlarge", min_instance_count=0, max_instance_count=3
        ),
        components=[
            EndpointComponent(
                name=name,
                container=Container.from_bundle(stack.node.get_context(bundle), signing_secret=key),
                resources=ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 1}),
                rolling_update=ComponentRollingUpdate(batch=Capacity.percent(50), bake_time=Duration.minutes(1)),
            )
            for name, bundle in (("moving", "bundle"), ("staying", "other"))
        ],
    )
    endpoint.scale_to_zero(max_capacity=2)
    endpoint.monitor()


def artifacts(stack):
    bucket = ArtifactBucket(stack, "Artifacts", bucket_name="artifacts-of-the-team")
    cdk.CfnOutput(stack, "Bucket", value=bucket.bucket_name)


def published(stack):
    bundle = ModelBundle.read(stack.node.get_context("bundle"))
    ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundle,
        signing_secret=SigningSecret.from_name(stack, "Key", "tumour"),
        artifact=Artifact.s3(stack.node.get_context("uri"), stack.node.get_context("digest")),
        instance_type="ml.c6i.large",
    )


if __name__ == "__main__":
    app = cdk.App()
    name = app.node.get_context("stack")
    fill = {one.__name__: one for one in (keys, serving, gated, shared, artifacts, published)}[name]
    fill(cdk.Stack(app, name, env=cdk.Environment(account="123456789012", region="us-east-1")))
    app.synth()
