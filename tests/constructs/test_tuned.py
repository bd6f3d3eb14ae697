"""A bundle's tuning in the template."""

from __future__ import annotations

import shutil

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match, Template

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs import Container, EndpointComponent, Hosting, ModelEndpoint
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import ResourceRequirements
from cdk_modelbuilder.tuning.result import served_by
from tests.constructs.synthesis import app_in
from tests.tuning.scripted import result

VARIABLE = "SAGEMAKER_MODEL_SERVER_WORKERS"


@pytest.fixture
def tuned(tumour_bundle, tmp_path) -> ModelBundle:
    """A bundle with a tuning of two processors."""
    shutil.copytree(tumour_bundle.path, tmp_path / "tumour")
    bundle = ModelBundle.read(tmp_path / "tumour")
    made = result(environment={VARIABLE: "2"}, served=served_by(bundle), root_sha256=bundle.root_sha256)
    made.save(bundle.path)
    return bundle


def synthesize(folder, bundle, **options) -> tuple[dict, Annotations]:
    stack = cdk.Stack(app_in(folder), "Test")
    key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "cdk-modelbuilder/x")
    if "components" in options:
        options["components"] = options["components"](key)
    else:
        options |= {"bundle": bundle, "signing_secret": key}
    ModelEndpoint(stack, "Endpoint", **options)
    (model,) = Template.from_stack(stack).find_resources("AWS::SageMaker::Model").values()
    properties = model["Properties"]
    container = properties.get("PrimaryContainer") or properties["Containers"][0]
    return container["Environment"], Annotations.from_stack(stack)


def test_on_the_same(tuned, tmp_path):
    environment, said = synthesize(tmp_path, tuned, instance_type="ml.c6i.large")
    assert environment[VARIABLE] == "2"
    assert {**tuned.container.environment, VARIABLE: "2"}.items() <= environment.items()
    said.has_info("*", Match.string_like_regexp(f"the tuning of tumour of 2026-11-26 is used: {VARIABLE}=2"))


def test_on_another_it_is_said(tuned, tmp_path):
    environment, said = synthesize(tmp_path, tuned, instance_type="ml.c6i.xlarge")
    assert VARIABLE not in environment
    said.has_info("*", Match.string_like_regexp("the tuning of tumour is not used: it was measured on 2 processors"))


@pytest.mark.parametrize(
    ("wish", "type_", "used"), [("always", "ml.g5.xlarge", True), ("never", "ml.c6i.large", False)]
)
def test_as_wished(tuned, tmp_path, wish, type_, used):
    environment, _ = synthesize(tmp_path, tuned, instance_type=type_, tuning=wish)
    assert (VARIABLE in environment) == used


def test_serverless_and_components(tuned, tmp_path):
    environment, said = synthesize(tmp_path / "1", tuned, hosting=Hosting.serverless())
    assert VARIABLE not in environment
    said.has_info("*", Match.string_like_regexp("the endpoint is serverless"))

    def components(key):
        container = Container.from_bundle(tuned, signing_secret=key)
        needs = ResourceRequirements(requests={"memory": 1024, "num_cpus": 1})
        return [EndpointComponent(name="one", container=container, resources=needs)]

    hosting = Hosting.inference_components(instance_type="ml.c6i.large")
    environment, _ = synthesize(tmp_path / "2", tuned, components=components, hosting=hosting)
    assert environment[VARIABLE] == "2"


def test_without_a_tuning_nothing_is_said(tumour_bundle, tmp_path):
    _, said = synthesize(tmp_path, tumour_bundle, instance_type="ml.c6i.large")
    said.has_no_info("*", Match.string_like_regexp("tuning"))
    with pytest.raises(UsageError, match=r"has no tuning\.json"):
        synthesize(tmp_path / "2", tumour_bundle, instance_type="ml.c6i.large", tuning="always")
