"""`from_*`: resources of other stacks, by name or ARN, known or decided when deploying."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs import (
    ComponentContainer,
    ComponentSpecification,
    Endpoint,
    EndpointConfig,
    InferenceComponent,
    InstanceVariant,
    Model,
    ModelPackage,
    ModelPackageGroup,
    ResourceRequirements,
    ServerlessVariant,
)
from cdk_modelbuilder.errors import UsageError
from tests.constructs.synthesis import only, synthesize
from tests.constructs.uses import own

THERE = "arn:aws:sagemaker:us-east-1:210987654321"
# Class, words of its from_* methods, kind in its ARN.
KINDS = [
    (Model, "model", "model"),
    (EndpointConfig, "endpoint_config", "endpoint-config"),
    (Endpoint, "endpoint", "endpoint"),
    (InferenceComponent, "inference_component", "inference-component"),
    (ModelPackageGroup, "model_package_group", "model-package-group"),
]
EACH = pytest.mark.parametrize(("kind", "words", "word"), KINDS, ids=[words for _, words, _ in KINDS])


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "S")


def facts(imported, words: str) -> tuple[str, str, str]:
    reference = getattr(imported, f"{words}_ref")
    return getattr(imported, f"{words}_name"), getattr(imported, f"{words}_arn"), getattr(reference, f"{words}_arn")


@EACH
def test_by_arn_it_stays_what_and_where_it_was(stack, kind, words, word):
    imported = getattr(kind, f"from_{words}_arn")(stack, "I", f"{THERE}:{word}/theirs")
    assert facts(imported, words) == ("theirs", f"{THERE}:{word}/theirs", f"{THERE}:{word}/theirs")


@EACH
def test_by_name_it_is_in_this_account_and_region(stack, kind, words, word):
    imported = getattr(kind, f"from_{words}_name")(stack, "I", "theirs")
    name, arn, referred = facts(imported, words)
    parts = ["arn:", {"Ref": "AWS::Partition"}, ":sagemaker:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
    assert name == "theirs"
    assert stack.resolve(arn) == stack.resolve(referred) == {"Fn::Join": ["", [*parts, f":{word}/theirs"]]}


@EACH
def test_by_an_arn_that_is_decided_when_deploying(stack, kind, words, word):
    imported = getattr(kind, f"from_{words}_arn")(stack, "I", cdk.Fn.import_value("TheirArn"))
    name, arn, referred = (stack.resolve(fact) for fact in facts(imported, words))
    given = {"Fn::ImportValue": "TheirArn"}
    assert name == {"Fn::Select": [1, {"Fn::Split": ["/", given]}]}
    assert arn == referred == given


@EACH
def test_by_a_name_that_is_decided_when_deploying(stack, kind, words, word):
    name = cdk.CfnParameter(stack, "Name").value_as_string
    imported = getattr(kind, f"from_{words}_name")(stack, "I", name)
    assert stack.resolve(facts(imported, words)[0]) == {"Ref": "Name"}
    assert stack.resolve(facts(imported, words)[1])["Fn::Join"][1][-2:] == [f":{word}/", {"Ref": "Name"}]


@EACH
def test_what_is_no_arn_of_its_kind_is_refused(stack, kind, words, word):
    for given in ("theirs", f"{THERE}:other/theirs", f"{THERE}:{word}/", ""):
        with pytest.raises(UsageError, match=f"no ARN of a SageMaker {word}"):
            getattr(kind, f"from_{words}_arn")(stack, "I", given)


@EACH
def test_ours_says_the_same_as_an_imported_one(tmp_path, kind, words, word):
    """So that either is taken by whatever takes one, the CDK's own classes too."""
    seen = {}

    def fill(stack):
        for made in everything(stack):
            if isinstance(made, kind):
                seen.update(zip(("name", "arn", "ref"), facts(made, words), strict=True))
                seen.update({key: stack.resolve(value) for key, value in seen.items()})

    synthesize(tmp_path, fill)
    assert seen["arn"] == seen["ref"]
    assert set(seen["arn"]) == {"Ref"}


def everything(stack: cdk.Stack):
    model = Model(stack, "M", containers=own("m"))
    config = EndpointConfig(stack, "C", components=True, variants=InstanceVariant(instance_type="ml.m5.2xlarge"))
    endpoint = Endpoint(stack, "E", endpoint_config=config)
    resources = ResourceRequirements(requests={"memory": 512})
    part = InferenceComponent(
        stack, "P", endpoint=endpoint, specification=ComponentSpecification(model=model, resources=resources)
    )
    return model, config, endpoint, part, ModelPackageGroup(stack, "G", model_package_group_name="group")


def test_an_imported_model_serves_in_variants_of_both_kinds(tmp_path):
    def fill(stack):
        model = Model.from_model_name(stack, "Theirs", "theirs")
        EndpointConfig(stack, "C", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))

    (variant,) = only(synthesize(tmp_path / "a", fill), "SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["ModelName"] == "theirs"

    def serverless(stack):
        model = Model.from_model_arn(stack, "Theirs", f"{THERE}:model/theirs")
        size = cdk.Size.gibibytes(2)
        EndpointConfig(stack, "C", variants=ServerlessVariant(model=model, memory_size=size, max_concurrency=1))

    (variant,) = only(synthesize(tmp_path / "b", serverless), "SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["ModelName"] == "theirs"


def test_the_cdk_s_own_resources_are_taken_and_give_the_order(tmp_path):
    def fill(stack):
        l1 = sagemaker.CfnModel(stack, "M", execution_role_arn="arn:aws:iam::123456789012:role/r")
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name="v", model_name="m", initial_variant_weight=1
        )
        config = sagemaker.CfnEndpointConfig(stack, "C", production_variants=[variant])
        Endpoint(stack, "E", endpoint_config=config)
        EndpointConfig(stack, "D", variants=InstanceVariant(model=l1, instance_type="ml.m5.large"))

    template = synthesize(tmp_path, fill)
    assert only(template, "SageMaker::Endpoint")["EndpointConfigName"] == {"Fn::GetAtt": ["C", "EndpointConfigName"]}
    (ours,) = (one for name, one in template["Resources"].items() if name.startswith("D"))
    assert ours["Properties"]["ProductionVariants"][0]["ModelName"] == {"Fn::GetAtt": ["M", "ModelName"]}


def test_our_endpoint_runs_an_imported_configuration(tmp_path):
    def fill(stack):
        theirs = EndpointConfig.from_endpoint_config_name(stack, "C", "theirs")
        endpoint = Endpoint(stack, "E", endpoint_config=theirs)
        assert endpoint.metrics.variant().invocations().dimensions["VariantName"] == "AllTraffic"

    assert only(synthesize(tmp_path, fill), "SageMaker::Endpoint")["EndpointConfigName"] == "theirs"


def test_a_component_and_an_adapter_on_an_imported_endpoint(tmp_path):
    def fill(stack):
        endpoint = Endpoint.from_endpoint_name(stack, "E", "theirs")
        base = InferenceComponent.from_inference_component_name(stack, "B", "base")
        InferenceComponent(
            stack,
            "A",
            endpoint=endpoint,
            base=base,
            specification=ComponentSpecification(container=ComponentContainer(artifact_s3_uri="s3://a/fine.tar.gz")),
        )

    properties = only(synthesize(tmp_path, fill), "SageMaker::InferenceComponent")
    assert properties["EndpointName"] == "theirs"
    assert properties["Specification"]["BaseInferenceComponentName"] == "base"


def test_a_package_in_an_imported_group(tmp_path):
    def fill(stack):
        group = ModelPackageGroup.from_model_package_group_name(stack, "G", "theirs")
        ModelPackage(stack, "P", group=group, containers=own("m"))

    assert only(synthesize(tmp_path, fill), "SageMaker::ModelPackage")["ModelPackageGroupName"] == "theirs"


def test_an_endpoint_of_another_stack_of_the_app(tmp_path):
    """Its ARN is exported; its name is text in both, as it is fixed."""
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    serving, calling = (cdk.Stack(app, name, env=env) for name in ("Serving", "Calling"))
    model = Model(serving, "M", containers=own("m"))
    config = EndpointConfig(serving, "C", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))
    endpoint = Endpoint(serving, "E", endpoint_config=config, endpoint_name="served")
    cdk.CfnOutput(calling, "Arn", value=endpoint.endpoint_arn)
    cdk.CfnOutput(calling, "Name", value=endpoint.endpoint_name)
    assembly = app.synth()
    outputs = assembly.get_stack_by_name("Calling").template["Outputs"]
    exported = assembly.get_stack_by_name("Serving").template["Outputs"]
    assert outputs["Name"]["Value"] == "served"
    assert outputs["Arn"]["Value"]["Fn::ImportValue"] in {one["Export"]["Name"] for one in exported.values()}
