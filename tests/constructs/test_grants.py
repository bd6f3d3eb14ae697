"""Who may call an endpoint or a component: the statements that grants write, and where they go."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cdk_modelbuilder.constructs import Endpoint, InferenceComponent, ModelEndpoint
from cdk_modelbuilder.constructs.hosting import Hosting
from tests.constructs.synthesis import resources, synthesize
from tests.constructs.uses import AsyncInference, component, served

INVOKE = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"


def caller(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def granted(tmp_path, fill) -> list[dict]:
    """The statements of the one inline policy, which is the caller's."""
    (policy,) = resources(synthesize(tmp_path, fill), "IAM::Policy").values()
    return policy["Properties"]["PolicyDocument"]["Statement"]


def shared(stack: cdk.Stack, **options) -> ModelEndpoint:
    return served(stack, pipeline=(), components=[component("one", adapters={"fine": "s3://adapters/fine.tar.gz"})])


@pytest.mark.parametrize(
    ("grant", "actions"),
    [
        ("invoke", INVOKE),
        ("invoke_async", "sagemaker:InvokeEndpointAsync"),
        ("describe", "sagemaker:DescribeEndpoint"),
    ],
)
def test_a_grant_is_of_these_actions_on_this_endpoint(tmp_path, grant, actions):
    def fill(stack):
        getattr(served(stack).endpoint.grants, grant)(caller(stack)).assert_success()

    (statement,) = granted(tmp_path, fill)
    assert (statement["Effect"], statement["Action"]) == ("Allow", actions)
    assert statement["Resource"]["Ref"].startswith("EEndpoint")


def test_other_actions_can_be_granted(tmp_path):
    def fill(stack):
        served(stack).grants.actions(
            caller(stack), "sagemaker:UpdateEndpointWeightsAndCapacities", "sagemaker:ListTags"
        )

    (statement,) = granted(tmp_path, fill)
    assert statement["Action"] == ["sagemaker:UpdateEndpointWeightsAndCapacities", "sagemaker:ListTags"]


def test_an_asynchronous_endpoint_grants_asynchronous_requests_alone(tmp_path):
    def fill(stack):
        queue = AsyncInference(output_s3_uri="s3://answers/out")
        hosting = Hosting.asynchronous(instance_type="ml.m5.large", asynchronous=queue)
        served(stack, instance_type=None, hosting=hosting).grant_invoke(caller(stack))

    (statement,) = granted(tmp_path, fill)
    assert statement["Action"] == "sagemaker:InvokeEndpointAsync"


def test_a_caller_of_an_endpoint_of_components_reaches_all_of_them_later_ones_too(tmp_path):
    def fill(stack):
        endpoint = shared(stack)
        endpoint.grant_invoke(caller(stack)).assert_success()
        endpoint.add_component(component("two", adapters={"late": "s3://adapters/late.tar.gz"}))

    statements = granted(tmp_path, fill)
    assert all(statement["Action"] == INVOKE for statement in statements)
    named = {resource["Ref"] for statement in statements for resource in statement["Resource"]}
    assert {name[:-8] for name in named} == {
        "EEndpoint", "EComponentone", "EAdapterfine", "EComponenttwo", "EAdapterlate"
    }  # fmt: skip


def test_a_caller_of_one_component_reaches_it_and_its_endpoint(tmp_path):
    def fill(stack):
        shared(stack).components["one"].grants.invoke(caller(stack))

    (statement,) = granted(tmp_path, fill)
    assert statement["Action"] == INVOKE
    assert {resource["Ref"][:-8] for resource in statement["Resource"]} == {"EEndpoint", "EComponentone"}


def test_other_actions_on_a_component_do_not_reach_its_endpoint(tmp_path):
    def fill(stack):
        shared(stack).components["one"].grants.actions(caller(stack), "sagemaker:UpdateInferenceComponentRuntimeConfig")

    (statement,) = granted(tmp_path, fill)
    assert statement["Resource"]["Ref"].startswith("EComponentone")


def test_an_imported_endpoint_by_its_arn_keeps_account_and_region(tmp_path):
    def fill(stack):
        endpoint = Endpoint.from_endpoint_arn(stack, "E", "arn:aws:sagemaker:us-east-1:210987654321:endpoint/theirs")
        assert endpoint.endpoint_name == "theirs"
        endpoint.grants.invoke(caller(stack))

    (statement,) = granted(tmp_path, fill)
    assert statement["Resource"] == "arn:aws:sagemaker:us-east-1:210987654321:endpoint/theirs"


def test_an_imported_endpoint_by_its_name_is_here(tmp_path):
    def fill(stack):
        Endpoint.from_endpoint_name(stack, "E", "theirs").grants.invoke_async(caller(stack))

    (statement,) = granted(tmp_path, fill)
    assert "".join(
        part if isinstance(part, str) else f"<{part['Ref']}>" for part in statement["Resource"]["Fn::Join"][1]
    ) == ("arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/theirs")


def test_an_imported_component_has_no_endpoint_that_is_known_and_is_granted_with_one(tmp_path):
    def fill(stack):
        one = InferenceComponent.from_inference_component_arn(stack, "C", f"{ARN}:inference-component/one")
        Endpoint.from_endpoint_arn(stack, "E", f"{ARN}:endpoint/theirs").grants.invoke(caller(stack), one)

    (statement,) = granted(tmp_path, fill)
    assert statement["Resource"] == [f"{ARN}:endpoint/theirs", f"{ARN}:inference-component/one"]


def test_a_function_is_granted_through_its_role(tmp_path):
    def fill(stack):
        code = lambda_.Code.from_inline("def handler(event, context): pass")
        function = lambda_.Function(stack, "F", code=code, handler="index.handler", runtime=lambda_.Runtime.PYTHON_3_13)
        served(stack).grant_invoke(function).assert_success()

    (statement,) = granted(tmp_path, fill)
    assert statement["Action"] == INVOKE


def test_another_account_cannot_be_granted_from_here_and_the_grant_says_so(tmp_path):
    """Endpoints have no resource policies: the other account assumes a role of this one."""

    def fill(stack):
        endpoint = served(stack)
        grants = [
            endpoint.grant_invoke(iam.AccountPrincipal("210987654321")),
            endpoint.grants.describe(iam.ArnPrincipal("arn:aws:iam::210987654321:role/theirs")),
        ]
        assert [grant.success for grant in grants] == [False, False]
        for grant in grants:
            with pytest.raises(RuntimeError, match="could not be added"):
                grant.assert_success()

    assert not resources(synthesize(tmp_path, fill), "IAM::Policy")


def test_another_account_reaches_an_endpoint_through_a_role_of_this_one(tmp_path):
    def fill(stack):
        door = iam.Role(stack, "Door", assumed_by=iam.AccountPrincipal("210987654321"))
        served(stack).grant_invoke(door).assert_success()

    (statement,) = granted(tmp_path, fill)
    assert statement["Action"] == INVOKE


def test_an_imported_role_gets_a_policy_of_its_own(tmp_path):
    def fill(stack):
        role = iam.Role.from_role_arn(stack, "Theirs", "arn:aws:iam::123456789012:role/theirs")
        served(stack).grant_invoke(role).assert_success()

    template = synthesize(tmp_path, fill)
    (policy,) = resources(template, "IAM::Policy").values()
    assert policy["Properties"]["Roles"] == ["theirs"]
