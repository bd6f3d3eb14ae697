"""ModelEndpoint: the templates it makes, and what it refuses to make."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match, Template
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.constructs import (
    Artifact,
    BlueGreen,
    Capacity,
    DataCapture,
    EndpointMetricsOptions,
    ModelEndpoint,
    RetainedProperty,
)
from cdk_modelbuilder.errors import BundleError, ImageError, IntegrityError, UsageError
from tests.aws_stand_in import client, create_stack, mended_aws, update_stack

EUROPE = cdk.Environment(account="123456789012", region="eu-west-1")


def app_in(folder: Path) -> cdk.App:
    # The validator that runs at every synth costs seconds and is the business of cfn-lint in a later step.
    return cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)


def stack_with(bundle, folder: Path, *, env: cdk.Environment | None = None, **options) -> cdk.Stack:
    stack = cdk.Stack(app_in(folder), "Test", env=env)
    options.setdefault("signing_secret", secretsmanager.Secret.from_secret_name_v2(stack, "Key", "cdk-modelbuilder/x"))
    options.setdefault("instance_type", "ml.c6i.large")
    ModelEndpoint(stack, "Endpoint", bundle=bundle, **options)
    return stack


def template_of(bundle: ModelBundle, folder: Path, **options) -> dict:
    """The template with placeholders for what differs from one version of the code to the next."""
    text = json.dumps(Template.from_stack(stack_with(bundle, folder, **options)).to_json())
    for name, value in (
        ("root", bundle.root_sha256),
        ("manifest", bundle.manifest.sha256),
        ("artifact", bundle.artifact_digest),
        ("key id", bundle.key_id),
    ):
        assert value in text
        text = text.replace(value, f"<{name}>")
    # Policies are called by their content, of which the artifact is a part; here by their first statement.
    for name, resource in json.loads(text)["Resources"].items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            first = resource["Properties"]["PolicyDocument"]["Statement"][0]["Sid"]
            text = text.replace(name, re.sub(r"[0-9a-f]{8}[0-9A-F]{8}$", f"<{first}>", name))
    return json.loads(text)


@pytest.fixture
def snapshot(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def test_snapshot_default_in_a_known_region(tumour_bundle, tmp_path, snapshot):
    assert template_of(tumour_bundle, tmp_path, env=EUROPE) == snapshot


def test_snapshot_region_agnostic(tumour_bundle, tmp_path, snapshot):
    assert template_of(tumour_bundle, tmp_path) == snapshot


def test_snapshot_everything_on(tumour_bundle, tmp_path, snapshot):
    template = template_of(
        tumour_bundle,
        tmp_path,
        env=EUROPE,
        initial_instance_count=2,
        endpoint_name="tumour",
        environment={"LEVEL": "5"},
        network_isolation=False,
        encrypt_storage=False,
        deployment=BlueGreen.canary(
            Capacity.instances(1), bake_time=cdk.Duration.minutes(5), timeout=cdk.Duration.hours(1)
        ),
        retain_variant_properties=[RetainedProperty.DESIRED_INSTANCE_COUNT],
        data_capture=DataCapture(destination_s3_uri="s3://kept/tumour", sampling_percentage=10),
        metrics=EndpointMetricsOptions(enhanced=True),
    )
    assert template == snapshot


def test_two_synths_in_two_places_give_the_same_bytes(tumour_bundle, tmp_path):
    texts = []
    for name in ("one", "two"):
        copy = tmp_path / name / "bundle"
        shutil.copytree(tumour_bundle.path, copy)
        stack_with(str(copy), tmp_path / name).node.root.synth()
        texts.append((tmp_path / name / "cdk.out" / "Test.template.json").read_bytes())
    assert texts[0] == texts[1]


def test_the_archive_is_linked_into_the_assembly_under_its_digest(tumour_bundle, tmp_path):
    stack_with(tumour_bundle, tmp_path).node.root.synth()
    staged = tmp_path / "cdk.out" / f"asset.{tumour_bundle.artifact_digest}.tar.gz"
    assert staged.read_bytes() == tumour_bundle.archive_path.read_bytes()
    assets = json.loads((tmp_path / "cdk.out" / "Test.assets.json").read_text())["files"]
    assert f"{tumour_bundle.artifact_digest}.tar" in assets
    assert str(tmp_path) not in json.dumps(assets)


def test_the_key_is_a_dynamic_reference_and_never_a_value(tumour_bundle, tmp_path):
    template = Template.from_stack(stack_with(tumour_bundle, tmp_path, env=EUROPE))
    template.has_resource_properties(
        "AWS::SageMaker::Model",
        {
            "PrimaryContainer": {
                "Environment": {"MODELBUILDER_HMAC_KEY": Match.object_like({"Fn::Join": Match.any_value()})}
            }
        },
    )
    text = json.dumps(template.to_json())
    assert f":SecretString:{tumour_bundle.key_id}::" in text
    assert "aws_cdk.SecretValue" not in text


def test_the_role_has_no_managed_policy_and_no_wild_action(tumour_bundle, tmp_path):
    resources = Template.from_stack(stack_with(tumour_bundle, tmp_path, env=EUROPE, endpoint_name="t")).to_json()[
        "Resources"
    ]
    role = next(r for r in resources.values() if r["Type"] == "AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role["Properties"]
    policy = next(r for r in resources.values() if r["Type"] == "AWS::IAM::ManagedPolicy")
    for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            assert set(actions) <= {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}


def test_model_and_config_have_no_fixed_name_and_wait_for_the_policy(tumour_bundle, tmp_path):
    resources = Template.from_stack(stack_with(tumour_bundle, tmp_path)).to_json()["Resources"]
    model = next(r for r in resources.values() if r["Type"] == "AWS::SageMaker::Model")
    config = next(r for r in resources.values() if r["Type"] == "AWS::SageMaker::EndpointConfig")
    assert "ModelName" not in model["Properties"]
    assert "EndpointConfigName" not in config["Properties"]
    waits_for = {resources[name]["Type"] for name in model["DependsOn"]}
    assert waits_for == {"AWS::IAM::ManagedPolicy"}


def test_a_role_of_your_own(tumour_bundle, tmp_path):
    stack = cdk.Stack(app_in(tmp_path), "Test", env=EUROPE)
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "x")
    role = iam.Role.from_role_arn(stack, "Mine", "arn:aws:iam::123456789012:role/mine")
    endpoint = ModelEndpoint(
        stack, "E", bundle=tumour_bundle, instance_type="ml.m5.large", signing_secret=secret, role=role
    )
    endpoint.grant_invoke(iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::SageMaker::Model", {"ExecutionRoleArn": "arn:aws:iam::123456789012:role/mine"}
    )
    assert "sagemaker:InvokeEndpoint" in json.dumps(template.to_json())


def test_two_endpoints_in_one_stack(tumour_bundle, tmp_path):
    stack = stack_with(tumour_bundle, tmp_path)
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Other", "y")
    ModelEndpoint(stack, "Second", bundle=tumour_bundle, instance_type="ml.m5.large", signing_secret=secret)
    Template.from_stack(stack).resource_count_is("AWS::SageMaker::Endpoint", 2)


def test_an_image_of_your_own(tumours, tmp_path):
    bundle = ModelBuilder(
        model=tumours.model,
        schema_builder=SchemaBuilder(tumours.X[:2], tumours.y[:2]),
        model_path=tmp_path / "own",
        dependencies={"auto": False},
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/xgb:7",
        model_server="xgboost",
    ).build()
    template = Template.from_stack(stack_with(bundle, tmp_path))
    template.has_resource_properties(
        "AWS::SageMaker::Model",
        {"PrimaryContainer": {"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/xgb:7"}},
    )
    assert ":ecr:eu-west-1:123456789012:repository/team/xgb" in json.dumps(template.to_json())


def test_an_image_past_its_end_of_patch_is_a_warning(tumour_bundle, tmp_path):
    spec = tumour_bundle.container
    old = replace(tumour_bundle, container=replace(spec, image=replace(spec.image, end_of_patch="2020-01-01")))
    stack = stack_with(old, tmp_path)
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("no security patches since 2020-01-01"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instance_type": "c6i.large"}, r"begin with 'ml\.'"),
        ({"initial_instance_count": 0}, "at least 1"),
        ({"endpoint_name": "-x"}, "letters, digits and hyphens"),
        ({"signing_secret": "00" * 32}, r"(?s)is a str, not an ISecret.*template"),
        ({"environment": {"SAGEMAKER_PROGRAM": "x"}}, "container spec decides"),
        ({"environment": {"MODELBUILDER_HMAC_KEY": "x"}}, "container spec decides"),
    ],
)
def test_arguments_that_cannot_work(tumour_bundle, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        stack_with(tumour_bundle, tmp_path, **options)


def test_a_region_without_the_image(tumour_bundle, tmp_path):
    with pytest.raises(ImageError, match=r"does not offer .* in mx-central-9.*eu-west-1"):
        stack_with(tumour_bundle, tmp_path, env=cdk.Environment(account="123456789012", region="mx-central-9"))


def test_bundles_that_cannot_be_deployed(tumours, tumour_bundle, tmp_path):
    with pytest.raises(BundleError, match="does not exist"):
        stack_with(tmp_path / "nothing", tmp_path / "a")
    local = ModelBuilder(
        model=tumours.model,
        schema_builder=SchemaBuilder(tumours.X[:2], tumours.y[:2]),
        model_path=tmp_path / "local",
        dependencies={"auto": False},
        archive=False,
    ).build()
    with pytest.raises(BundleError, match="archive=True"):
        stack_with(local, tmp_path / "b")
    copy = tmp_path / "copy"
    shutil.copytree(tumour_bundle.path, copy)
    schema = json.loads((copy / "container.json").read_text())
    schema["environment"]["MODELBUILDER_ROOT_SHA256"] = "0" * 64
    (copy / "container.json").write_text(json.dumps(schema))
    with pytest.raises(IntegrityError, match="MODELBUILDER_ROOT_SHA256"):
        stack_with(copy, tmp_path / "c")


def test_no_model_file_is_read_at_synth(tumour_bundle, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tumour_bundle.path, copy)
    shutil.rmtree(copy / "model")
    (copy / "model.tar.gz").write_bytes(b"not looked into")
    template = Template.from_stack(stack_with(copy, tmp_path))
    template.resource_count_is("AWS::SageMaker::Endpoint", 1)


def test_a_large_archive_is_no_asset(tumour_bundle, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tumour_bundle.path, copy)
    with (copy / "model.tar.gz").open("wb") as archive:
        archive.truncate(600 << 20)
    with pytest.raises(BundleError, match=r"600 MiB; assets are taken up to 512 MiB.*cdk-modelbuilder publish"):
        stack_with(copy, tmp_path)
    stack_with(copy, tmp_path / "b", artifact=Artifact.asset(size_limit=cdk.Size.gibibytes(1)))


def test_deploy_update_and_delete_against_the_stand_in(tumour_bundle, tumours, tmp_path):
    import xgboost

    from cdk_modelbuilder.integrity.secrets_manager import push_key
    from tests.conftest import MASTER_KEY

    second = ModelBuilder(
        model=xgboost.XGBClassifier(n_estimators=2).fit(tumours.X, tumours.y),
        schema_builder=SchemaBuilder(tumours.X[:2], tumours.y[:2]),
        name="tumour",
        model_path=tmp_path / "second",
        dependencies={"auto": False},
    ).build()
    templates = [
        json.loads(json.dumps(Template.from_stack(stack_with(bundle, tmp_path / bundle.root_sha256)).to_json()))
        for bundle in (tumour_bundle, second)
    ]
    with mended_aws(any_model_data=True):
        keys = []
        for bundle in (tumour_bundle, second):
            keys.append(bundle.verify(bytes.fromhex(MASTER_KEY)))
            push_key(keys[-1], "cdk-modelbuilder/x", region="us-east-1")
        held = json.loads(client("secretsmanager").get_secret_value(SecretId="cdk-modelbuilder/x")["SecretString"])
        assert held == {key.key_id: key.secret.hex() for key in keys}
        seen = []
        for template, change in zip(templates, (create_stack, update_stack), strict=True):
            change(template)
            sagemaker = client("sagemaker")
            (endpoint,) = sagemaker.list_endpoints()["Endpoints"]
            (model,) = sagemaker.list_models()["Models"]
            container = sagemaker.describe_model(ModelName=model["ModelName"])["PrimaryContainer"]
            assert re.fullmatch(
                r"683313688378\.dkr\.ecr\.us-east-1\.amazonaws\.com/sagemaker-xgboost:.*", container["Image"]
            )
            seen.append(
                (endpoint["EndpointName"], model["ModelName"], container["Environment"]["MODELBUILDER_HMAC_KEY"])
            )
        assert seen[0][0] == seen[1][0]
        assert seen[0][1] != seen[1][1]
        assert [key for _, _, key in seen] == [key.secret.hex() for key in keys]
