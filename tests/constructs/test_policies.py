"""The policy of a role that is made: what it allows, and how it changes with the artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk_modelbuilder.constructs import (
    AsyncInference,
    ComponentContainer,
    ComponentSpecification,
    Container,
    DataCapture,
    Endpoint,
    EndpointConfig,
    EndpointVariant,
    InferenceComponent,
    InstancePool,
    InstanceVariant,
    Integrity,
    Model,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
)
from tests.constructs.synthesis import resources, synthesize
from tests.constructs.template_order import waits_for
from tests.constructs.uses import IMAGE, component, own


def statements(template) -> list[dict[str, Any]]:
    """Of every managed policy."""
    policies = resources(template, "IAM::ManagedPolicy").values()
    return [one for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]


def may_read(template) -> set[str]:
    """What of S3 may be read, as text."""
    found = set()
    for statement in statements(template):
        if statement["Action"] == "s3:GetObject":
            resource = statement["Resource"]
            found |= {json.dumps(one) for one in (resource if isinstance(resource, list) else [resource])}
    return found


def at(uri: str) -> Container:
    return Container(image=IMAGE, model_data=ModelData.archive(uri))


def test_another_artifact_is_another_policy_of_the_same_role(tmp_path):
    """So that the old one stays until the old model is gone: an update removes last what is no longer there."""
    one, other = (
        synthesize(tmp_path / name, lambda stack, name=name: Model(stack, "M", containers=own(name)))
        for name in ("one", "other")
    )
    assert resources(one, "IAM::Role").keys() == resources(other, "IAM::Role").keys()
    assert resources(one, "SageMaker::Model").keys() == resources(other, "SageMaker::Model").keys()
    assert not resources(one, "IAM::ManagedPolicy").keys() & resources(other, "IAM::ManagedPolicy").keys()


@pytest.mark.parametrize("changed", ["container", "adapter"])
def test_another_artifact_of_one_component_is_another_policy_too(tmp_path, changed):
    """Also where one policy holds the permissions of many."""

    def fill(version: str) -> Callable[[cdk.Stack], Any]:
        of = {"container": "same", "adapter": "same", changed: version}
        adapters = {"fine": f"s3://adapters/{of['adapter']}.tar.gz"}
        parts = [component("one"), component("two", container=own(of["container"]), adapters=adapters)]
        return lambda stack: ModelEndpoint(stack, "E", components=parts, instance_type="ml.m5.2xlarge")

    one, other = (synthesize(tmp_path / version, fill(version)) for version in ("v1", "v2"))
    policies = [resources(template, "IAM::ManagedPolicy").keys() for template in (one, other)]
    assert [len(names) for names in policies] == [1, 1]
    assert policies[0] != policies[1]


def test_the_same_permissions_keep_their_policy(tmp_path):
    """A change elsewhere, such as of a variable, replaces the model and leaves the policy."""
    one, other = (
        synthesize(
            tmp_path / level,
            lambda stack, level=level: Model(
                stack,
                "M",
                containers=Container(
                    image=IMAGE, model_data=ModelData.archive("s3://a/m.tar.gz"), environment={"LEVEL": level}
                ),
            ),
        )
        for level in ("1", "2")
    )
    assert resources(one, "IAM::ManagedPolicy") == resources(other, "IAM::ManagedPolicy")


def test_a_long_path_does_not_hide_the_content_of_a_policy(tmp_path):
    """The CDK cuts long ids, and with them the digest of the content that is part of them."""

    def fill(version: str) -> Callable[[cdk.Stack], Any]:
        def build(stack):
            scope: Construct = stack
            for number in range(6):
                scope = Construct(scope, f"{'Deep' * 12}{number}")
            parts = [component("one"), component("two", adapters={"fine": f"s3://adapters/{version}.tar.gz"})]
            ModelEndpoint(scope, "E", components=parts, instance_type="ml.m5.2xlarge", endpoint_name="deep")

        return build

    one, other = (synthesize(tmp_path / version, fill(version)) for version in ("v1", "v2"))
    assert resources(one, "IAM::ManagedPolicy").keys() != resources(other, "IAM::ManagedPolicy").keys()
    assert resources(one, "SageMaker::Model").keys() == resources(other, "SageMaker::Model").keys()


def test_a_role_holds_few_policies_however_many_adapters_there_are(tmp_path):
    """IAM takes ten on a role, and in an update the old ones are there too."""
    many = {f"adapter-{number}": f"s3://adapters/{'long' * 10}/{number}.tar.gz" for number in range(60)}
    template = synthesize(
        tmp_path,
        lambda stack: ModelEndpoint(
            stack, "E", components=[component("base", adapters=many)], instance_type="ml.m5.2xlarge"
        ),
    )
    policies = resources(template, "IAM::ManagedPolicy")
    assert 2 <= len(policies) <= 5
    for policy in policies.values():
        document = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(document.replace('{"Fn::Join":["",[', "").replace('{"Ref":"AWS::Partition"}', "aws")) < 6144
        sids = [one["Sid"] for one in policy["Properties"]["PolicyDocument"]["Statement"]]
        assert len(set(sids)) == len(sids)
    assert all(any(uri.removeprefix("s3://") in one for one in may_read(template)) for uri in many.values())
    for one in resources(template, "SageMaker::InferenceComponent").values():
        artifact = one["Properties"]["Specification"].get("Container", {}).get("ArtifactUrl")
        if artifact is not None:
            held = [name for name, policy in policies.items() if artifact.removeprefix("s3://") in json.dumps(policy)]
            assert set(held) & waits_for(one), artifact


def test_artifacts_that_differ_in_a_token_alone_are_all_granted(tmp_path):
    """Two buckets of the stack and one key in both: the text of the two statements is the same but for a number."""

    def fill(stack):
        buckets = [s3.Bucket(stack, name) for name in ("North", "South")]
        ModelEndpoint(
            stack,
            "E",
            variants=[
                EndpointVariant(name=name, containers=at(f"s3://{bucket.bucket_name}/model.tar.gz"))
                for name, bucket in zip(("a", "b"), buckets, strict=True)
            ],
            instance_type="ml.m5.large",
        )

    found = may_read(synthesize(tmp_path, fill))
    assert len(found) == 2
    assert {name for name in ("North", "South") for one in found if name in one} == {"North", "South"}


def test_secrets_that_differ_in_a_token_alone_are_all_granted(tmp_path, first):
    def fill(stack):
        keys = [secretsmanager.Secret(stack, name) for name in ("North", "South")]
        ModelEndpoint(
            stack,
            "E",
            variants=[
                EndpointVariant(
                    name=name, containers=Container.from_bundle(first, integrity=Integrity.secret_reference(key))
                )
                for name, key in zip(("a", "b"), keys, strict=True)
            ],
            instance_type="ml.m5.large",
        )

    (read,) = (one for one in statements(synthesize(tmp_path, fill)) if one["Sid"] == "ReadBundleKey")
    assert [name["Ref"][:5] for name in read["Resource"]] == ["North", "South"]


def test_what_is_the_same_stands_once(tmp_path, first):
    """One bundle in two variants, in a stack of no known region, where image and asset are tokens."""

    def fill(stack):
        key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
        variants = [
            EndpointVariant(name=name, containers=Container.from_bundle(first, signing_secret=key)) for name in "ab"
        ]
        ModelEndpoint(stack, "E", variants=variants, instance_type="ml.m5.large")

    for statement in statements(synthesize(tmp_path, fill, env=None)):
        resource = statement["Resource"]
        if isinstance(resource, list):
            texts = [json.dumps(one) for one in resource]
            assert len(set(texts)) == len(texts), statement["Sid"]


def test_models_for_one_instance_type_of_several_may_do_what_the_configuration_needs(tmp_path):
    def fill(stack):
        main, other = (Model(stack, name, containers=own(name.lower())) for name in ("Main", "Other"))
        pools = [
            InstancePool(instance_type="ml.g5.xlarge", priority=1, model=other),
            InstancePool(instance_type="ml.g6.xlarge", priority=2),
        ]
        EndpointConfig(
            stack,
            "C",
            variants=InstanceVariant(model=main, instance_pools=pools),
            asynchronous=AsyncInference(output_s3_uri="s3://answers/out"),
            data_capture=DataCapture(destination_s3_uri="s3://captured/here"),
        )

    template = synthesize(tmp_path, fill)
    for name in ("Main", "Other"):
        (policy,) = (one for key, one in resources(template, "IAM::ManagedPolicy").items() if key.startswith(name))
        sids = {one["Sid"] for one in policy["Properties"]["PolicyDocument"]["Statement"]}
        assert {"WriteAnswers", "WriteCapturedData", "ReadModel"} <= sids


def test_a_component_without_a_model_is_fetched_with_the_role_of_the_configuration(tmp_path):
    def fill(stack):
        config = EndpointConfig(stack, "C", components=True, variants=InstanceVariant(instance_type="ml.m5.2xlarge"))
        endpoint = Endpoint(stack, "E", endpoint_config=config)
        resources = ResourceRequirements(requests={"memory": 512})
        image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/served:1"
        container = ComponentContainer(image=image, artifact_s3_uri="s3://artifacts/model.tar.gz")
        base = InferenceComponent(
            stack,
            "Base",
            endpoint=endpoint,
            specification=ComponentSpecification(container=container, resources=resources),
        )
        weights = ComponentContainer(artifact_s3_uri="s3://adapters/fine.tar.gz")
        InferenceComponent(
            stack, "Fine", endpoint=endpoint, base=base, specification=ComponentSpecification(container=weights)
        )

    template = synthesize(tmp_path, fill)
    text = json.dumps(statements(template))
    for name in ("repository/team/served", "artifacts/model.tar.gz", "adapters/fine.tar.gz"):
        assert name in text
    (policy,) = resources(template, "IAM::ManagedPolicy")
    for one in resources(template, "SageMaker::InferenceComponent").values():
        assert policy in waits_for(one)


def test_no_statement_of_ours_allows_a_wild_action_or_everything(templates):
    """What has no narrower resource is one of these, and `Resource: *` stands nowhere else."""
    unbounded = {
        "ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    }  # fmt: skip
    for name, template in templates.items():
        for statement in statements(template):
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            assert not [action for action in actions if "*" in action], (name, statement["Sid"])
            if statement["Resource"] == "*":
                assert set(actions) <= unbounded, (name, statement["Sid"])
