"""What a role gets for real deployments: keys, shared VPCs, registries, places that are tokens, and no more."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from cdk_modelbuilder.constructs import (
    Artifact,
    ArtifactBucket,
    AsyncInference,
    Container,
    ContainerImage,
    DataCapture,
    EndpointConfig,
    InstanceVariant,
    Model,
    ModelData,
    ModelEndpoint,
    PrivateRegistry,
)
from cdk_modelbuilder.errors import UsageError

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")
PLAIN = Container(image=IMAGE, model_data=ModelData.archive("s3://artifacts/model.tar.gz"))
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


def flat(value):
    """A template's value as text, with references in braces."""
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        if function == "Fn::Join":
            return argument[0].join(map(flat, argument[1]))
        return f"{{{argument if function == 'Ref' else function + str(argument)}}}"
    return value


def granted(stack):
    """The statements of all policies, by Sid; resources as a list of texts."""
    found = {}
    for policy in Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            resources = statement["Resource"]
            listed = resources if isinstance(resources, list) else [resources]
            found[statement["Sid"]] = {**statement, "Resource": [flat(one) for one in listed]}
    return found


def with_data(stack, data):
    Model(stack, "Model", containers=Container(image=IMAGE, model_data=data))
    return granted(stack)


@pytest.mark.parametrize(
    "data",
    [
        lambda key: ModelData.archive("s3://b/m.tar.gz", encryption_key=key),
        lambda key: ModelData.archive("s3://b/m.tgz", encryption_key=key),
        lambda key: ModelData.archive_url("s3://b/m.tar.gz", encryption_key=key),
        lambda key: ModelData.folder("s3://b/m/", encryption_key=key),
        lambda key: ModelData.many_archives("s3://b/m/", encryption_key=key),
    ],
)
def test_model_data_that_is_encrypted_with_a_key_of_ones_own(stack, data):
    statement = with_data(stack, data(kms.Key.from_key_arn(stack, "Key", KEY_ARN)))["DecryptModel"]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", [KEY_ARN])


def test_the_key_of_the_bucket_that_artifacts_were_published_to(stack, tumour_bundle):
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "k")

    def endpoint(name, artifact):
        return ModelEndpoint(
            stack, name, bundle=tumour_bundle, signing_secret=secret, instance_type="ml.m5.large", artifact=artifact
        )

    uri = f"s3://b/{tumour_bundle.artifact_digest}/model.tar.gz"
    other = kms.Key.from_key_arn(stack, "Other", KEY_ARN)
    for name, artifact in {
        "S3": Artifact.s3(uri, tumour_bundle.artifact_digest, encryption_key=other),
        "Asset": Artifact.asset(encryption_key=other),
        "Named": Artifact.published("b", encryption_key=other),
        "Ours": Artifact.published(ArtifactBucket(stack, "Artifacts", encryption_key=other)),
    }.items():
        made = endpoint(name, artifact)
        policy = next(child for child in made.node.children if child.node.id.startswith("Access"))
        document = stack.resolve(policy.policy_document)
        assert [s["Resource"] for s in document["Statement"] if s["Sid"] == "DecryptModel"] == [KEY_ARN], name


def test_a_key_that_is_named_by_its_alias(stack):
    key = kms.Alias.from_alias_name(stack, "Key", "alias/ours")
    variant = InstanceVariant(model=Model(stack, "Model", containers=PLAIN), instance_type="ml.m5.large")
    EndpointConfig(
        stack,
        "Config",
        variants=variant,
        data_capture=DataCapture(destination_s3_uri="s3://captured/here", encryption_key=key),
    )
    statement = granted(stack)["EncryptCapturedData"]
    assert statement["Resource"] == ["arn:{AWS::Partition}:kms:eu-west-1:123456789012:key/*"]
    assert statement["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ours"}}


def test_a_shared_vpc_belongs_to_another_account(stack):
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"], private_subnet_ids=["subnet-1", "subnet-2"]
    )
    Model(stack, "Model", containers=PLAIN, vpc=vpc)
    statement = granted(stack)["JoinVpc"]
    base = "arn:{AWS::Partition}:ec2:{AWS::Region}"
    assert f"{base}:*:subnet/subnet-1" in statement["Resource"]
    assert f"{base}:{{AWS::AccountId}}:network-interface/*" in statement["Resource"]
    assert "ec2:DescribeVpcEndpoints" in granted(stack)["LookAtVpc"]["Action"]


def test_subnets_that_are_a_list_of_a_parameter(stack):
    ids = cdk.CfnParameter(stack, "Subnets", type="List<AWS::EC2::Subnet::Id>").value_as_list
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=ids)
    Model(stack, "Model", containers=PLAIN, vpc=vpc)
    (model,) = Template.from_stack(stack).find_resources("AWS::SageMaker::Model").values()
    assert model["Properties"]["VpcConfig"]["Subnets"] == {"Ref": "Subnets"}
    assert "arn:{AWS::Partition}:ec2:{AWS::Region}:*:subnet/*" in granted(stack)["JoinVpc"]["Resource"]


def test_a_private_registry_asks_a_function_for_credentials(stack):
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:provider"
    registry = PrivateRegistry(credentials_provider=lambda_.Function.from_function_arn(stack, "Provider", arn))
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"], private_subnet_ids=["subnet-1", "subnet-2"]
    )
    image = ContainerImage.from_uri("registry.example.com/served:1")
    Model(stack, "Model", vpc=vpc, containers=Container(image=image, private_registry=registry))
    assert granted(stack)["AskForCredentials"]["Resource"] == [arn]


def test_an_image_in_the_registry_of_a_region_that_is_not_known(stack):
    uri = f"123456789012.dkr.ecr.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/team/served:1"
    Model(stack, "Model", containers=Container(image=ContainerImage.from_uri(uri)))
    arn = "arn:{AWS::Partition}:ecr:{AWS::Region}:123456789012:repository/team/served"
    assert granted(stack)["PullImage"]["Resource"] == [arn]


def test_a_place_that_is_a_token_is_cut_when_deploying(stack):
    uri = cdk.CfnParameter(stack, "Uri").value_as_string
    path = "{Fn::Select[1, {'Fn::Split': ['s3://', {'Ref': 'Uri'}]}]}"
    Model(stack, "Archive", containers=Container(image=IMAGE, model_data=ModelData.archive(uri)))
    Model(stack, "Folder", containers=Container(image=IMAGE, model_data=ModelData.folder(uri)))
    captured = DataCapture(destination_s3_uri=uri).permissions()
    assert flat(stack.resolve(captured)[0]["Resource"]) == f"arn:{{AWS::Partition}}:s3:::{path}*"
    statements = granted(stack)
    assert statements["ReadModel"]["Resource"] == [f"arn:{{AWS::Partition}}:s3:::{path}"]
    assert statements["ReadModelFolder"]["Resource"] == [f"arn:{{AWS::Partition}}:s3:::{path}*"]
    (bucket,) = statements["ReadModelFolderList"]["Resource"]
    assert bucket.startswith("arn:{AWS::Partition}:s3:::{Fn::Select[0, {'Fn::Split': ['/',")


def test_a_bucket_that_is_a_token(stack):
    name = cdk.CfnParameter(stack, "Bucket").value_as_string
    assert with_data(stack, ModelData.folder(f"s3://{name}/m/"))["ReadModelFolder"]["Resource"] == [
        "arn:{AWS::Partition}:s3:::{Bucket}/m/*"
    ]
    assert granted(stack)["ReadModelFolderList"]["Condition"] == {"StringLike": {"s3:prefix": ["m/*"]}}


def test_wild_cards_in_a_key_are_none_in_the_policy(stack):
    resources = with_data(stack, ModelData.archive("s3://b/v?/$x*/model.tar.gz"))["ReadModel"]["Resource"]
    assert resources == ["arn:{AWS::Partition}:s3:::b/v${?}/${$}x${*}/model.tar.gz"]


@pytest.mark.parametrize("uri", ["s3://b", "s3://b/", "s3://b/p", "s3://b/p/"])
def test_answers_are_written_below_their_place(stack, uri):
    statements = stack.resolve(AsyncInference(output_s3_uri=uri).permissions())
    assert statements[0]["Action"] == ["s3:AbortMultipartUpload", "s3:PutObject"]
    end = "b/p/*" if "/p" in uri else "b/*"
    assert flat(statements[0]["Resource"]) == f"arn:{{AWS::Partition}}:s3:::{end}"


def test_a_package_of_a_registry_may_be_fetched(stack):
    data = ModelData.archive("s3://models/tumour/model.tar.gz")
    package = "arn:aws:sagemaker:eu-west-1:210987654321:model-package/tumour/3"
    container = Container(model_package_arn=package, package_contents=[data, IMAGE])
    Model(stack, "Model", containers=container)
    statements = granted(stack)
    assert statements["ReadModel"]["Resource"] == ["arn:{AWS::Partition}:s3:::models/tumour/model.tar.gz"]
    assert statements["PullImage"]["Resource"] == ["arn:{AWS::Partition}:ecr:eu-west-1:123456789012:repository/served"]
    with pytest.raises(UsageError, match="package_contents says what a package is made of"):
        Container(image=IMAGE, package_contents=[data])
