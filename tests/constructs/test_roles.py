"""Execution roles that are given, imported or made: who gets which statements, and what waits for them."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder.constructs import (
    EndpointVariant,
    Model,
    ModelEndpoint,
)
from tests.constructs.synthesis import only, resources, synthesize
from tests.constructs.template_order import waits_for
from tests.constructs.uses import own

ROLE = "arn:aws:iam::123456789012:role/theirs"


def sagemaker_role(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))


def test_a_given_role_gets_the_statements_and_the_model_waits_for_them(tmp_path):
    template = synthesize(tmp_path, lambda stack: Model(stack, "M", containers=own("m"), role=sagemaker_role(stack)))
    assert len(resources(template, "IAM::Role")) == 1
    (policy,) = resources(template, "IAM::Policy")
    text = json.dumps(template["Resources"][policy]["Properties"]["PolicyDocument"])
    assert "artifacts/m.tar.gz" in text
    assert "logs:PutLogEvents" in text
    (model,) = resources(template, "SageMaker::Model").values()
    assert policy in waits_for(model)
    assert not resources(template, "IAM::ManagedPolicy")


def test_a_given_role_gets_each_statement_once(tmp_path):
    def fill(stack):
        role = sagemaker_role(stack)
        variants = [EndpointVariant(name=name, containers=own("same")) for name in "ab"]
        ModelEndpoint(stack, "E", variants=variants, role=role, instance_type="ml.m5.large")

    (policy,) = resources(synthesize(tmp_path, fill), "IAM::Policy").values()
    texts = [json.dumps(one) for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    assert len(set(texts)) == len(texts)


def test_an_imported_role_gets_a_policy_that_the_model_waits_for(tmp_path):
    template = synthesize(
        tmp_path,
        lambda stack: Model(stack, "M", containers=own("m"), role=iam.Role.from_role_arn(stack, "Theirs", ROLE)),
    )
    ((name, policy),) = resources(template, "IAM::Policy").items()
    assert policy["Properties"]["Roles"] == ["theirs"]
    (model,) = resources(template, "SageMaker::Model").values()
    assert model["Properties"]["ExecutionRoleArn"] == ROLE
    assert name in waits_for(model)


@pytest.mark.parametrize("how", ["immutable", "without updates", "another account"])
def test_a_role_that_cannot_change_is_taken_as_it_is(tmp_path, how):
    def role(stack):
        if how == "immutable":
            return iam.Role.from_role_arn(stack, "Theirs", ROLE, mutable=False)
        if how == "another account":
            return iam.Role.from_role_arn(stack, "Theirs", ROLE.replace("123456789012", "210987654321"))
        return sagemaker_role(stack).without_policy_updates()

    template = synthesize(tmp_path, lambda stack: Model(stack, "M", containers=own("m"), role=role(stack)))
    assert not resources(template, "IAM::Policy")
    assert not resources(template, "IAM::ManagedPolicy")
    assert only(template, "SageMaker::Model")["ExecutionRoleArn"]


def test_a_model_is_a_grantee_as_any_other_resource(tmp_path):
    def fill(stack):
        model = Model(stack, "M", containers=own("m"))
        s3.Bucket(stack, "Features").grant_read(model).assert_success()
        secretsmanager.Secret(stack, "Token").grant_read(model).assert_success()
        assert model.grant_principal.principal_account == "123456789012"

    (policy,) = resources(synthesize(tmp_path, fill), "IAM::Policy").values()
    text = json.dumps(policy["Properties"])
    assert "s3:GetObject*" in text
    assert "secretsmanager:GetSecretValue" in text
    assert policy["Properties"]["Roles"][0]["Ref"].startswith("MRole")


def test_a_role_of_an_endpoint_is_a_grantee_too(tmp_path):
    def fill(stack):
        endpoint = ModelEndpoint(stack, "E", pipeline=[own("m")], instance_type="ml.m5.large")
        s3.Bucket(stack, "Features").grant_read(endpoint.role).assert_success()

    (policy,) = resources(synthesize(tmp_path, fill), "IAM::Policy").values()
    assert policy["Properties"]["Roles"][0]["Ref"].startswith("ERole")


def test_more_can_be_allowed(tmp_path):
    def fill(stack):
        more = iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=["arn:aws:dynamodb:eu-west-1:1:table/t"])
        Model(stack, "M", containers=own("m")).add_to_role_policy(more)

    (policy,) = resources(synthesize(tmp_path, fill), "IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "dynamodb:GetItem"


def test_only_sagemaker_assumes_a_role_that_is_made(templates):
    for name, template in templates.items():
        for one, resource in resources(template, "IAM::Role").items():
            principals = json.dumps(resource["Properties"]["AssumeRolePolicyDocument"])
            if "Caller" not in one and "GoldenGate" not in one:
                assert "sagemaker.amazonaws.com" in principals, (name, one)
            assert "ManagedPolicyArns" not in resource["Properties"], (name, one)
