"""Endpoints in operation: alarms that can be seen and have time to go off, scaling that SageMaker takes, keys."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, Size
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Annotations, Match, Template

from cdk_modelbuilder import instances
from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    BlueGreen,
    Capacity,
    ComponentRollingUpdate,
    Container,
    ContainerImage,
    Endpoint,
    EndpointComponent,
    EndpointConfig,
    EndpointVariant,
    Hosting,
    InferenceComponent,
    InstanceType,
    InstanceVariant,
    Model,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
    ScalingTarget,
    ServerlessVariant,
)
from cdk_modelbuilder.errors import UsageError

PLAIN = Container(
    image=ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1"),
    model_data=ModelData.archive("s3://artifacts/model.tar.gz"),
)
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def app(tmp_path):
    return cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)


@pytest.fixture
def stack(app):
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


def served(stack, *names, instance_type="ml.m5.large", **options):
    variants = [EndpointVariant(name=name, containers=PLAIN) for name in names or ("a",)]
    return ModelEndpoint(stack, "E", variants=variants, instance_type=instance_type, **options)


def shared(stack, **options):
    needs = ResourceRequirements(requests={"memory": 256})
    component = EndpointComponent(**{"name": "a", "container": PLAIN, "resources": needs, **options})
    return ModelEndpoint(stack, "E", components=[component], instance_type="ml.m5.large")


def the(template, kind):
    (resource,) = template.find_resources(kind).values()
    return resource


def who_sees(template):
    """Name of the policy that lets SageMaker look at alarms, and the alarms."""
    for name, policy in template.find_resources("AWS::IAM::ManagedPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "SeeAlarms":
                assert statement["Action"] == "cloudwatch:DescribeAlarms"
                resources = statement["Resource"]
                return name, resources if isinstance(resources, list) else [resources]
    return None, []


def test_sagemaker_may_look_at_the_alarms_before_the_endpoint_moves(stack):
    served(stack).monitor()
    template = Template.from_stack(stack)
    policy, alarms = who_sees(template)
    assert len(alarms) == 2
    assert policy in the(template, "AWS::SageMaker::Endpoint")["DependsOn"]
    assert policy not in the(template, "AWS::SageMaker::Model")["DependsOn"]


def test_the_same_for_components(stack):
    rolling = ComponentRollingUpdate(batch=Capacity.percent(50), bake_time=Duration.minutes(5))
    shared(stack, rolling_update=rolling).monitor()
    template = Template.from_stack(stack)
    policy, alarms = who_sees(template)
    assert len(alarms) == 2
    assert policy in the(template, "AWS::SageMaker::InferenceComponent")["DependsOn"]


def test_an_alarm_may_watch_the_new_configuration_alone(stack):
    """As the guide's example of an alarm on the new fleet does; with one policy for all it were a circle."""
    model = Model(stack, "Model", containers=PLAIN)
    config = EndpointConfig(stack, "Config", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))
    metric = cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name="ModelLatency",
        dimensions_map={
            "EndpointName": "e", "VariantName": "AllTraffic", "EndpointConfigName": config.endpoint_config_name,
        },
    )  # fmt: skip
    alarm = metric.create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    Endpoint(stack, "Endpoint", endpoint_config=config, endpoint_name="e", rollback_alarms=[alarm])
    template = Template.from_stack(stack)  # which refuses circles
    assert who_sees(template)[0] in the(template, "AWS::SageMaker::Endpoint")["DependsOn"]


def test_an_alarm_of_the_l1_is_named_by_reference(stack):
    alarm = cloudwatch.CfnAlarm(
        stack, "Alarm", comparison_operator="GreaterThanThreshold", evaluation_periods=1, threshold=1
    )
    served(stack).endpoint.add_rollback_alarm(alarm)
    config = the(Template.from_stack(stack), "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    assert config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}]}


def test_alarms_have_time_to_go_off(stack):
    served(stack).monitor()
    config = the(Template.from_stack(stack), "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    routing = config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    Annotations.from_stack(stack).has_no_warning("*", Match.string_like_regexp("bake_time"))


def test_no_bake_time_is_warned_of(stack):
    served(stack, deployment=BlueGreen.all_at_once()).monitor()
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("bake_time=0"))


def test_more_variants_than_rollback_alarms_leave_nothing_behind(stack):
    endpoint = served(stack, *(f"v{number}" for number in range(6)))
    with pytest.raises(UsageError, match=r"6 variants with 2 .*monitor\(rollback=False\)"):
        endpoint.monitor()
    endpoint.monitor(thresholds=AlarmThresholds(model_errors=None))
    assert len(who_sees(Template.from_stack(stack))[1]) == 6


def test_what_was_said_already(stack):
    endpoint = served(stack)
    endpoint.monitor()
    endpoint.autoscale(max_capacity=2, target=ScalingTarget.invocations(9))
    with pytest.raises(UsageError, match="monitored already"):
        endpoint.monitor()
    with pytest.raises(UsageError, match="a is scaled already"):
        endpoint.autoscale(max_capacity=2, target=ScalingTarget.invocations(9))


@pytest.mark.parametrize("instance_type", ["ml.t2.medium", "ml.t2.2xlarge"])
def test_burstable_instances_do_not_scale(stack, instance_type):
    with pytest.raises(UsageError, match="burstable instances"):
        served(stack, instance_type=instance_type).autoscale(max_capacity=2, target=ScalingTarget.invocations(9))
    assert not Template.from_stack(stack).find_resources("AWS::ApplicationAutoScaling::ScalableTarget")


def test_scaling_retains_what_sagemaker_can_retain(stack):
    served(stack).autoscale(max_capacity=2, target=ScalingTarget.invocations(9))
    properties = the(Template.from_stack(stack), "AWS::SageMaker::Endpoint")["Properties"]
    assert properties["RetainAllVariantProperties"] is True
    assert properties["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]


def test_a_serverless_endpoint_takes_a_key_for_the_image(stack):
    model = Model(stack, "Model", network_isolation=False, containers=PLAIN)
    variant = ServerlessVariant(model=model, memory_size=Size.gibibytes(2), max_concurrency=1)
    key = kms.Key.from_key_arn(stack, "Key", KEY_ARN)
    EndpointConfig(stack, "Config", variants=variant, encryption_key=key)
    assert the(Template.from_stack(stack), "AWS::SageMaker::EndpointConfig")["Properties"]["KmsKeyId"] == KEY_ARN


def test_so_does_one_of_a_model_endpoint(stack):
    ModelEndpoint(
        stack,
        "E",
        pipeline=[PLAIN],
        hosting=Hosting.serverless(),
        encryption_key=kms.Key.from_key_arn(stack, "Key", KEY_ARN),
    )
    assert the(Template.from_stack(stack), "AWS::SageMaker::EndpointConfig")["Properties"]["KmsKeyId"] == KEY_ARN


def test_a_model_in_another_stack_is_warned_of(app, stack):
    model = Model(stack, "Model", containers=PLAIN)
    other = cdk.Stack(app, "Other", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    EndpointConfig(other, "Config", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))
    Annotations.from_stack(other).has_warning("*", Match.string_like_regexp("does not change an export"))


def test_a_model_in_a_nested_stack_is_not(stack):
    nested = cdk.NestedStack(stack, "Nested")
    model = Model(nested, "Model", containers=PLAIN)
    EndpointConfig(stack, "Config", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


@pytest.mark.parametrize("count", [1, 2])
def test_one_subnet_is_warned_of(stack, count):
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["a", "b"][:count],
        private_subnet_ids=["subnet-1", "subnet-2"][:count],
    )
    Model(stack, "Model", containers=PLAIN, vpc=vpc)
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("at least two"))
    assert len(found) == (count == 1)


def warm(stack, **options):
    return ModelEndpoint(stack, "E", pipeline=[PLAIN], hosting=Hosting.serverless(**options))


def test_only_what_is_warm_can_be_scaled(stack):
    with pytest.raises(UsageError, match="keeps nothing warm"):
        warm(stack).autoscale(max_capacity=2, target=ScalingTarget.provisioned_concurrency_utilization(0.7))


def test_no_more_can_be_warm_than_may_run(stack):
    endpoint = warm(stack, provisioned_concurrency=1, max_concurrency=4)
    target = ScalingTarget.provisioned_concurrency_utilization(0.7)
    with pytest.raises(UsageError, match="max_capacity 5 is above max_concurrency 4"):
        endpoint.autoscale(max_capacity=5, target=target)
    endpoint.autoscale(max_capacity=4, target=target)


@pytest.mark.parametrize("wake_to", [0, 3, 1.5, True])
def test_what_wakes_it_starts_something(stack, wake_to):
    endpoint = ModelEndpoint(
        stack,
        "E",
        components=[
            EndpointComponent(name="a", container=PLAIN, resources=ResourceRequirements(requests={"memory": 256}))
        ],
        hosting=Hosting.inference_components(instance_type="ml.m5.large", min_instance_count=0, max_instance_count=2),
    )
    with pytest.raises(UsageError, match="wake_to"):
        endpoint.scale_to_zero(max_capacity=2, wake_to=wake_to)


def test_a_type_that_a_region_got_meanwhile(stack):
    elsewhere = cdk.Stack(stack.node.root, "Zurich", env=cdk.Environment(region="eu-central-2"))
    model = Model(elsewhere, "Model", containers=PLAIN)

    def config(name, kind):
        EndpointConfig(elsewhere, name, variants=InstanceVariant(model=model, instance_type=kind))

    missing = next(
        one for one in instances.known_types() if instances.instance_type(one).offered_in("eu-central-2") is False
    )
    with pytest.raises(UsageError, match=rf"InstanceType\.of\('{missing}'\)"):
        config("One", missing)
    config("Two", InstanceType.of(missing))


def test_a_component_takes_ten_rollback_alarms(stack):
    endpoint = shared(stack).endpoint
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:one"
    alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Alarm", arn)
    rolling = ComponentRollingUpdate(batch=Capacity.percent(50), bake_time=Duration.minutes(5))
    with pytest.raises(UsageError, match="11 rollback alarms"):
        InferenceComponent(
            stack,
            "C",
            endpoint=endpoint,
            specification=shared_specification(),
            rolling_update=rolling,
            rollback_alarms=[alarm] * 11,
        )


def shared_specification():
    from cdk_modelbuilder.constructs import ComponentContainer, ComponentSpecification

    needs = ResourceRequirements(requests={"memory": 256})
    return ComponentSpecification(container=ComponentContainer(image="x:1"), resources=needs)


@pytest.mark.parametrize(
    ("name", "has_key"),
    [("ml.g9.xlarge", False), ("ml.c9gd.large", False), ("ml.p9.48xlarge", False), ("ml.c9g.large", True)],
)
def test_a_type_newer_than_the_table_gets_a_key_only_if_its_name_speaks_of_no_disks(stack, name, has_key):
    served(stack, instance_type=InstanceType.of(name))
    template = Template.from_stack(stack)
    config = the(template, "AWS::SageMaker::EndpointConfig")
    assert ("KmsKeyId" in config["Properties"]) is has_key
    told = config.get("Metadata", {}).get("guard", {}).get("SuppressedRules", [])
    assert ("endpoint_config_encrypted" in told) is not has_key


def test_a_component_has_a_name_that_metrics_and_scaling_know(stack):
    component = InferenceComponent(
        stack, "Component", endpoint=shared(stack).endpoint, specification=shared_specification()
    )
    assert component.inference_component_name.startswith("S-Component-")
    names = [
        one["Properties"]["InferenceComponentName"]
        for one in Template.from_stack(stack).find_resources("AWS::SageMaker::InferenceComponent").values()
    ]
    assert component.inference_component_name in names
