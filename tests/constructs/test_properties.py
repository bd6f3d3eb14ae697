"""What resources say: names, tags, variables in order, and what an update leaves as it is."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder.constructs import (
    Container,
    ContainerImage,
    Endpoint,
    EndpointConfig,
    EndpointVariant,
    Hosting,
    InstanceVariant,
    Model,
    ModelData,
    ModelEndpoint,
    RetainedProperty,
    ScalingTarget,
)
from cdk_modelbuilder.constructs.container import ROOT_TAG
from cdk_modelbuilder.errors import UsageError
from tests.constructs.synthesis import only, resources, synthesize
from tests.constructs.uses import IMAGE, AsyncInference, component, own, served

COUNT, WEIGHT = RetainedProperty


def retained(template) -> tuple[bool | None, set[str]]:
    """What an update of the endpoint leaves as it is, and what it changes all the same."""
    properties = only(template, "SageMaker::Endpoint")
    excluded = properties.get("ExcludeRetainedVariantProperties", [])
    return properties.get("RetainAllVariantProperties"), {one["VariantPropertyType"] for one in excluded}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (False, (None, set())),
        ([], (None, set())),
        (True, (True, set())),
        ([COUNT], (True, {WEIGHT})),
        ([COUNT, WEIGHT], (True, set())),
    ],
)
def test_an_update_leaves_what_it_is_told_to_leave(tmp_path, given, expected):
    template = synthesize(tmp_path, lambda stack: served(stack, retain_variant_properties=given))
    assert retained(template) == expected


def test_autoscaled_instances_are_left_at_their_number_and_nothing_else_is(tmp_path):
    def fill(stack):
        served(stack).autoscale(max_capacity=4, target=ScalingTarget.invocations(per_minute=10))

    assert retained(synthesize(tmp_path, fill)) == (True, {WEIGHT})


def test_what_the_user_said_stands(tmp_path):
    def fill(stack):
        endpoint = served(stack, retain_variant_properties=[COUNT])
        endpoint.autoscale(max_capacity=4, target=ScalingTarget.invocations(per_minute=10))

    assert retained(synthesize(tmp_path, fill)) == (True, {WEIGHT})


@pytest.mark.parametrize("kind", ["serverless", "components"])
def test_what_has_no_instances_of_its_own_needs_none_of_it(tmp_path, kind):
    def fill(stack):
        if kind == "serverless":
            endpoint = served(stack, instance_type=None, hosting=Hosting.serverless(provisioned_concurrency=1))
            endpoint.autoscale(max_capacity=4, target=ScalingTarget.provisioned_concurrency_utilization(0.5))
        else:
            endpoint = served(stack, pipeline=(), components=[component("one")])
            endpoint.autoscale(max_capacity=4, target=ScalingTarget.concurrency(requests=1))

    assert retained(synthesize(tmp_path, fill)) == (None, set())


def test_an_asynchronous_endpoint_that_sleeps_stays_asleep_through_an_update(tmp_path):
    def fill(stack):
        queue = AsyncInference(output_s3_uri="s3://answers/out")
        hosting = Hosting.asynchronous(instance_type="ml.m5.large", asynchronous=queue)
        served(stack, instance_type=None, hosting=hosting).scale_to_zero(max_capacity=2)

    assert retained(synthesize(tmp_path, fill)) == (True, {WEIGHT})


def test_variables_are_in_order_whatever_the_user_s_was(tmp_path):
    names = ["Z", "a", "B", "MIDDLE", "_x"]
    templates = []
    for number, order in enumerate((names, names[::-1])):
        container = Container(
            image=IMAGE,
            model_data=ModelData.archive("s3://a/m.tar.gz"),
            environment=dict.fromkeys(order, "1"),
            secrets={name.lower() * 2: cdk.SecretValue.secrets_manager("s") for name in order},
        )
        fill = lambda stack, container=container: Model(stack, "M", containers=container)  # noqa: E731
        templates.append(synthesize(tmp_path / str(number), fill))
    environment = list(only(templates[0], "SageMaker::Model")["PrimaryContainer"]["Environment"])
    assert environment == sorted(environment)
    assert json.dumps(templates[0]) == json.dumps(templates[1])


def test_tags_of_a_scope_reach_every_resource_that_can_have_some(tmp_path):
    def fill(stack):
        endpoint = served(stack, pipeline=(), components=[component("one")])
        endpoint.autoscale(max_capacity=2, target=ScalingTarget.concurrency(requests=1))
        endpoint.monitor()
        cdk.Tags.of(stack).add("team", "scales")

    template = synthesize(tmp_path, fill)
    for kind in ("Model", "EndpointConfig", "Endpoint", "InferenceComponent"):
        assert {"Key": "team", "Value": "scales"} in only(template, f"SageMaker::{kind}")["Tags"]
    for kind in ("IAM::Role", "KMS::Key", "CloudWatch::Alarm"):
        for one in resources(template, kind).values():
            assert {"Key": "team", "Value": "scales"} in one["Properties"]["Tags"]


def test_the_digest_is_a_tag_beside_those_of_the_user(tmp_path, first):
    def fill(stack):
        key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
        endpoint = ModelEndpoint(stack, "E", bundle=first, signing_secret=key, instance_type="ml.m5.large")
        cdk.Tags.of(endpoint).add("team", "scales")

    template = synthesize(tmp_path, fill)
    for kind in ("Model", "EndpointConfig"):
        tags = {tag["Key"]: tag["Value"] for tag in only(template, f"SageMaker::{kind}")["Tags"]}
        assert tags == {"team": "scales", ROOT_TAG: first.root_sha256}


def test_digests_of_many_bundles_fit_into_the_tag(tmp_path, bundles):
    def fill(stack):
        key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
        given = [bundles.first, bundles.second] * 3
        containers = [Container.from_bundle(bundle, signing_secret=key) for bundle in given]
        ModelEndpoint(stack, "E", pipeline=containers, instance_type="ml.m5.large")

    for kind in ("Model", "EndpointConfig"):
        (tag,) = only(synthesize(tmp_path / kind, fill), f"SageMaker::{kind}")["Tags"]
        assert len(tag["Value"]) <= 256
        assert bundles.first.root_sha256 in tag["Value"]


def test_a_name_of_an_endpoint_is_made_of_its_path_and_always_the_same(tmp_path):
    names = []
    for folder in ("a", "b"):
        template = synthesize(tmp_path / folder, served)
        names.append(only(template, "SageMaker::Endpoint")["EndpointName"])
    assert names[0] == names[1]
    assert names[0].startswith("Test-E-")


def test_endpoints_with_long_paths_have_components_of_their_own(tmp_path):
    """The ends of their names, by which alone they differ, are not cut off to make room for the component's."""

    def fill(stack):
        for which in ("North", "South"):
            path = f"{'Long' * 20}{which}"
            ModelEndpoint(stack, path, components=[component("c" * 52)], instance_type="ml.m5.2xlarge")

    found = resources(synthesize(tmp_path, fill), "SageMaker::InferenceComponent").values()
    names = {one["Properties"]["InferenceComponentName"] for one in found}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)


def test_a_component_s_name_that_leaves_no_room_is_refused():
    with pytest.raises(UsageError, match="component's name"):
        component("c" * 53)
    with pytest.raises(UsageError, match="adapter's name"):
        component("one", adapters={"a" * 53: "s3://a/b.tar.gz"})


def test_a_name_that_is_decided_when_deploying_reaches_all_that_hold_it(tmp_path):
    def fill(stack):
        name = cdk.CfnParameter(stack, "Name").value_as_string
        endpoint = served(stack, pipeline=(), components=[component("one")], endpoint_name=name)
        endpoint.autoscale(max_capacity=2, target=ScalingTarget.concurrency(requests=1))
        endpoint.monitor()

    template = synthesize(tmp_path, fill)
    assert only(template, "SageMaker::Endpoint")["EndpointName"] == {"Ref": "Name"}
    name = {"Fn::Join": ["", [{"Ref": "Name"}, "-one"]]}
    assert only(template, "SageMaker::InferenceComponent")["InferenceComponentName"] == name
    target = only(template, "ApplicationAutoScaling::ScalableTarget")["ResourceId"]
    assert target == {"Fn::Join": ["", ["inference-component/", {"Ref": "Name"}, "-one"]]}


def test_models_and_configurations_have_no_name_unless_one_is_given(templates):
    named = {
        one["Properties"][f"{kind}Name"]
        for template in templates.values()
        for kind in ("Model", "EndpointConfig")
        for one in resources(template, f"SageMaker::{kind}").values()
        if f"{kind}Name" in one["Properties"]
    }
    assert named == {"served", "config"}, "those that everything.py gives"


def test_weights_of_0_and_counts_stay_what_they_are(tmp_path):
    """The CDK's own alpha constructs make 1 of a weight of 0."""

    def fill(stack):
        ModelEndpoint(
            stack,
            "E",
            variants=[
                EndpointVariant(name="Live", containers=own("m"), weight=1),
                EndpointVariant(name="Waits", containers=own("m"), weight=0),
            ],
            instance_type="ml.m5.large",
            initial_instance_count=3,
        )

    variants = only(synthesize(tmp_path, fill), "SageMaker::EndpointConfig")["ProductionVariants"]
    assert [one["InitialVariantWeight"] for one in variants] == [1, 0]
    assert [one["InitialInstanceCount"] for one in variants] == [3, 3]


def test_a_fixed_name_is_kept_where_it_is_safe_and_where_it_is_asked_for(tmp_path):
    def fill(stack):
        model = Model(stack, "M", containers=own("m"), model_name="model")
        variant = InstanceVariant(model=model, instance_type="ml.m5.large")
        config = EndpointConfig(stack, "C", variants=variant, endpoint_config_name="config")
        endpoint = Endpoint(stack, "E", endpoint_config=config, endpoint_name="endpoint")
        assert endpoint.endpoint_name == "endpoint"

    template = synthesize(tmp_path, fill)
    assert only(template, "SageMaker::Model")["ModelName"] == "model"
    assert only(template, "SageMaker::EndpointConfig")["EndpointConfigName"] == "config"
    assert only(template, "SageMaker::Endpoint")["EndpointName"] == "endpoint"


def test_an_image_of_another_registry_needs_no_permission(tmp_path):
    def fill(stack):
        container = Container(image=ContainerImage.from_uri("registry.example.com/team/served:1"))
        Model(stack, "M", containers=container)

    template = synthesize(tmp_path, fill)
    (policy,) = resources(template, "IAM::ManagedPolicy").values()
    assert "ecr:" not in json.dumps(policy)
