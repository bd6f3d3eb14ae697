"""How model data is named, and where its asset goes, whichever synthesizer a stack has."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import Size
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from cdk_modelbuilder.constructs import (
    Artifact,
    Container,
    ContainerImage,
    EndpointConfig,
    Hosting,
    Model,
    ModelData,
    ModelEndpoint,
    ModelPackage,
    ModelPackageGroup,
    ServerlessVariant,
)
from cdk_modelbuilder.errors import BundleError, UsageError

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")


def stack_in(tmp_path, **options):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"), **options)


@pytest.fixture
def stack(tmp_path):
    return stack_in(tmp_path)


def container_of(stack, kind="AWS::SageMaker::Model"):
    (model,) = Template.from_stack(stack).find_resources(kind).values()
    return model["Properties"]["PrimaryContainer"]


def endpoint(stack, bundle, **options):
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "k")
    return ModelEndpoint(stack, "E", bundle=bundle, signing_secret=secret, **options)


@pytest.mark.parametrize("artifact", ["asset", "s3", "published"])
def test_a_serverless_endpoint_takes_no_model_data_source(stack, tumour_bundle, artifact):
    digest = tumour_bundle.artifact_digest
    places = {
        "asset": Artifact.asset(),
        "s3": Artifact.s3(f"s3://b/{digest}/model.tar.gz", digest),
        "published": Artifact.published("b"),
    }
    endpoint(stack, tumour_bundle, hosting=Hosting.serverless(), artifact=places[artifact])
    container = container_of(stack)
    assert "ModelDataSource" not in container
    assert json.dumps(container["ModelDataUrl"]).rstrip(']}"').endswith(f"{digest}.tar.gz") or container[
        "ModelDataUrl"
    ].endswith(f"{digest}/model.tar.gz")


def test_serverless_with_files_as_they_are_is_refused(stack, tumour_bundle):
    with pytest.raises(UsageError, match=r"no model with model data that is no archive.*ModelData\.archive"):
        endpoint(stack, tumour_bundle, hosting=Hosting.serverless(), artifact=Artifact.published("b", form="folder"))


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (ModelData.archive("s3://b/m.tar.gz"), False),
        (ModelData.archive("s3://b/m.tar.gz", accept_eula=True), True),
        (ModelData.archive("s3://b/m.tgz"), True),
        (ModelData.folder("s3://b/m/"), True),
    ],
)
def test_a_source_is_named_only_where_it_says_more(stack, data, source):
    Model(stack, "M", containers=Container(image=IMAGE, model_data=data))
    container = container_of(stack)
    assert ("ModelDataSource" in container, "ModelDataUrl" in container) == (source, not source)


def test_a_serverless_variant_of_a_gated_model_is_refused(stack):
    data = ModelData.archive("s3://b/m.tar.gz", accept_eula=True)
    model = Model(stack, "M", network_isolation=False, containers=Container(image=IMAGE, model_data=data))
    with pytest.raises(UsageError, match="model data that is no archive"):
        EndpointConfig(
            stack,
            "C",
            variants=ServerlessVariant(model=model, memory_size=Size.gibibytes(2), max_concurrency=1),
        )


@pytest.mark.parametrize(
    ("synthesizer", "bucket"),
    [
        (cdk.DefaultStackSynthesizer, "cdk-hnb659fds-assets-123456789012-eu-west-1"),
        (lambda: cdk.DefaultStackSynthesizer(qualifier="team1"), "cdk-team1-assets-123456789012-eu-west-1"),
        (lambda: cdk.DefaultStackSynthesizer(file_assets_bucket_name="ours"), "ours"),
        (cdk.CliCredentialsStackSynthesizer, "cdk-hnb659fds-assets-123456789012-eu-west-1"),
    ],
)
def test_a_synthesizer_that_was_passed(tmp_path, tumour_bundle, synthesizer, bucket):
    stack = stack_in(tmp_path, synthesizer=synthesizer())
    endpoint(stack, tumour_bundle, hosting=Hosting.serverless())
    folder = Path(stack.node.root.synth().directory)
    files = json.loads((folder / "S.assets.json").read_text())["files"].values()
    (archive,) = [one for one in files if one["source"]["path"].endswith(".tar.gz")]
    (place,) = archive["destinations"].values()
    assert place["bucketName"] == bucket
    staged = folder / archive["source"]["path"]
    assert staged.read_bytes() == tumour_bundle.archive_path.read_bytes()
    model = json.loads((folder / "S.template.json").read_text())["Resources"]
    (container,) = [one["Properties"]["PrimaryContainer"] for one in model.values() if one["Type"].endswith("::Model")]
    assert f"{bucket}/{place['objectKey']}" in json.dumps(container["ModelDataUrl"])


def test_the_synthesizer_of_the_app(tmp_path, tumour_bundle):
    app = cdk.App(
        outdir=str(tmp_path / "out"),
        builtin_cloud_formation_validation=False,
        default_stack_synthesizer=cdk.DefaultStackSynthesizer(qualifier="team1"),
    )
    for name in ("One", "Two"):
        endpoint(cdk.Stack(app, name), tumour_bundle, instance_type="ml.m5.large")
    folder = Path(app.synth().directory)
    for name in ("One", "Two"):
        assert "cdk-team1-assets" in (folder / f"{name}.assets.json").read_text()


def test_a_stack_without_a_bootstrap_is_told_to_publish(tmp_path, tumour_bundle):
    stack = stack_in(tmp_path, synthesizer=cdk.BootstraplessSynthesizer())
    with pytest.raises(BundleError, match=r"takes no asset.*cdk-modelbuilder publish tumour.*Artifact\.s3"):
        endpoint(stack, tumour_bundle, instance_type="ml.m5.large")


@pytest.mark.parametrize(
    "value",
    [cdk.SecretValue.unsafe_plain_text("hunter2"), cdk.SecretValue("hunter2")],
)
def test_a_secret_value_of_plain_text_is_refused(stack, value):
    with pytest.raises(UsageError, match="TOKEN is plain text"):
        Model(stack, "M", containers=Container(image=IMAGE, secrets={"TOKEN": value}))


def test_a_secure_string_of_parameter_store_is_refused(stack):
    with pytest.raises(UsageError, match="Keep it in Secrets Manager"):
        Model(stack, "M", containers=Container(image=IMAGE, secrets={"TOKEN": cdk.SecretValue.ssm_secure("/p", "1")}))


def test_references_to_secrets_pass(stack):
    hidden = cdk.CfnParameter(stack, "Hidden", no_echo=True)
    values = {
        "A": cdk.SecretValue.secrets_manager("s", json_field="f"),
        "B": cdk.SecretValue.cfn_parameter(hidden),
        "C": secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "k"),
    }
    Model(stack, "M", containers=Container(image=IMAGE, secrets=values))
    environment = container_of(stack)["Environment"]
    assert environment["A"] == "{{resolve:secretsmanager:s:SecretString:f::}}"
    assert environment["B"] == {"Ref": "Hidden"}


def test_a_package_in_a_registry_names_no_secret(stack):
    group = ModelPackageGroup(stack, "G", model_package_group_name="g")
    secret = cdk.SecretValue.secrets_manager("s", json_field="f")
    container = Container(
        image=IMAGE, model_data=ModelData.archive("s3://b/m.tar.gz"), environment={"A": "1"}, secrets={"TOKEN": secret}
    )
    ModelPackage(stack, "P", group=group, containers=container)
    template = Template.from_stack(stack).to_json()
    assert "resolve:" not in json.dumps(template)
    (package,) = [one for one in template["Resources"].values() if one["Type"].endswith("::ModelPackage")]
    assert package["Properties"]["InferenceSpecification"]["Containers"][0]["Environment"] == {"A": "1"}
