"""Values that are known when deploying pass every check, and none of them is calculated with."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, Size
from aws_cdk.assertions import Template

from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    BlueGreen,
    Capacity,
    ClarifyExplainer,
    Container,
    ContainerImage,
    DataCapture,
    Endpoint,
    EndpointComponent,
    EndpointConfig,
    EndpointMetricsOptions,
    EndpointVariant,
    Hosting,
    InstanceVariant,
    ManagedInstanceScaling,
    Model,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
    Rolling,
    ScaleIn,
    ScalingTarget,
    ServerlessVariant,
    ShapBaseline,
)
from cdk_modelbuilder.errors import UsageError

PLAIN = Container(
    image=ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1"),
    model_data=ModelData.archive("s3://artifacts/model.tar.gz"),
)
NUMBER = {"Ref": "Number"}


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


@pytest.fixture
def number(stack):
    return cdk.CfnParameter(stack, "Number", type="Number").value_as_number


def found(stack, kind):
    (resource,) = Template.from_stack(stack).find_resources(kind).values()
    return resource["Properties"]


def test_numbers_of_a_variant(stack, number):
    model = Model(stack, "Model", containers=PLAIN)
    variant = InstanceVariant(
        model=model,
        instance_type="ml.m5.large",
        initial_instance_count=number,
        weight=number,
        volume_size=Size.gibibytes(number),
        startup_health_check_timeout=Duration.seconds(number),
    )
    config = EndpointConfig(stack, "Config", variants=variant, metrics=EndpointMetricsOptions(
        publish_frequency=Duration.seconds(number)))  # fmt: skip
    canary = BlueGreen.canary(
        Capacity.instances(1), bake_time=Duration.seconds(number), timeout=Duration.seconds(number)
    )
    Endpoint(stack, "Endpoint", endpoint_config=config, deployment=canary)
    properties = found(stack, "AWS::SageMaker::EndpointConfig")
    rendered = properties["ProductionVariants"][0]
    numbers = ["InitialInstanceCount", "InitialVariantWeight", "VolumeSizeInGB"]
    numbers += ["ContainerStartupHealthCheckTimeoutInSeconds"]
    assert [rendered[name] for name in numbers] == [NUMBER] * 4
    assert properties["MetricsConfig"] == {"MetricPublishFrequencyInSeconds": NUMBER}
    policy = found(stack, "AWS::SageMaker::Endpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == NUMBER
    assert policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] == NUMBER


def test_numbers_of_serverless(stack, number):
    model = Model(stack, "Model", containers=PLAIN, network_isolation=False)
    variant = ServerlessVariant(
        model=model, memory_size=Size.mebibytes(number), max_concurrency=number, provisioned_concurrency=number
    )
    EndpointConfig(stack, "Config", variants=variant)
    rendered = found(stack, "AWS::SageMaker::EndpointConfig")["ProductionVariants"][0]
    assert set(map(str, rendered["ServerlessConfig"].values())) == {str(NUMBER)}


def test_numbers_of_components(stack, number):
    scaling = ManagedInstanceScaling(
        min_instance_count=1,
        max_instance_count=number,
        scale_in=ScaleIn.consolidation(cooldown=Duration.minutes(number)),
    )
    needs = ResourceRequirements(
        requests={"memory": number, "copies": number, "num_cpus": number, "num_accelerators": number},
        limits={"memory": number},
    )
    served = ModelEndpoint(
        stack,
        "E",
        components=[EndpointComponent(name="a", container=PLAIN, resources=needs)],
        hosting=Hosting.inference_components(instance_type="ml.g5.xlarge", scaling=scaling),
    )
    served.autoscale(min_capacity=number, max_capacity=number, target=ScalingTarget.invocations(number))
    variant = found(stack, "AWS::SageMaker::EndpointConfig")["ProductionVariants"][0]
    assert variant["ManagedInstanceScaling"]["MaxInstanceCount"] == NUMBER
    assert variant["ManagedInstanceScaling"]["ScaleInPolicy"]["CooldownInMinutes"] == NUMBER
    component = found(stack, "AWS::SageMaker::InferenceComponent")
    assert component["RuntimeConfig"] == {"CopyCount": NUMBER}
    assert set(map(str, component["Specification"]["ComputeResourceRequirements"].values())) == {str(NUMBER)}
    target = found(stack, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (NUMBER, NUMBER)


def test_a_least_that_is_a_token_may_be_zero(stack, number):
    served = ModelEndpoint(
        stack,
        "E",
        components=[EndpointComponent(name="a", container=PLAIN, resources=ResourceRequirements({"memory": 256}))],
        hosting=Hosting.inference_components(
            instance_type="ml.g5.xlarge", min_instance_count=number, max_instance_count=2
        ),
    )
    (scaling,) = served.scale_to_zero(max_capacity=2)
    assert scaling.wake_alarm is not None
    with pytest.raises(UsageError, match="nothing says max_instance_count"):
        Hosting.inference_components(instance_type="ml.g5.xlarge", min_instance_count=number).managed_scaling()


def test_values_alone(number):
    rolling = Rolling(batch=Capacity.percent(number), bake_time=Duration.seconds(number)).render()
    assert rolling["rolling_update_policy"].wait_interval_in_seconds == number
    assert ClarifyExplainer(baseline=ShapBaseline(record="1"), max_payload=Size.mebibytes(number)).render()
    assert DataCapture(destination_s3_uri="s3://b/c", sampling_percentage=number).render()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e, n: e.monitor(thresholds=AlarmThresholds(gpu_memory=n)), "gpu_memory is a token"),
        (lambda e, n: e.monitor(thresholds=AlarmThresholds(latency_p99=Duration.millis(n))), "latency_p99 is a token"),
        (lambda e, n: e.autoscale(max_capacity=2, target=ScalingTarget.gpu_utilization(n)), "percent is a token"),
    ],
)
def test_what_would_have_to_be_calculated_is_refused(stack, number, change, words):
    served = ModelEndpoint(
        stack, "E", variants=[EndpointVariant(name="a", containers=PLAIN)], instance_type="ml.g5.12xlarge"
    )
    with pytest.raises(UsageError, match=words):
        change(served, number)


def test_other_units_and_fractions_say_how_to_write_them(number):
    with pytest.raises(UsageError, match=r"Write Duration\.seconds"):
        InstanceVariant(instance_type="ml.m5.large", startup_health_check_timeout=Duration.minutes(number)).render()
    with pytest.raises(UsageError, match=r"Write Duration\.seconds"):
        InstanceVariant(instance_type="ml.m5.large", startup_health_check_timeout=Duration.millis(100_500)).render()
    with pytest.raises(UsageError, match=r"Write Size\.gibibytes"):
        InstanceVariant(instance_type="ml.m5.large", volume_size=Size.mebibytes(1500)).render()
