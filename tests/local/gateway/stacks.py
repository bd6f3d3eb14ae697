"""Stacks whose endpoints are served here: one of each kind, of two bundles."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import Size
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.constructs import (
    AsyncInference,
    Container,
    ContainerImage,
    DataCapture,
    EndpointComponent,
    EndpointVariant,
    Hosting,
    InferenceExecution,
    Model,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
    SigningSecret,
)

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ENV = cdk.Environment(account=ACCOUNT, region=REGION)


def synthesize(out: Path, first: ModelBundle, second: ModelBundle) -> Path:
    """An assembly of three stacks, in ``out``."""
    app = cdk.App(outdir=str(out), builtin_cloud_formation_validation=False)
    variants(cdk.Stack(app, "variants", env=ENV), first, second)
    others(cdk.Stack(app, "others", env=ENV), first, second)
    by_hand(cdk.Stack(app, "by-hand", env=ENV), first, second)
    return Path(app.synth().directory)


def secret(stack: cdk.Stack) -> secretsmanager.ISecret:
    found = stack.node.try_find_child("Key")
    return found or secretsmanager.Secret.from_secret_name_v2(stack, "Key", "cdk-modelbuilder/moody")


def of(stack: cdk.Stack, bundle: ModelBundle, **options) -> Container:
    return Container.from_bundle(bundle, signing_secret=secret(stack), **options)


def variants(stack: cdk.Stack, first: ModelBundle, second: ModelBundle) -> None:
    """Two variants, the first with two copies, and data capture, which local mode does not do."""
    ModelEndpoint(
        stack,
        "Endpoint",
        endpoint_name="two-variants",
        variants=[
            EndpointVariant(name="Live", containers=of(stack, first, environment={"WHERE": "live"}), weight=0.8),
            EndpointVariant(name="Tried", containers=of(stack, second, environment={"WHERE": "tried"}), weight=0.2),
        ],
        hosting=Hosting.real_time(instance_type="ml.c6i.large", initial_instance_count=2),
        data_capture=DataCapture(destination_s3_uri="s3://captured/here"),
    )


def others(stack: cdk.Stack, first: ModelBundle, second: ModelBundle) -> None:
    """A serverless endpoint, an asynchronous one, one with components, and one whose container is not a bundle's."""
    ModelEndpoint(
        stack,
        "Serverless",
        endpoint_name="serverless",
        bundle=first,
        signing_secret=secret(stack),
        hosting=Hosting.serverless(memory_size=Size.gibibytes(2), max_concurrency=1),
    )
    bucket = s3.Bucket(stack, "Answers")
    ModelEndpoint(
        stack,
        "Asynchronous",
        endpoint_name="asynchronous",
        bundle=first,
        signing_secret=SigningSecret(stack, "Signing", model_name="moody").secret,
        hosting=Hosting.asynchronous(
            instance_type="ml.c6i.large",
            asynchronous=AsyncInference(
                output_s3_uri=f"s3://{bucket.bucket_name}/out",
                failure_s3_uri="s3://failures/failed",
                max_concurrent_invocations_per_instance=2,
            ),
        ),
    )
    resources = ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 1})
    none = ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 0})
    ModelEndpoint(
        stack,
        "Components",
        endpoint_name="components",
        hosting=Hosting.inference_components(instance_type="ml.g5.4xlarge", initial_instance_count=1),
        components=[
            EndpointComponent(
                name="base",
                container=of(stack, first, environment={"WHERE": "base"}),
                resources=resources,
                adapters={"legal": "s3://adapters/legal.tar.gz"},
            ),
            EndpointComponent(name="asleep", container=of(stack, second), resources=none),
        ],
    )
    image = ContainerImage.from_uri(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/served:1")
    own = Container(image=image, model_data=ModelData.archive("s3://artifacts/own.tar.gz"))
    ModelEndpoint(stack, "Own", endpoint_name="own", pipeline=[own], instance_type="ml.c6i.large")


def by_hand(stack: cdk.Stack, first: ModelBundle, second: ModelBundle) -> None:
    """A pipeline, containers that are called directly, and a multi-model container; L1 resources by Ref, unnamed."""
    serial = Model(stack, "Serial", containers=[of(stack, first, hostname="one"), of(stack, second, hostname="two")])
    direct = Model(
        stack,
        "Direct",
        execution=InferenceExecution.DIRECT,
        containers=[
            of(stack, first, hostname="one", environment={"WHERE": "one"}),
            of(stack, second, hostname="two", environment={"WHERE": "two"}),
        ],
    )
    image = ContainerImage.from_uri(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/served:1")
    many = Container(image=image, model_data=ModelData.many_archives("s3://artifacts/models/"), multi_model=True)
    several = Model(stack, "Several", containers=many)
    for model in (serial, direct, several):
        name = model.node.id
        config = sagemaker.CfnEndpointConfig(
            stack,
            f"{name}Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    model_name=model.model_name,
                    variant_name="AllTraffic",
                    initial_instance_count=9 if name == "Direct" else 1,
                    initial_variant_weight=1,
                    instance_type="ml.c6i.large",
                )
            ],
        )
        sagemaker.CfnEndpoint(stack, f"{name}Endpoint", endpoint_config_name=config.ref)
