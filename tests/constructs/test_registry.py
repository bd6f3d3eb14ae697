"""A bundle as a package of a model registry, and an approved package as a container."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from cdk_modelbuilder.constructs import (
    ApprovalStatus,
    Container,
    ContainerImage,
    Hosting,
    InstanceVariant,
    Model,
    ModelData,
    ModelEndpoint,
    ModelPackage,
    ModelPackageGroup,
)
from cdk_modelbuilder.errors import UsageError

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/tumour/3"


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


def only(template, kind):
    (resource,) = template.find_resources(kind).values()
    return resource


def test_a_bundle_is_registered_with_its_digests_and_without_its_key(stack, tumour_bundle):
    group = ModelPackageGroup(
        stack, "Group", model_package_group_name="tumour", readers=[iam.AccountPrincipal("210987654321")]
    )
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
    ModelPackage(
        stack,
        "Package",
        group=group,
        containers=Container.from_bundle(tumour_bundle, signing_secret=secret),
        approval_status=ApprovalStatus.PENDING_MANUAL_APPROVAL,
        metadata={"ticket": "ML-7"},
    )
    template = Template.from_stack(stack)
    properties = only(template, "AWS::SageMaker::ModelPackage")["Properties"]
    (container,) = properties["InferenceSpecification"]["Containers"]
    assert container["Environment"]["MODELBUILDER_ROOT_SHA256"] == tumour_bundle.root_sha256
    assert "MODELBUILDER_HMAC_KEY" not in container["Environment"]
    assert "resolve:secretsmanager" not in json.dumps(properties)
    assert (container["Framework"], container["FrameworkVersion"]) == ("XGBOOST", "3.2.0")
    assert properties["CustomerMetadataProperties"]["cdk-modelbuilder:root-sha256"] == tumour_bundle.root_sha256
    assert properties["CustomerMetadataProperties"]["ticket"] == "ML-7"
    assert properties["ModelApprovalStatus"] == "PendingManualApproval"
    takes = properties["InferenceSpecification"]["SupportedContentTypes"]
    assert takes == tumour_bundle.schema["input"]["content_types"]
    group_resource = only(template, "AWS::SageMaker::ModelPackageGroup")
    assert group_resource["DeletionPolicy"] == "Retain"
    assert "210987654321" in json.dumps(group_resource["Properties"]["ModelPackageGroupPolicy"])


def test_an_approved_version_is_deployed_by_its_arn(stack):
    key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k").secret_value_from_json("0123456789abcdef")
    container = Container(model_package_arn=PACKAGE, secrets={"MODELBUILDER_HMAC_KEY": key})
    ModelEndpoint(stack, "E", pipeline=[container], hosting=Hosting.real_time(instance_type="ml.m5.large"))
    properties = only(Template.from_stack(stack), "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert properties["ModelPackageName"] == PACKAGE
    assert ":SecretString:0123456789abcdef::" in json.dumps(properties["Environment"])
    assert "Image" not in properties


def test_a_licence_that_was_accepted_is_in_the_package(stack):
    data = ModelData.folder("s3://b/llama/", accept_eula=True)
    container = Container(image=ContainerImage.from_uri("i:1"), model_data=data)
    ModelPackage(stack, "P", model_package_name="llama", containers=container)
    (found,) = only(Template.from_stack(stack), "AWS::SageMaker::ModelPackage")["Properties"]["InferenceSpecification"][
        "Containers"
    ]
    assert found["ModelDataSource"]["S3DataSource"]["ModelAccessConfig"] == {"AcceptEula": True}


def test_both_specifications(stack):
    l1 = sagemaker.CfnModelPackage
    raw = l1.InferenceSpecificationProperty(
        containers=[l1.ModelPackageContainerDefinitionProperty(image="i:1", nearest_model_name="resnet50")],
        supported_content_types=["image/png"],
        supported_response_mime_types=["application/json"],
    )
    ModelPackage(stack, "Raw", model_package_name="raw", inference_specification=raw)
    with pytest.raises(UsageError, match="say the same"):
        ModelPackage(
            stack,
            "Both",
            model_package_name="both",
            inference_specification=raw,
            containers=Container(image=ContainerImage.from_uri("i:1")),
        )


def test_imports(stack):
    model = Model.from_model_arn(stack, "A", "arn:aws:sagemaker:eu-west-1:123456789012:model/mine")
    assert model.model_name == "mine"
    assert InstanceVariant(model=model, instance_type="ml.m5.large").render().model_name == "mine"
    group = ModelPackageGroup.from_model_package_group_arn(
        stack, "G", "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/g"
    )
    assert group.model_package_group_name == "g"
    with pytest.raises(UsageError, match="no ARN of a SageMaker model"):
        Model.from_model_arn(stack, "B", "arn:aws:s3:::bucket")
