"""Each tool finds what it is there for, and is silent about what is acknowledged in its own way."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from tests.review.finding import Finding
from tests.review.review import findings, synthesize
from tests.review.template_tools import installed

pytestmark = pytest.mark.slow
REASON = "this is a test"
# Rule -> the resource that breaks it, of `resources` below.
EXPECTED = {
    ("cfn-lint", "E3030"): "Config",
    ("checkov", "CKV_AWS_370"): "Model",
    ("CloudFormation Validate", "W3030"): "Config",
    ("SecureDefaults", "model_isolated"): "Model",
    ("SecureDefaults", "role_without_managed_policy"): "Role/Resource",
    ("AwsSolutions", "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/ReadOnlyAccess]"): "Role/Resource",
    ("HIPAA.Security", "HIPAA.Security-SageMakerEndpointConfigurationKMSKeyConfigured"): "Config",
    ("NIST.800.53.R5", "NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured"): "Config",
    ("PCI.DSS.321", "PCI.DSS.321-SageMakerEndpointConfigurationKMSKeyConfigured"): "Config",
}


def resources(stack):
    role = iam.Role(
        stack,
        "Role",
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")],
    )
    model = sagemaker.CfnModel(
        stack,
        "Model",
        execution_role_arn=role.role_arn,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(image="image:1"),
    )
    variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name="v",
        model_name=model.attr_model_name,
        instance_type="ml.m5.nano",
        initial_instance_count=2,
        initial_variant_weight=1,
    )
    config = sagemaker.CfnEndpointConfig(stack, "Config", production_variants=[variant])
    return role, model, config


def acknowledge(stack, found: list[Finding]):
    """Every finding in the way that its tool understands."""
    role, model, config = resources(stack)
    places = {"Role/Resource": role.node.default_child, "Model": model, "Config": config}
    skipped, ignored = {}, {}
    for finding in found:
        name = finding.path.partition("/")[2]
        match finding.tool:
            case "cfn-lint":
                ignored.setdefault(name, set()).add(finding.rule)
            case "checkov":
                skipped.setdefault(name, []).append({"id": finding.rule, "comment": REASON})
            case tool:
                rule = f"{tool.replace(' ', '-')}::{finding.rule}"
                cdk.Validations.of(places[name]).acknowledge(cdk.Acknowledgment(id=rule, reason=REASON))
    for name, rules in ignored.items():
        places[name].add_metadata("cfn-lint", {"config": {"ignore_checks": sorted(rules)}})
    for name, rules in skipped.items():
        places[name].add_metadata("checkov", {"skip": rules})


@pytest.fixture(scope="module")
def found():
    pytest.importorskip("cdk_nag", reason="cdk-nag is not installed: run `make setup-all`")
    if not installed():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    return findings(lambda app: resources(cdk.Stack(app, "Bad")))


@pytest.mark.parametrize(("tool", "rule"), EXPECTED)
def test_tool_finds(found, tool, rule):
    places = [finding.path for finding in found if (finding.tool, finding.rule) == (tool, rule)]
    assert places == [f"Bad/{EXPECTED[tool, rule]}"]


def test_acknowledged_is_not_found(found):
    def build(app):
        acknowledge(cdk.Stack(app, "Bad"), found)

    assert len({finding.tool for finding in found}) == 8
    assert findings(build) == []


def test_a_script_that_fails_is_told(tmp_path):
    script = tmp_path / "app.py"
    script.write_text("raise SystemExit('no bundle')")
    with pytest.raises(RuntimeError, match="no bundle"):
        synthesize(script, tmp_path / "out", {}, {})
