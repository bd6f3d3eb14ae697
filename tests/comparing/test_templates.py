"""Templates as plain JSON: functions in words, which resource is which, what is replaced; and nothing is too odd."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.comparing import Mark, Report, report_json, report_markdown
from cdk_modelbuilder.comparing.assemblies.assembly_report import compare_stacks
from cdk_modelbuilder.comparing.assemblies.cloud_assembly import stack_of
from cdk_modelbuilder.comparing.assemblies.exposure import protections, public_ways
from cdk_modelbuilder.comparing.assemblies.intrinsics import plain, readable, references
from cdk_modelbuilder.comparing.assemblies.replacement import CONDITIONALLY, CREATE_ONLY, FIXED_NAME, Effect
from cdk_modelbuilder.comparing.assemblies.resource_changes import compare_resources
from cdk_modelbuilder.comparing.secret_values import masked
from tests.comparing.stacks import template

PARTITION = {"Ref": "AWS::Partition"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Ref": "Model"}, "Ref Model"),
        ({"Ref": "AWS::Region"}, "${AWS::Region}"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "GetAtt Role.Arn"),
        ({"Fn::GetAtt": "Role.Arn"}, "GetAtt Role.Arn"),
        ({"Fn::Join": ["", ["arn:", PARTITION, ":s3:::b/", {"Fn::GetAtt": ["B", "Arn"]}]]},
         "arn:${AWS::Partition}:s3:::b/${B.Arn}"),
        ({"Fn::Join": ["-", ["a", "b"]]}, "a-b"),
        ({"Fn::Join": ["-", [{"Ref": "A"}, {"Fn::Join": ["", ["b", {"Ref": "C"}]]}]]}, "${A}-b${C}"),
        ({"Fn::Sub": "s3://${Bucket}/${AWS::Region}/${Key.Arn}"}, "s3://${Bucket}/${AWS::Region}/${Key.Arn}"),
        ({"Fn::Sub": ["${a}-${b}", {"a": "1", "b": {"Ref": "B"}}]}, "1-${B}"),
        ({"Fn::Sub": "${!Literal}"}, "${Literal}"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", {"Ref": "A"}]}]}, "Select(0, Split(/, Ref A))"),
        ({"Fn::ImportValue": "Other"}, "ImportValue(Other)"),
        ({"Fn::If": ["C", "a", {"Ref": "AWS::NoValue"}]}, "If(C, a, ${AWS::NoValue})"),
        ({"Fn::Join": ["", {"Ref": "List"}]}, 'Join("", Ref List)'),
        ({"Fn::Join": "odd"}, {"Fn::Join": "odd"}),
        ({"Ref": ["odd"]}, {"Ref": ["odd"]}),
        ([{"a": {"Ref": "X"}}], [{"a": "Ref X"}]),
    ],
)  # fmt: skip
def test_functions_in_words(value, words):
    assert plain(readable(value)) == words


def test_references_are_found_wherever_they_are():
    value = [
        {"a": {"Ref": "One"}},
        {
            "Fn::Join": [
                "",
                [{"Fn::GetAtt": ["Two", "Arn"]}, {"Fn::Sub": ["${Three.Arn}${x}${!No}", {"x": {"Ref": "Four"}}]}],
            ]
        },
        {"Fn::GetAtt": "Five.Arn"},
    ]
    assert set(references(value)) == {"One", "Two", "Three", "Four", "Five"}


def test_the_same_written_otherwise_is_no_change():
    def stack(arn: Any) -> Any:
        return template({"R": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": arn}}})

    join = {"Fn::Join": ["", ["arn:", PARTITION, ":x"]]}
    assert compare_stacks(stack(join), stack({"Fn::Sub": "arn:${AWS::Partition}:x"})) is None
    part = compare_stacks(stack(join), stack("arn:${AWS::Partition}:x"))
    assert part is not None  # a text that only reads like it
    assert "worked out by CloudFormation" in report_markdown(Report((part,)))


def endpoint_stack(**model: Any) -> dict[str, Any]:
    return {
        "Model": {"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": {"Image": "i:1"}, **model}},
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [{"VariantName": "A", "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}],
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::Sub": "${Config.EndpointConfigName}"}, "EndpointName": "e"},
        },
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 1}, "DependsOn": "Endpoint"},
    }  # fmt: skip


def effects(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Effect]:
    changes = compare_resources(template(old), template(new)).changes
    return {change.pair.either.logical_id: change.effect for change in changes}


def test_a_replacement_goes_on_to_what_refers_to_it():
    other = endpoint_stack(PrimaryContainer={"Image": "i:2"})
    assert effects(endpoint_stack(), other) == {
        "Model": Effect.REPLACED,
        "Config": Effect.REPLACED,
        "Endpoint": Effect.CHANGED,
    }
    assert effects(endpoint_stack(), endpoint_stack(Tags=[{"Key": "a", "Value": "b"}])) == {"Model": Effect.CHANGED}


def test_a_type_that_the_table_does_not_know_may_be_replaced():
    old, new = ({"X": {"Type": "Custom::X", "Properties": {"a": value}}} for value in (1, 2))
    assert effects(old, new) == {"X": Effect.MAYBE_REPLACED}


def test_another_type_under_the_same_id_is_another_resource():
    old = {
        "X": {"Type": "AWS::SNS::Topic"},
        "User": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"T": {"Ref": "X"}}},
    }
    new = {**old, "X": {"Type": "AWS::SQS::Queue"}}
    found = effects(old, new)
    assert found["User"] != Effect.CREATED  # what it refers to is something else now
    assert sorted(effect for name, effect in found.items() if name == "X") in ([Effect.CREATED], [Effect.REMOVED])


def test_renamed_resources_are_told_from_new_ones():
    def alarm(metric: str) -> dict[str, Any]:
        properties = {"MetricName": metric, "AlarmDescription": metric, "Namespace": "n", "Period": 60, "Threshold": 1}
        return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}

    renamed = effects({"Old12345678": alarm("Disk")}, {"New12345678": alarm("Disk")})
    assert renamed == {"New12345678": Effect.REPLACED}
    other = effects({"Disk12345678": alarm("Disk")}, {"Memory12345678": alarm("Memory")})
    assert other == {"Disk12345678": Effect.REMOVED, "Memory12345678": Effect.CREATED}


def test_construct_paths_pair_what_is_called_otherwise():
    old, new = ({name: {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}} for name in ("Aaa", "Bbb"))
    stacks = [stack_of("S", {"Resources": r}, {name: "S/Topic/Resource"}) for r, name in ((old, "Aaa"), (new, "Bbb"))]
    (change,) = compare_resources(*stacks).changes
    assert change.effect == Effect.REPLACED


def bucket(**properties: Any) -> dict[str, Any]:
    return {"B": {"Type": "AWS::S3::Bucket", "Properties": properties}}


BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
BLOCKED = {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKS, True)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (bucket(**BLOCKED), bucket(), "public access is not blocked any more"),
        (bucket(VersioningConfiguration={"Status": "Enabled"}), bucket(), "no versions any more"),
        (bucket(BucketEncryption={"a": 1}), bucket(), "encryption is S3's own again"),
        (bucket(), bucket(AccessControl="PublicRead"), "access control list"),
        ({}, bucket(WebsiteConfiguration={"IndexDocument": "i"}), "web site"),
        ({"U": {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "AWS_IAM"}}},
         {"U": {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}}, "by its URL"),
        ({"K": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True}}},
         {"K": {"Type": "AWS::KMS::Key", "Properties": {}}}, "not rotated any more"),
        ({"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": {}}},
         {"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [{"CidrIp": "0.0.0.0/0"}]}}},
         "lets in everybody"),
        ({"M": {"Type": "AWS::SageMaker::Model", "Properties": {"VpcConfig": {"Subnets": ["s"]}}}},
         {"M": {"Type": "AWS::SageMaker::Model", "Properties": {}}}, "in no VPC any more"),
        ({"S": {"Type": "AWS::SecretsManager::Secret", "DeletionPolicy": "Retain", "Properties": {"KmsKeyId": "k"}}},
         {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": {}}}, "not kept any more (DeletionPolicy)"),
        ({"S": {"Type": "AWS::SecretsManager::Secret", "Properties": {"KmsKeyId": "k"}}},
         {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": {}}}, "not encrypted with a key of its own"),
    ],
)  # fmt: skip
def test_what_becomes_public_or_loses_protection_is_marked(old, new, words):
    part = compare_stacks(template(old), template(new))
    said = [change.what for item in part.sections for group in item.groups for change in group.changes
            if Mark.SECURITY in change.marks]  # fmt: skip
    assert any(words in what for what in said), said
    back = compare_stacks(template(new), template(old))
    assert not [m for item in back.sections for group in item.groups for m in group.all_marks() if m is Mark.SECURITY]


def test_a_secret_in_a_template_is_masked_and_reported():
    key = "0123456789abcdef" * 4
    resources = endpoint_stack(PrimaryContainer={"Image": "i:1", "Environment": {
        "MODELBUILDER_HMAC_KEY": key, "MODELBUILDER_ROOT_SHA256": "a" * 64, "OTHER": "f" * 64, "LEVEL": "5",
        "TOKEN": {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "S"}, "}}"]]}, "ID": "AKIAABCDEFGHIJKLMNOP",
    }})  # fmt: skip
    part = compare_stacks(template(endpoint_stack()), template(resources))
    report = masked(Report((part,)))
    for text in (report_markdown(report), json.dumps(report_json(report))):
        assert key not in text
        assert "f" * 64 not in text
        assert "AKIA" not in text
        assert "a" * 64 in text  # a digest is none
        assert "{{resolve:secretsmanager:${S}}}" in text
    (found,) = [item for item in report.parts[0].sections if item.facet == "findings"]
    assert {mark for group in found.groups for change in group.changes for mark in change.marks} == {Mark.SECURITY}
    assert "MODELBUILDER_HMAC_KEY" in report_markdown(report)
    assert "security" in report.words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)
FUNCTIONS = st.sampled_from(["Ref", "Fn::GetAtt", "Fn::Join", "Fn::Sub", "Fn::If", "Condition", "Statement", "Sid",
                             "Effect", "Action", "Resource", "Principal", "KmsKeyId", "Environment", "Tags", "Key",
                             "Name", "Value", "PolicyDocument", "Roles", "VariantName", "Threshold"])  # fmt: skip
VALUES = st.recursive(
    JSON,
    lambda inner: st.dictionaries(FUNCTIONS, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=8,
)
RESOURCE = st.fixed_dictionaries(
    {"Type": st.sampled_from([*CREATE_ONLY, "Custom::X", "AWS::EC2::SecurityGroup"])},
    optional={"Properties": st.dictionaries(
        st.sampled_from(["PrimaryContainer", "ProductionVariants", "PolicyDocument", "KeyPolicy", "Roles", "Tags",
                         "Policies", "DashboardBody", "Threshold", "VpcConfig", "AssumeRolePolicyDocument"]), VALUES,
        max_size=4,
    ), "Metadata": VALUES, "DependsOn": VALUES, "DeletionPolicy": VALUES},
)  # fmt: skip
TEMPLATES = (
    st.fixed_dictionaries(
        {
            "Resources": st.dictionaries(
                st.text(alphabet="AB01aeF", min_size=1, max_size=3), RESOURCE | VALUES, max_size=4
            )
        },
        optional={"Outputs": VALUES, "Parameters": VALUES},
    )
    | VALUES
)


def reported(old: Any, new: Any) -> Report:
    part = compare_stacks(stack_of("S", old), stack_of("S", new))
    return masked(Report(() if part is None else (part,)))


@settings(max_examples=120, deadline=None)
@given(old=TEMPLATES, new=TEMPLATES)
def test_no_template_is_too_odd(old, new):
    report = reported(old, new)
    text = report_markdown(report)
    text.encode()
    assert bool(text) == bool(report)
    json.dumps(report_json(report), allow_nan=False)
    again = reported(json.loads(json.dumps(old)), json.loads(json.dumps(new)))
    assert report_markdown(again) == text
    assert not reported(old, old)
    assert not reported(new, new)


@settings(max_examples=80, deadline=None)
@given(old=TEMPLATES, new=TEMPLATES)
def test_what_is_added_one_way_is_removed_the_other(old, new):
    def created_and_removed(report: Report) -> tuple[list[str], list[str]]:
        changes = compare_resources(stack_of("S", report[0]), stack_of("S", report[1])).changes
        return tuple(
            sorted(change.pair.either.logical_id for change in changes if change.effect == effect)
            for effect in (Effect.CREATED, Effect.REMOVED)
        )

    created, removed = created_and_removed((old, new))
    assert created_and_removed((new, old)) == (removed, created)


@given(resource=RESOURCE)
def test_protections_and_ways_in_take_any_properties(resource):
    stack = template({"R": resource})
    for found in stack.resources.values():
        assert isinstance(protections(found) | public_ways(found), set)


SCHEMAS = Path(".venv-review/lib") / f"python3.{sys.version_info.minor}" / "site-packages/cfnlint/data/schemas"


@pytest.mark.slow
def test_the_table_of_replacements_is_what_the_registry_says():
    folder = Path(__file__).resolve().parents[2] / SCHEMAS
    if not folder.exists():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    digests = json.loads((folder / "providers/us-east-1.json").read_text("utf-8"))
    for name, known in CREATE_ONLY.items():
        schema = json.loads((folder / "resources" / f"{digests[name]}.json").read_text("utf-8"))
        for key, table in (
            ("createOnlyProperties", known),
            ("conditionalCreateOnlyProperties", CONDITIONALLY.get(name)),
        ):
            said = {path.removeprefix("/properties/").partition("/")[0] for path in schema.get(key, [])}
            assert said == set(table or ()), f"{name}: {key}"
        assert FIXED_NAME.get(name) is None or FIXED_NAME[name] in schema["properties"]


def test_every_type_that_our_constructs_make_is_in_the_table():
    """So that nobody reads "perhaps replaced" of a resource of ours."""
    snapshots = Path(__file__).resolve().parents[1] / "constructs" / "__snapshots__"
    text = "".join(path.read_text("utf-8") for path in snapshots.rglob("*.json"))
    made = set(re.findall(r'"Type": "(\w+::[\w:]+)"', text))
    assert made
    custom = {name for name in made if name.startswith(("Custom::", "AWS::CloudFormation::"))}
    assert made - custom <= set(CREATE_ONLY)
