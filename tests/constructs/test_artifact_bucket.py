"""ArtifactBucket: its templates, what it refuses, and that publishing works in it and nothing else does."""

from __future__ import annotations

import json
import re

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template
from botocore.exceptions import ClientError
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_modelbuilder.constructs.artifact_bucket import ArtifactBucket
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.publishing import artifact_key, publish
from cdk_modelbuilder.publishing.permissions import BUCKET_ACTIONS, OBJECT_ACTIONS
from tests.aws_stand_in import AwsStandIn
from tests.aws_stand_in.mending.bucket_policies import denies

ACCOUNT = "123456789012"
DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-eu-west-1"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/admin"
PUBLISHER = f"arn:aws:iam::{ACCOUNT}:role/publisher"


def new_stack(**options) -> cdk.Stack:
    return cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "Test", **options)


def with_everything(stack: cdk.Stack) -> ArtifactBucket:
    return ArtifactBucket(
        stack,
        "Artifacts",
        bucket_name="artifacts",
        encryption_key=kms.Key(stack, "Key", enable_key_rotation=True),
        object_lock=s3.ObjectLockRetention.governance(cdk.Duration.days(365)),
        administrators=[iam.Role.from_role_arn(stack, "Admin", ADMINISTRATOR), "arn:aws:iam::*:role/break-glass"],
        abort_unfinished_after=cdk.Duration.days(2),
        server_access_logs_bucket=s3.Bucket.from_bucket_name(stack, "Logs", "logs"),
        server_access_logs_prefix="artifacts/",
    )


@pytest.fixture
def snapshot(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def test_snapshot_default(snapshot):
    stack = new_stack()
    ArtifactBucket(stack, "Artifacts")
    assert Template.from_stack(stack).to_json() == snapshot


def test_snapshot_everything_on(snapshot):
    stack = new_stack()
    bucket = with_everything(stack)
    for name, grant in (("Publisher", bucket.grant_publish), ("Reader", bucket.grant_read)):
        role = iam.Role(stack, name, assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        grant(role, prefix="models/churn")
    assert Template.from_stack(stack).to_json() == snapshot


def test_snapshot_two_in_one_stack(snapshot):
    stack = new_stack()
    ArtifactBucket(stack, "One")
    ArtifactBucket(stack, "Two", administrators=[ADMINISTRATOR])
    assert Template.from_stack(stack).to_json() == snapshot


def test_bucket_and_policy_stay_when_the_stack_goes():
    stack = new_stack()
    ArtifactBucket(stack, "Artifacts")
    resources = Template.from_stack(stack).to_json()["Resources"].values()
    assert {(each["Type"], each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in resources} == {
        ("AWS::S3::Bucket", "Retain", "Retain"),
        ("AWS::S3::BucketPolicy", "Retain", "Retain"),
    }


# What the policy denies, request by request.


def policy_of(make=with_everything, **options) -> list[dict]:
    """The policy's statements with everything filled in, as CloudFormation would."""
    stack = new_stack(**options)
    make(stack)
    (policy,) = Template.from_stack(stack).find_resources("AWS::S3::BucketPolicy").values()
    text = json.dumps(policy["Properties"]["PolicyDocument"]["Statement"])
    text = re.sub(r'\{"Fn::GetAtt": \["[^"]+", "Arn"\]\}', '"arn:aws:s3:::artifacts"', text)
    text = re.sub(r'\{"Fn::Join": \["", \["([^"]*)", "([^"]*)"\]\]\}', r'"\1\2"', text)
    text = re.sub(r'\{"Fn::Sub": ("[^"]+")\}', r"\1", text)
    for name, value in (("Partition", "aws"), ("AccountId", ACCOUNT), ("Region", "eu-west-1")):
        text = text.replace(f"${{AWS::{name}}}", value)
    assert "Fn::" not in text
    return json.loads(text)


def denied(statements: list[dict], action: str, *, who: str = PUBLISHER, of_bucket: bool = False, **context) -> bool:
    resource = "arn:aws:s3:::artifacts" + ("" if of_bucket else "/models/x/model.tar.gz")
    known = {"aws:PrincipalArn": who, "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **context}
    return any(denies(statement, action, resource, known) for statement in statements)


CREATES = {"s3:ObjectCreationOperation": "true"}


def test_objects_are_written_where_there_is_none_and_nowhere_else():
    policy = policy_of()
    assert not denied(policy, "s3:PutObject", **CREATES, **{"s3:if-none-match": "*"})
    for who in (PUBLISHER, ADMINISTRATOR, DEPLOYER):
        assert denied(policy, "s3:PutObject", who=who, **CREATES)
        assert denied(policy, "s3:PutObject", who=who, **CREATES, **{"s3:if-match": "etag"})
    # Beginning a multipart upload and sending its parts create nothing, and have no such header.
    assert not denied(policy, "s3:PutObject", **{"s3:ObjectCreationOperation": "false"})


@pytest.mark.parametrize(
    "action", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:ReplicateObject"]
)
def test_objects_are_removed_by_administrators_alone(action):
    policy = policy_of()
    assert denied(policy, action)
    assert denied(policy, action, who=DEPLOYER)
    assert not denied(policy, action, who=ADMINISTRATOR)
    assert not denied(policy, action, who="arn:aws:iam::210987654321:role/break-glass")
    assert denied(policy_of(lambda stack: ArtifactBucket(stack, "A")), action, who=ADMINISTRATOR)


@pytest.mark.parametrize(
    "action", ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"]
)
def test_the_bucket_is_changed_by_cloudformation_and_administrators_alone(action):
    policy = policy_of()
    assert denied(policy, action, of_bucket=True)
    assert not denied(policy, action, who=DEPLOYER, of_bucket=True)
    assert not denied(policy, action, who=ADMINISTRATOR, of_bucket=True)
    by_default = policy_of(lambda stack: ArtifactBucket(stack, "A"))
    assert denied(by_default, action, of_bucket=True)
    assert not denied(by_default, action, who=DEPLOYER, of_bucket=True)


@pytest.mark.parametrize("synthesizer", [cdk.CliCredentialsStackSynthesizer, cdk.DefaultStackSynthesizer])
def test_nobody_is_locked_out_where_the_deploying_role_is_not_known(synthesizer):
    for administrators in ([], [ADMINISTRATOR]):
        stack = new_stack(synthesizer=synthesizer())
        ArtifactBucket(stack, "A", administrators=administrators)
        Annotations.from_stack(stack).has_warning("/Test/A", Match.string_like_regexp("deployment_role="))
        policy = policy_of(
            lambda stack, names=administrators: ArtifactBucket(stack, "A", administrators=names),
            synthesizer=synthesizer(),
        )
        assert not denied(policy, "s3:PutBucketPolicy", of_bucket=True)
        assert denied(policy, "s3:DeleteObject")


def test_a_deploying_role_of_ones_own():
    own = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    policy = policy_of(
        lambda stack: ArtifactBucket(stack, "A", deployment_role=own),
        synthesizer=cdk.CliCredentialsStackSynthesizer(),
    )
    assert not denied(policy, "s3:PutBucketPolicy", of_bucket=True, who=own)
    assert denied(policy, "s3:PutBucketPolicy", of_bucket=True, who=DEPLOYER)
    assert denied(policy, "s3:DeleteObject", who=own)


def test_reading_needs_tls_of_version_1_2():
    policy = policy_of()
    assert not denied(policy, "s3:GetObject")
    assert denied(policy, "s3:GetObject", **{"aws:SecureTransport": "false"})
    assert denied(policy, "s3:GetObject", **{"s3:TlsVersion": "1.1"})


@pytest.fixture(scope="module")
def aws():
    with AwsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def deployed(aws, monkeypatch, tmp_path) -> str:
    """The name of a bucket that a stack made."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    aws.reset()
    stack = new_stack()
    bucket = ArtifactBucket(stack, "Artifacts")
    cdk.CfnOutput(stack, "Name", value=bucket.bucket_name)
    template = Template.from_stack(stack).to_json()
    template.pop("Rules"), template.pop("Parameters")
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName="artifacts", TemplateBody=json.dumps(template))
    (made,) = cloudformation.describe_stacks(StackName="artifacts")["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return made["Outputs"][0]["OutputValue"]


def test_publishing_works_in_it_and_nothing_else_does(deployed, tumour_bundle):
    client = boto3.client("s3")
    for form in ("archive", "folder"):
        assert publish(tumour_bundle, bucket=deployed, form=form).bytes_sent
        assert publish(tumour_bundle, bucket=deployed, form=form).bytes_sent == 0
    key = artifact_key(tumour_bundle.artifact_digest)
    refused = {
        "put_object": {"Key": key, "Body": b"evil"},
        "delete_object": {"Key": key},
        "delete_objects": {"Delete": {"Objects": [{"Key": key}]}},
        "copy_object": {"Key": "copy", "CopySource": f"{deployed}/{key}"},
        "delete_bucket_policy": {},
        "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Suspended"}},
    }
    for operation, arguments in refused.items():
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden|403"):
            getattr(client, operation)(Bucket=deployed, **arguments)
    begun = client.create_multipart_upload(Bucket=deployed, Key="new")["UploadId"]
    tag = client.upload_part(Bucket=deployed, Key="new", UploadId=begun, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    with pytest.raises(ClientError, match="DenyWritingOver"):
        client.complete_multipart_upload(Bucket=deployed, Key="new", UploadId=begun, MultipartUpload=parts)
    client.complete_multipart_upload(Bucket=deployed, Key="new", UploadId=begun, MultipartUpload=parts, IfNoneMatch="*")
    assert client.get_object(Bucket=deployed, Key=key)["Body"].read() == tumour_bundle.archive_path.read_bytes()


# Grants.


def granted(grant: str, **options) -> list[dict]:
    stack = new_stack()
    bucket = ArtifactBucket(stack, "Artifacts", encryption_key=kms.Key(stack, "Key"))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
    getattr(bucket, grant)(role, **options)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    return policy["Properties"]["PolicyDocument"]["Statement"]


def actions(statement: dict) -> set[str]:
    return set(statement["Action"]) if isinstance(statement["Action"], list) else {statement["Action"]}


def test_publishers_get_what_publish_asks_for_and_no_more():
    of_bucket, of_objects, of_key = granted("grant_publish", prefix="models")
    assert actions(of_bucket) == set(BUCKET_ACTIONS)
    assert actions(of_objects) == set(OBJECT_ACTIONS)
    assert "/models/*" in json.dumps(of_objects["Resource"])
    assert actions(of_key) == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_readers_read():
    found = granted("grant_read")
    assert [actions(statement) for statement in found] == [{"s3:ListBucket"}, {"s3:GetObject"}, {"kms:Decrypt"}]


def test_a_publisher_of_another_account_is_let_in_by_the_bucket_too():
    stack = new_stack(env=cdk.Environment(account=ACCOUNT, region="eu-west-1"))
    bucket = ArtifactBucket(stack, "Artifacts")
    bucket.grant_publish(iam.AccountPrincipal("210987654321"))
    (policy,) = Template.from_stack(stack).find_resources("AWS::S3::BucketPolicy").values()
    allowed = [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert {action for statement in allowed for action in actions(statement)} == {*BUCKET_ACTIONS, *OBJECT_ACTIONS}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bucket_name": "Artifacts"}, "'Artifacts' is not a bucket's name"),
        ({"administrators": ADMINISTRATOR}, "not a list"),
        ({"administrators": ["*"]}, r"'\*' is neither a role nor an ARN"),
        ({"deployment_role": "deployer"}, "the deployment_role 'deployer' is neither"),
        ({"administrators": [None]}, "None is neither a role nor an ARN"),
        ({"abort_unfinished_after": 7}, r"7, not a Duration\. Write Duration\.days"),
        ({"abort_unfinished_after": cdk.Duration.hours(1)}, r"1 hours\. S3 counts whole days"),
        ({"abort_unfinished_after": cdk.Duration.hours(36)}, r"36 hours"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(UsageError, match=words):
        ArtifactBucket(new_stack(), "Artifacts", **options)


def test_a_prefix_that_is_none():
    stack = new_stack()
    bucket = ArtifactBucket(stack, "Artifacts")
    with pytest.raises(UsageError, match="the prefix"):
        bucket.grant_publish(iam.AccountRootPrincipal(), prefix="/models")


def test_it_does_not_need_boto3():
    import subprocess
    import sys

    code = (
        "import sys; from cdk_modelbuilder.constructs.artifact_bucket import ArtifactBucket; "
        "print({'boto3', 'botocore'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
