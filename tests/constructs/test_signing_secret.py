"""SigningSecret: its template, its grants, and a life with it: made empty, filled by ``keys push``, used, kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_modelbuilder.constructs import ModelEndpoint
from cdk_modelbuilder.constructs.integrity import Integrity
from cdk_modelbuilder.constructs.signing_secret import SigningSecret
from cdk_modelbuilder.errors import KeyFileError, UsageError
from cdk_modelbuilder.integrity.secrets_manager import default_secret_name, push_key
from cdk_modelbuilder.integrity.signature import BundleKey
from tests.aws_stand_in import ACCOUNT, REGION, StackFailed, client, create_stack, mended_aws, update_stack
from tests.aws_stand_in.front import FRONT
from tests.conftest import MASTER_KEY

HERE = cdk.Environment(account=ACCOUNT, region=REGION)
NAME = "cdk-modelbuilder/tumour"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{NAME}"


@pytest.fixture
def app(tmp_path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"), builtin_cloud_formation_validation=False)


@pytest.fixture
def snapshot(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def template_of(stack: cdk.Stack) -> dict[str, Any]:
    return Template.from_stack(stack).to_json()


def keys_stack(app: cdk.App, **options: Any) -> tuple[cdk.Stack, SigningSecret]:
    stack = cdk.Stack(app, "Keys", env=HERE)
    return stack, SigningSecret(stack, "Signing", **{"model_name": "tumour", **options})


def read(secret: str = NAME) -> dict[str, str]:
    return json.loads(client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])


def test_snapshot(app, snapshot):
    assert template_of(keys_stack(app)[0]) == snapshot


def test_snapshot_with_grants_and_a_key_of_one_s_own(app, snapshot):
    stack = cdk.Stack(app, "Keys", env=HERE)
    key = kms.Key(stack, "Own", enable_key_rotation=True)
    signing = SigningSecret(stack, "Signing", model_name="tumour", encryption_key=key)
    assert signing.encryption_key is key
    signing.grant_push(iam.Role(stack, "Builder", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com")))
    signing.grant_read(iam.Role.from_role_arn(stack, "Deployer", f"arn:aws:iam::{ACCOUNT}:role/cloudformation"))
    signing.grant_read(iam.AccountPrincipal("999999999999"))
    assert template_of(stack) == snapshot


def test_two_in_one_stack(app):
    stack, _ = keys_stack(app)
    SigningSecret(stack, "Second", model_name="churn")
    names = [
        resource["Properties"]["Name"]
        for resource in template_of(stack)["Resources"].values()
        if resource["Type"] == "AWS::SecretsManager::Secret"
    ]
    assert sorted(names) == ["cdk-modelbuilder/churn", NAME]


def test_cloudformation_neither_makes_up_a_value_nor_takes_one_away(app):
    resources = template_of(keys_stack(app)[0])["Resources"].values()
    assert {resource["Type"] for resource in resources} == {
        "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::SecretsManager::Secret"
    }  # fmt: skip
    for resource in resources:
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert not {"GenerateSecretString", "SecretString"} & set(resource["Properties"])


def test_a_builder_may_read_and_add_and_do_nothing_else(app):
    stack, signing = keys_stack(app)
    builder = iam.Role(stack, "Builder", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
    signing.grant_push(builder).assert_success()
    template = Template.from_stack(stack)
    (policy,) = template.find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
    assert statement["Resource"] == stack.resolve(signing.secret.secret_arn)
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
    granted = {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Condition": through,
        "Principal": {"AWS": stack.resolve(builder.role_arn)},
    }
    template.has_resource_properties(
        "AWS::KMS::Key", {"KeyPolicy": {"Statement": Match.array_with([Match.object_like(granted)])}}
    )


def test_a_reader_may_read_and_do_nothing_else(app):
    stack, signing = keys_stack(app)
    signing.grant_read(iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com")))
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "secretsmanager:GetSecretValue"


@pytest.mark.parametrize(
    "names",
    [
        {"model_name": None},
        {"secret_name": "also"},
        {"model_name": "a/b"},
        {"model_name": ""},
        {"model_name": cdk.Aws.STACK_NAME},
        {"model_name": None, "secret_name": "sp ace"},
        {"model_name": None, "secret_name": "x" * 513},
        {"model_name": None, "secret_name": "team-churns"},
    ],
)
def test_names_that_cannot_work(app, names):
    stack = cdk.Stack(app, "Keys", env=HERE)
    options = {"model_name": "tumour", **names}
    for make in (SigningSecret, SigningSecret.from_name):
        with pytest.raises(UsageError) as caught:
            make(stack, "Signing", **options)
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("model", "secret"),
    [
        ("churn", "cdk-modelbuilder/churn"),
        ("churn-v2", "cdk-modelbuilder/churn-v2"),
        ("churn-weekly", "cdk-modelbuilder/churn-weekly/keys"),  # "-weekly" could be the end of a complete ARN
        ("a-123456", "cdk-modelbuilder/a-123456/keys"),
    ],
)
def test_the_name_is_the_same_for_the_command_line_and_the_construct(app, model, secret):
    assert default_secret_name(model) == secret
    stack, _ = keys_stack(app, model_name=model)
    Template.from_stack(stack).has_resource_properties("AWS::SecretsManager::Secret", {"Name": secret})
    arn = stack.resolve(SigningSecret.from_name(stack, "Same", model).secret_arn)
    assert arn["Fn::Join"][1][-1] == f":secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}"


def test_import_by_arn_takes_a_complete_one_only(app):
    stack = cdk.Stack(app, "Other", env=HERE)
    complete = SigningSecret.from_arn(stack, "Complete", f"{ARN}-AbCdEf")
    assert complete.secret_arn == complete.secret_full_arn == f"{ARN}-AbCdEf"
    for number, arn in enumerate(
        [ARN, "cdk-modelbuilder/tumour", "", f"arn:aws:s3:::{NAME}-AbCdEf", f"{ARN}-AbCdEf:x"]
    ):
        with pytest.raises(UsageError, match=r"ARN of a secret|is not complete") as caught:
            SigningSecret.from_arn(stack, f"Wrong{number}", arn)
        assert "from_name" in caught.value.remedy
    token = cdk.Fn.import_value("KeysArn")
    assert SigningSecret.from_arn(stack, "Token", token).secret_arn == token


def endpoint(app: cdk.App, bundle: Any, integrity: Any) -> cdk.Stack:
    stack = cdk.Stack(app, "Serving", env=HERE)
    if callable(integrity):
        integrity = integrity(stack)
    ModelEndpoint(stack, "Endpoint", bundle=bundle, instance_type="ml.c6i.large", integrity=integrity)
    return stack


def served_key() -> str:
    (model,) = client("sagemaker").list_models()["Models"]
    described = client("sagemaker").describe_model(ModelName=model["ModelName"])
    return described["PrimaryContainer"]["Environment"]["MODELBUILDER_HMAC_KEY"]


def keys_push(bundle: Any) -> dict[str, str]:
    """The command line, as a process of its own, against the account of this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ENDPOINT")}
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", "keys", "push", str(bundle.path), "--json"]
    env = {**kept, **FRONT.environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_deployed_empty_filled_by_keys_push_and_used_by_another_stack(app, tumour_bundle):
    expected = tumour_bundle.check_signature(bytes.fromhex(MASTER_KEY))
    from_name = SigningSecret.from_name
    stacks = (
        keys_stack(app)[0],
        endpoint(app, tumour_bundle, lambda stack: Integrity.hmac(from_name(stack, "Key", "tumour"))),
    )
    keys, serving = map(template_of, stacks)
    with mended_aws():
        create_stack(keys, name="keys")
        secrets = client("secretsmanager")
        with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="AWSCURRENT"):
            read()
        with pytest.raises(StackFailed, match="can't find the specified secret"):
            create_stack(serving, name="too-early")
        client("cloudformation").delete_stack(StackName="too-early")
        pushed = keys_push(tumour_bundle)
        assert pushed["arn"] == secrets.describe_secret(SecretId=NAME)["ARN"]
        assert read() == {expected.key_id: expected.secret.hex()}
        create_stack(serving, name="serving")
        assert served_key() == expected.secret.hex()
        # Another bundle's key comes beside it, and neither an update of the stack nor its end takes them away.
        other = BundleKey.derive(bytes.fromhex(MASTER_KEY), "00" * 32)
        assert push_key(other, NAME, region=REGION) == pushed["arn"]
        both = {key.key_id: key.secret.hex() for key in (expected, other)}
        secret = next(one for one in keys["Resources"].values() if one["Type"] == "AWS::SecretsManager::Secret")
        secret["Properties"]["Description"] = "another text"
        update_stack(keys, name="keys")
        assert read() == both
        client("cloudformation").delete_stack(StackName="keys")
        assert read() == both


def test_the_stack_of_the_endpoint_may_take_the_construct_itself(app, tumour_bundle):
    stack, signing = keys_stack(app)
    serving = template_of(endpoint(app, tumour_bundle, Integrity.hmac(signing.secret)))
    with mended_aws():
        create_stack(template_of(stack), name="Keys")
        key = tumour_bundle.check_signature(bytes.fromhex(MASTER_KEY))
        push_key(key, NAME, region=REGION)
        create_stack(serving, name="Serving")
        assert served_key() == key.secret.hex()


def test_a_key_can_be_pushed_into_a_secret_of_each_kind():
    key = BundleKey(b"k" * 32)
    with mended_aws():
        secrets = client("secretsmanager")
        secrets.create_secret(Name="empty")
        secrets.create_secret(Name="object", SecretString="{}")
        secrets.create_secret(Name="generated", SecretString="Jw,3x}")
        for name in ("absent", "empty", "object"):
            arn = push_key(key, name, region=REGION)
            assert read(name) == {key.key_id: key.secret.hex()}
            assert arn == secrets.describe_secret(SecretId=name)["ARN"]
            versions = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
            assert push_key(key, name, region=REGION) == arn
            assert (
                secrets.describe_secret(SecretId=name)["VersionIdsToStages"] == versions
            )  # nothing new, nothing written
        with pytest.raises(KeyFileError, match="stays as it is"):
            push_key(key, "generated", region=REGION)


def test_the_rules_on_rotation_are_answered_with_the_reason(app):
    resource = keys_stack(app)[1].secret.node.default_child
    answered: dict[str, str] = {}
    for entry in resource.node.metadata:
        if entry.type == "aws:cdk:acknowledged-rules":
            answered |= entry.data
    rules = {rule.rpartition("::")[2] for rule in answered}
    assert {"AwsSolutions-SMG4", "NIST.800.53.R5-SecretsManagerRotationEnabled"} <= rules
    assert all("new master key" in reason for reason in answered.values())
    assert resource.get_metadata("guard") == {"SuppressedRules": ["SECRETSMANAGER_ROTATION_ENABLED_CHECK"]}
