"""Rules of SageMaker that a deployment would have found out, found out at synth."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, Size

from cdk_modelbuilder.constructs import (
    BlueGreen,
    Capacity,
    ComponentContainer,
    Container,
    ContainerImage,
    EndpointConfig,
    InferenceExecution,
    InstanceVariant,
    ManagedInstanceScaling,
    Model,
    Placement,
    ScaleIn,
    Scheduling,
    ServerlessVariant,
)
from cdk_modelbuilder.errors import UsageError

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


@pytest.mark.parametrize("names", [("a", None), ("a", "a")])
@pytest.mark.parametrize("execution", [None, InferenceExecution.SERIAL])
def test_all_containers_of_a_pipeline_have_a_hostname_or_none(stack, names, execution):
    containers = [Container(image=IMAGE, hostname=name) for name in names]
    with pytest.raises(UsageError, match="Give each a hostname of its own, or none"):
        Model(stack, "M", containers=containers, execution=execution)


@pytest.mark.parametrize("names", [(None, None), ("a", "b")])
def test_pipelines_with_and_without_hostnames(stack, names):
    Model(stack, "M", containers=[Container(image=IMAGE, hostname=name) for name in names])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ComponentContainer(image="x:1", environment={"A": 1}), "both must be text"),
        (lambda: ComponentContainer(image="x:1", environment={"A": "x" * 1025}), "1025 bytes"),
        (
            lambda: InstanceVariant(
                instance_type="ml.g5.xlarge",
                initial_instance_count=0,
                managed_scaling=ManagedInstanceScaling(min_instance_count=0, max_instance_count=2),
            ),
            "initial_instance_count is 0",
        ),
        (
            lambda: Container(image=IMAGE, environment={"A": str(cdk.SecretValue.secrets_manager("s"))}),
            r"the text of a Python object.*secrets=",
        ),
        (
            lambda: BlueGreen.linear(
                Capacity.percent(10), bake_time=Duration.minutes(30), timeout=Duration.hours(4)
            ).render(),
            "waiting alone takes 16200 s",
        ),
        (lambda: ScaleIn.consolidation(maximum_step_size=101).render(), "between 1 and 100"),
        (lambda: Scheduling(placement=Placement.SPREAD, max_zone_imbalance=101).render(), "between 0 and 100"),
    ],
)
def test_values_that_sagemaker_refuses(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_a_linear_deployment_that_its_timeout_leaves_time_for():
    BlueGreen.linear(Capacity.percent(50), bake_time=Duration.minutes(30), timeout=Duration.hours(1)).render()


def test_a_model_that_is_isolated_by_default_is_told_how_not_to_be(stack):
    model = Model(stack, "M", containers=Container(image=IMAGE))
    variant = ServerlessVariant(model=model, memory_size=Size.gibibytes(1), max_concurrency=1)
    with pytest.raises(UsageError, match=r"network isolation.*network_isolation=False"):
        EndpointConfig(stack, "C", variants=variant)
