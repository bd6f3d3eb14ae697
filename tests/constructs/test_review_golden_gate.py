"""The golden gate where it is not plain: many endpoints of a stack, sleeping components, permissions on their way."""

from __future__ import annotations

import json
from types import SimpleNamespace

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from botocore.exceptions import ClientError

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.constructs import (
    AsyncInference,
    Container,
    Endpoint,
    EndpointComponent,
    Hosting,
    InferenceComponent,
    ModelEndpoint,
    ResourceRequirements,
)
from cdk_modelbuilder.constructs.golden_gate_function import golden_gate
from tests.constructs.test_review_role import as_iam_counts

ASLEEP = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)


@pytest.fixture(scope="module")
def bundle(tumours, tmp_path_factory):
    return ModelBuilder(
        model=tumours.model,
        schema_builder=SchemaBuilder(tumours.X[:3], tumours.y[:3], keep_samples=True),
        model_path=tmp_path_factory.mktemp("gate") / "tumour",
        signing_key="5a" * 32,
    ).build()


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


@pytest.fixture
def secret(stack):
    return secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "k")


def gated(stack, secret, bundle, name, **options):
    options.setdefault("hosting", Hosting.real_time(instance_type="ml.m5.large"))
    return ModelEndpoint(stack, name, bundle=bundle, signing_secret=secret, verify_on_deploy=True, **options)


def policies_of_the_function(template):
    (role,) = [name for name in template.find_resources("AWS::IAM::Role") if name.startswith("ModelBuilderGoldenGate")]
    policies = template.find_resources("AWS::IAM::ManagedPolicy").values()
    return [one for one in policies if one["Properties"]["Roles"] == [{"Ref": role}]]


def test_thirty_endpoints_of_a_stack_share_few_policies(stack, secret, bundle):
    for number in range(30):
        gated(stack, secret, bundle, f"E{number}")
    policies = policies_of_the_function(Template.from_stack(stack))
    assert len(policies) <= 3
    assert max(as_iam_counts(policy) for policy in policies) <= 6144


def test_no_test_waits_for_another_endpoint(stack, secret, bundle):
    one, other = gated(stack, secret, bundle, "One"), gated(stack, secret, bundle, "Other")
    other.node.add_dependency(one)  # with the policies of one naming the other this were a circle
    resources = Template.from_stack(stack).to_json()["Resources"]
    function = next(one for one in resources.values() if one["Type"] == "AWS::Lambda::Function")
    assert not any("Endpoint" in name for name in function["DependsOn"])


def test_names_with_capitals_stand_in_lower_case_too(stack, secret, bundle):
    gated(stack, secret, bundle, "E", endpoint_name="Tumours-EU")
    (policy,) = policies_of_the_function(Template.from_stack(stack))
    (ask,) = [one for one in policy["Properties"]["PolicyDocument"]["Statement"] if one["Sid"] == "AskEndpoint"]
    ends = [arn["Fn::Join"][1][-1] for arn in ask["Resource"]]
    assert ends == [":endpoint/Tumours-EU", ":endpoint/tumours-eu"]


def test_a_name_that_is_a_token_is_asked_by_its_real_arn(stack, secret, bundle):
    gated(stack, secret, bundle, "E", endpoint_name=cdk.CfnParameter(stack, "Name").value_as_string)
    (policy,) = policies_of_the_function(Template.from_stack(stack))
    (ask,) = [one for one in policy["Properties"]["PolicyDocument"]["Statement"] if one["Sid"] == "AskEndpoint"]
    assert list(ask["Resource"]) == ["Ref"]


def test_answers_that_are_encrypted_or_failed_can_be_read(stack, secret, bundle):
    arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    queue = AsyncInference(
        input_s3_uri=cdk.CfnParameter(stack, "Requests").value_as_string,
        output_s3_uri="s3://answers/out",
        failure_s3_uri="s3://answers/failed",
        encryption_key=kms.Key.from_key_arn(stack, "Key", arn),
    )
    gated(stack, secret, bundle, "E", hosting=Hosting.asynchronous(instance_type="ml.m5.large", asynchronous=queue))
    (policy,) = policies_of_the_function(Template.from_stack(stack))
    found = {one["Sid"]: one["Resource"] for one in policy["Properties"]["PolicyDocument"]["Statement"]}
    assert found["DecryptAnswer"] == arn
    assert [one["Fn::Join"][1][-1] for one in found["ReadAnswer"]] == [":s3:::answers/out/*", ":s3:::answers/failed/*"]
    assert found["PutRequest"]["Fn::Join"][1][-1] == "*golden-test-*"


def test_grants_on_names_hold_for_the_arns_that_sagemaker_writes(stack):
    from aws_cdk import aws_iam as iam

    user = iam.User(stack, "User")
    imported = Endpoint.from_endpoint_name(stack, "Imported", "Tumours-EU")
    component = InferenceComponent.from_inference_component_name(stack, "Component", "One")
    imported.grants.invoke(user, component)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    ends = [arn["Fn::Join"][1][-1].rpartition(":")[2] for arn in statement["Resource"]]
    assert sorted(ends) == [
        "endpoint/Tumours-EU", "endpoint/tumours-eu", "inference-component/One", "inference-component/one",
    ]  # fmt: skip


class Clock:
    """Time that passes only while the function sleeps."""

    def __init__(self, monkeypatch, seconds=870):
        self.now, self.end = 0.0, seconds
        monkeypatch.setattr(golden_gate.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(golden_gate.time, "sleep", self.sleep)

    def sleep(self, seconds):
        self.now += seconds

    def get_remaining_time_in_millis(self):
        return (self.end - self.now) * 1000


def failing(times, code, message, then="the answer"):
    left = [times]

    def call():
        left[0] -= 1
        if left[0] >= 0:
            raise ClientError({"Error": {"Code": code, "Message": message}}, "InvokeEndpoint")
        return then

    return call


@pytest.mark.parametrize(
    ("code", "message", "times"),
    [
        ("ValidationError", ASLEEP, 60),
        ("ModelNotReadyException", "", 60),
        ("AccessDeniedException", "no identity-based policy allows the action", 8),
        ("AccessDenied", "Access Denied", 8),
    ],
)
def test_what_passes_by_itself_is_waited_for(monkeypatch, code, message, times):
    clock = Clock(monkeypatch)
    assert golden_gate.patiently(failing(times, code, message), clock) == "the answer"


@pytest.mark.parametrize(
    ("code", "message", "times"),
    [
        ("ValidationError", "Endpoint x not found", 1),
        ("ModelError", "the model broke", 1),
        ("AccessDeniedException", "no identity-based policy allows the action", 20),
        ("ModelNotReadyException", "", 200),
    ],
)
def test_what_does_not_pass_is_an_error(monkeypatch, code, message, times):
    clock = Clock(monkeypatch)
    with pytest.raises(ClientError, match=code):
        golden_gate.patiently(failing(times, code, message), clock)
    assert clock.now < clock.end


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("NaN", "NaN", True),
        ("[NaN, 1]", "[NaN, 1.0000001]", True),
        ("NaN", "1", False),
        ("Infinity", "Infinity", True),
        ("-Infinity", "Infinity", False),
        ("1" + "0" * 400, "1" + "0" * 400, True),
        ("1" + "0" * 400, "1.5", False),
        ("1" + "0" * 400, "2" + "0" * 400, False),
        ("true", "1", False),
        ('"1"', "1", False),
        ("null", "null", True),
        ("1", "1.0", True),
    ],
)
def test_numbers_that_are_none_and_numbers_beyond_floats(found, wanted, same):
    different = golden_gate.first_difference(json.loads(found), json.loads(wanted), 1e-6, 0)
    assert (different is None) is same


def test_json_lines_are_compared_as_they_are(monkeypatch):
    lines = b'{"a": 1}\n{"a": 2}\n'
    import base64

    golden = {
        "request": {"base64": "", "content_type": "application/json"},
        "response": {"base64": base64.b64encode(lines).decode(), "content_type": "application/jsonlines"},
    }
    answers = [lines, b'{"a": 1}\n']
    monkeypatch.setattr(golden_gate, "ask", lambda *_: answers.pop(0))
    properties = {"RelativeTolerance": "0", "AbsoluteTolerance": "0"}
    test = {"Name": "x", "Target": {}}
    golden_gate.compare_with(properties, test, golden, SimpleNamespace())
    with pytest.raises(golden_gate.OtherAnswerError, match="9 bytes of application/jsonlines"):
        golden_gate.compare_with(properties, test, golden, SimpleNamespace())


def test_components_are_asked_by_name(stack, secret, bundle):
    ModelEndpoint(
        stack,
        "C",
        components=[
            EndpointComponent(
                name=f"c{number}",
                container=Container.from_bundle(bundle, signing_secret=secret),
                resources=ResourceRequirements(requests={"memory": 512}),
            )
            for number in range(40)
        ],
        instance_type="ml.m5.24xlarge",
        verify_on_deploy=True,
    )
    policies = policies_of_the_function(Template.from_stack(stack))
    assert 1 <= len(policies) <= 5
