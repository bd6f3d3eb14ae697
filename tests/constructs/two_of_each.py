"""Two of every construct side by side in one stack: nothing is shared by accident, and no id or name is there twice."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from cdk_modelbuilder.constructs import (
    ArtifactBucket,
    ComponentContainer,
    ComponentSpecification,
    DataCapture,
    Endpoint,
    EndpointConfig,
    InferenceComponent,
    InstanceVariant,
    ManagedInstanceScaling,
    Model,
    ModelPackage,
    ModelPackageGroup,
    ResourceRequirements,
    SigningSecret,
)
from tests.constructs.uses import Bundles, components, own, real_time_with_everything, vpc


def resources(stack: cdk.Stack) -> None:
    """Each L2, and what they stand on, twice."""
    for name in ("One", "Two"):
        model = Model(stack, f"Model{name}", containers=own(name.lower()), vpc=vpc(stack))
        config = EndpointConfig(
            stack,
            f"Config{name}",
            variants=InstanceVariant(model=model, instance_type="ml.m5.large"),
            data_capture=DataCapture(destination_s3_uri=f"s3://captured/{name.lower()}"),
        )
        Endpoint(stack, f"Endpoint{name}", endpoint_config=config)
        shared = EndpointConfig(
            stack,
            f"SharedConfig{name}",
            components=True,
            variants=InstanceVariant(
                instance_type="ml.g5.4xlarge",
                managed_scaling=ManagedInstanceScaling(min_instance_count=0, max_instance_count=2),
            ),
        )
        endpoint = Endpoint(stack, f"SharedEndpoint{name}", endpoint_config=shared)
        base = InferenceComponent(
            stack,
            f"Base{name}",
            endpoint=endpoint,
            specification=ComponentSpecification(
                model=model, resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 1024})
            ),
        )
        InferenceComponent(
            stack,
            f"Adapter{name}",
            endpoint=endpoint,
            base=base,
            specification=ComponentSpecification(
                container=ComponentContainer(artifact_s3_uri=f"s3://adapters/{name.lower()}.tar.gz")
            ),
        )
        group = ModelPackageGroup(
            stack,
            f"Group{name}",
            model_package_group_name=name.lower(),
            readers=[iam.AccountPrincipal("210987654321")],
        )
        ModelPackage(stack, f"Package{name}", group=group, containers=own(name.lower()))
        SigningSecret(stack, f"Secret{name}", model_name=name.lower())
        ArtifactBucket(stack, f"Artifacts{name}")


def endpoints(stack: cdk.Stack, bundles: Bundles, names: Sequence[str] = ("One", "Two")) -> None:
    """ModelEndpoint with everything on, twice, and twice with components."""
    for name in names:
        real_time_with_everything(stack, bundles, name)
        components(stack, bundles, f"Shared{name}")
