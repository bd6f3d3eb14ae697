"""The policies of a role stay within IAM's quotas, in an update too, and the old ones outlive the change."""

from __future__ import annotations

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from cdk_modelbuilder.constructs import (
    Container,
    ContainerImage,
    EndpointComponent,
    Hosting,
    Model,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
)
from cdk_modelbuilder.constructs.execution_role import ExecutionRole
from cdk_modelbuilder.errors import UsageError

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")
LONGEST = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "123456789012"}
NEEDS = ResourceRequirements(requests={"memory": 256})


def as_iam_counts(policy):
    """Characters without white space; a resource of the stack counts as 63, the longest name of a bucket."""

    def plain(value):
        if isinstance(value, dict) and len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Fn::Join":
                return argument[0].join(map(plain, argument[1]))
            if function in ("Ref", "Fn::GetAtt"):
                return LONGEST.get(str(argument), "?" * 63)
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list) else value

    return len(json.dumps(plain(policy["Properties"]["PolicyDocument"]), separators=(",", ":")))


def stack_in(tmp_path, name="out"):
    app = cdk.App(outdir=str(tmp_path / name), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


@pytest.fixture
def stack(tmp_path):
    return stack_in(tmp_path)


def uri(name):
    return f"s3://artifacts-of-the-whole-company-eu-west-1/models/{name:0>64}/model.tar.gz"


def shared(stack, components, adapters, changed=()):
    served = ModelEndpoint(
        stack,
        "E",
        components=[
            EndpointComponent(
                name=f"c{number}",
                container=Container(
                    image=IMAGE, model_data=ModelData.archive(uri(f"{number}{'x' if number in changed else 'y'}"))
                ),
                resources=NEEDS,
            )
            for number in range(components)
        ],
        hosting=Hosting.inference_components(instance_type="ml.g5.2xlarge"),
    )
    for number in range(adapters):
        served.add_adapter(f"a{number}", artifact_s3_uri=uri(f"a{number}"), base=f"c{number % components}")
    return Template.from_stack(stack)


def policies(template):
    return template.find_resources("AWS::IAM::ManagedPolicy")


def test_forty_components_and_a_hundred_adapters(stack):
    template = shared(stack, 40, 100)
    found = policies(template)
    assert 2 <= len(found) <= 5
    assert max(as_iam_counts(policy) for policy in found.values()) <= 6144
    text = json.dumps(found)
    assert all(uri(name).removeprefix("s3://") in text for name in [*(f"{n}y" for n in range(40)), "a0", "a99"])
    for component in template.find_resources("AWS::SageMaker::InferenceComponent").values():
        if "Container" in component["Properties"]["Specification"]:
            assert set(component["DependsOn"]) & set(found), "made before its role may read its weights"
    for model in template.find_resources("AWS::SageMaker::Model").values():
        assert set(model["DependsOn"]) & set(found)


def test_an_update_never_needs_more_than_ten(tmp_path):
    before = set(policies(shared(stack_in(tmp_path, "1"), 40, 100)))
    one = set(policies(shared(stack_in(tmp_path, "2"), 40, 100, changed={3})))
    assert len(one - before) == len(before - one) == 1, "another artifact is one policy beside its old one"
    all_of_them = set(policies(shared(stack_in(tmp_path, "3"), 39, 100, changed=range(40))))
    assert len(before | all_of_them) <= 10


def test_what_iam_cannot_hold_is_refused_with_the_way_out(stack):
    with pytest.raises(UsageError, match=r"more than 4 policies.*several endpoints, or give role="):
        shared(stack, 100, 200)


def test_a_role_of_ones_own_takes_what_it_is_given(stack):
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    for number in range(120):
        Model(
            stack, f"M{number}", role=role, containers=Container(image=IMAGE, model_data=ModelData.archive(uri(number)))
        )
    assert Template.from_stack(stack).find_resources("AWS::IAM::Policy")


def test_one_model_with_more_than_a_policy_holds(stack):
    containers = [
        Container(
            image=ContainerImage.from_uri(f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team{number}/served:1"),
            model_data=ModelData.archive(f"s3://b/{'k' * 900}/{number}.tar.gz"),
        )
        for number in range(15)
    ]
    Model(stack, "M", containers=containers)
    template = Template.from_stack(stack)
    found = policies(template)
    assert max(as_iam_counts(policy) for policy in found.values()) <= 6144
    (model,) = template.find_resources("AWS::SageMaker::Model").values()
    assert set(found) <= set(model["DependsOn"])
    assert len(re.findall(r"/\d+\.tar\.gz", json.dumps(found))) == 15


def test_policies_of_different_buckets_are_different(stack):
    role = ExecutionRole(stack, None)
    for number in range(120):  # enough for several policies that differ in a reference alone
        bucket = s3.Bucket.from_bucket_name(stack, f"B{number}", cdk.Fn.import_value(f"bucket-{number}"))
        data = ModelData.archive(f"s3://{bucket.bucket_name}/model.tar.gz")
        Model(stack, f"M{number}", role=role, containers=Container(image=IMAGE, model_data=data))
    found = policies(Template.from_stack(stack))
    assert len(found) > 1
    assert all(f'"bucket-{number}"' in json.dumps(found) for number in range(120))


def test_another_bucket_is_another_policy(tmp_path):
    def names(place, bucket):
        stack = stack_in(tmp_path, place)
        data = ModelData.archive(f"s3://{cdk.Fn.import_value(bucket)}/model.tar.gz")
        Model(stack, "M", containers=Container(image=IMAGE, model_data=data))
        return set(policies(Template.from_stack(stack)))

    assert names("1", "one") == names("2", "one")
    assert not names("1b", "one") & names("3", "other"), "the old one must stay until the endpoint has moved"
