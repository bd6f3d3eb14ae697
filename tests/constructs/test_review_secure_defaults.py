"""Ways around the rules of SecureDefaults, closed; and what they must let pass."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from cdk_modelbuilder.constructs import SecureDefaults
from tests.constructs.test_secure_defaults import app_in, joined, model, policy, put, synthesized

PARTITION = {"Ref": "AWS::Partition"}
STAR = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
AROUND = {
    "every-bucket": (policy(Action="s3:GetObject", Resource="arn:aws:s3:::*"), "policy_without_wildcard"),
    "every-object": (policy(Action="s3:GetObject", Resource=["arn:aws:s3:::*/*"]), "policy_without_wildcard"),
    "every-bucket-joined": (
        policy(Action="s3:GetObject", Resource=joined("arn:", PARTITION, ":s3:::*")),
        "policy_without_wildcard",
    ),
    "star-in-a-sub": (policy(Action="s3:GetObject", Resource={"Fn::Sub": "*"}), "policy_without_wildcard"),
    "policy-of-a-role": (
        {"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": "r", "PolicyName": "p", "PolicyDocument": STAR}},
        "policy_without_wildcard",
    ),
    "small-letters": (model({"api_key": "abc"}), "secret_by_reference"),
}
FINE = {
    "one-bucket": policy(Action="s3:GetObject", Resource=joined("arn:", PARTITION, ":s3:::ours/*")),
    "a-bucket-of-the-stack": policy(
        Action="s3:GetObject", Resource=[joined("arn:", PARTITION, ":s3:::", {"Ref": "B"}, "/*"), "arn:aws:s3:::x/*"]
    ),
    "a-reference": policy(Action="kms:Decrypt", Resource={"Fn::GetAtt": ["Key", "Arn"]}),
    "small-letters-by-reference": model({"api_key": "{{resolve:secretsmanager:s:SecretString:f::}}"}),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    app = app_in(tmp_path_factory.mktemp("around"))
    for name, resource in {**{name: one for name, (one, _) in AROUND.items()}, **FINE}.items():
        stack = cdk.Stack(app, name)
        put(stack, "Fine", model())
        put(stack, "Case", resource)
    cdk.Validations.of(app).add_plugins(SecureDefaults())
    rules: dict[str, set[str]] = {}
    for violation in synthesized(app)[0]["violations"]:
        for place in violation["violatingConstructs"]:
            rules.setdefault(place["constructPath"].split("/")[0], set()).add(violation["ruleName"])
    return rules


@pytest.mark.parametrize("name", AROUND)
def test_no_way_around(found, name):
    assert found.get(name) == {AROUND[name][1]}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine(found, name):
    assert name not in found
