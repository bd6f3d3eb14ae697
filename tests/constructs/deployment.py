"""Deploying uses of ModelEndpoint to the stand-in in this process, and comparing what is there with the template."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from tests.aws_stand_in import ACCOUNT, REGION, client, mended_aws
from tests.conftest import MASTER_KEY
from tests.constructs.synthesis import Template, app_in
from tests.constructs.uses import Bundles

HERE = cdk.Environment(account=ACCOUNT, region=REGION)
# What the services keep to themselves, and what stands for something else.
NOT_SHOWN = {"ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "ScalingTargetId", "Tags"}
TAG = {"Key": "of", "Value": "the tests"}


@contextmanager
def account(bundles: Bundles, *, runtime: str | None = None) -> Iterator[None]:
    """An account with the keys of both versions and a token, as builders leave it."""
    with mended_aws(sagemaker_runtime=runtime):
        keys = {bundle.key_id: key_of(bundle) for bundle in (bundles.first, bundles.second)}
        text = json.dumps({**keys, "token": "t0ken"})
        client("secretsmanager").create_secret(Name="cdk-modelbuilder/tumour", SecretString=text)
        make_network()
        yield


def key_of(bundle: Any) -> str:
    """The bundle's key as `keys push` writes it."""
    return bundle.check_signature(bytes.fromhex(MASTER_KEY)).secret.hex()


def deploy(change: Callable[..., dict[str, str]], folder: Path, fill: Callable[[cdk.Stack], Any]) -> Template:
    """Create or update the stack called "stack" with what `fill` puts into it; returns its template."""
    app = app_in(folder)
    stack = cdk.Stack(app, "Test", env=HERE)
    import_network(stack)
    fill(stack)
    assembly = app.synth()
    template: Template = assembly.get_stack_by_name("Test").template
    change(template, assets=Path(assembly.directory))
    return template


def make_network() -> None:
    """A VPC with two subnets, as it lies outside of most stacks."""
    cloud = client("ec2")
    network = cloud.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [TAG]}])
    for number in (1, 2):
        zone = f"{REGION}{'ab'[number - 1]}"
        block = f"10.0.{number}.0/24"
        cloud.create_subnet(VpcId=network["Vpc"]["VpcId"], CidrBlock=block, AvailabilityZone=zone)


def import_network(stack: cdk.Stack) -> None:
    """The same in a stack, where `uses.vpc()` finds it."""
    cloud = client("ec2")
    tagged = [{"Name": f"tag:{TAG['Key']}", "Values": [TAG["Value"]]}]
    (network,) = cloud.describe_vpcs(Filters=tagged)["Vpcs"]
    subnets = cloud.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [network["VpcId"]]}])["Subnets"]
    ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id=network["VpcId"],
        availability_zones=[subnet["AvailabilityZone"] for subnet in subnets],
        private_subnet_ids=[subnet["SubnetId"] for subnet in subnets],
    )


def physical_ids() -> dict[str, str]:
    """What CloudFormation made of each logical id."""
    found = client("cloudformation").describe_stack_resources(StackName="stack")["StackResources"]
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}


def broken_promises(promised: Any, found: Any, place: str = "") -> list[str]:
    """Where what is there is not what the template says; references are what they are and not looked at."""
    if isinstance(promised, dict) and len(promised) == 1 and next(iter(promised)).startswith(("Ref", "Fn::")):
        return [] if found else [f"{place}: nothing"]
    if isinstance(promised, dict) and isinstance(found, dict):
        return [line for key, value in promised.items()
                for line in broken_promises(value, found.get(key), f"{place}.{key}")]  # fmt: skip
    if isinstance(promised, list) and isinstance(found, list) and len(promised) == len(found):
        return [line for number, (one, other) in enumerate(zip(promised, found, strict=True))
                for line in broken_promises(one, other, f"{place}[{number}]")]  # fmt: skip
    return [] if promised == found else [f"{place}: {promised!r}, but there is {found!r}"]


def described(kind: str, physical_id: str, properties: dict[str, Any]) -> dict[str, Any] | None:
    """What the service itself says of a resource, under the names of CloudFormation; None for a type not asked here."""
    name = physical_id.rpartition("/")[2]
    sagemaker, scaling = client("sagemaker"), client("application-autoscaling")
    match kind.removeprefix("AWS::"):
        case "SageMaker::Model":
            return sagemaker.describe_model(ModelName=name)
        case "SageMaker::EndpointConfig":
            return sagemaker.describe_endpoint_config(EndpointConfigName=name)
        case "SageMaker::Endpoint":
            found = sagemaker.describe_endpoint(EndpointName=name)
            return {**found, "DeploymentConfig": found.get("LastDeploymentConfig")}
        case "SageMaker::InferenceComponent":
            found = sagemaker.describe_inference_component(InferenceComponentName=name)
            copies = {"CopyCount": found["RuntimeConfig"]["DesiredCopyCount"]}
            return {**found, "RuntimeConfig": copies, "DeploymentConfig": found.get("LastDeploymentConfig")}
        case "CloudWatch::Alarm":
            (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[physical_id])["MetricAlarms"]
            return alarm
        case "ApplicationAutoScaling::ScalableTarget":
            what = {"ServiceNamespace": "sagemaker", "ResourceIds": [physical_id.partition("|")[0]]}
            (target,) = scaling.describe_scalable_targets(**what)["ScalableTargets"]
            actions = scaling.describe_scheduled_actions(
                ServiceNamespace="sagemaker", ResourceId=what["ResourceIds"][0]
            )
            return {**target, "ScheduledActions": actions["ScheduledActions"]}
        case "ApplicationAutoScaling::ScalingPolicy":
            found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
            return next(one for one in found if one["PolicyName"] == properties["PolicyName"])
    return None


def differences(template: Template) -> list[str]:
    """Every property that a deployed resource does not have as the template says."""
    ids, found = physical_ids(), []
    for name, resource in template["Resources"].items():
        properties = {key: value for key, value in resource.get("Properties", {}).items() if key not in NOT_SHOWN}
        there = described(resource["Type"], ids[name], properties)
        if there is not None:
            found += broken_promises(properties, there, name)
    return found
