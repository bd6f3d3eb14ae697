"""SecureDefaults: every rule bites on what it is for and on nothing else, through the plugin, in a real synth."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.secure_defaults import WARNINGS, SecureDefaults, rule_names, rules_text
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import instance_type, known_types

NOTHING = {"violations": []}
DIGEST = "0123456789abcdef" * 4
OURS = [{"Key": "cdk-modelbuilder:root-sha256", "Value": DIGEST}]
PINNED = {"MODELBUILDER_ROOT_SHA256": DIGEST}


def joined(*parts):
    return {"Fn::Join": ["", list(parts)]}


def model(environment=None, image="image:1", **properties):
    container = {"Image": image, "Environment": environment or {}}
    return {
        "Type": "AWS::SageMaker::Model",
        "Properties": {"EnableNetworkIsolation": True, "PrimaryContainer": container, **properties},
    }


def pipeline(*containers, **properties):
    inner = {"EnableNetworkIsolation": True, "Containers": list(containers), **properties}
    return {"Type": "AWS::SageMaker::Model", "Properties": inner}


def component(**container):
    inner = {"EndpointName": "e", "Specification": {"Container": container}}
    return {"Type": "AWS::SageMaker::InferenceComponent", "Properties": inner}


def component_by_type(**container):
    inner = {"EndpointName": "e", "Specifications": [{"Container": {"Image": "image:1"}}, {"Container": container}]}
    return {"Type": "AWS::SageMaker::InferenceComponent", "Properties": inner}


def config(*variants, **properties):
    inner = {"ProductionVariants": list(variants), **properties}
    return {"Type": "AWS::SageMaker::EndpointConfig", "Properties": inner}


def variant(kind="ml.g5.xlarge", count=2, **properties):
    return {"VariantName": "v", "InstanceType": kind, "InitialInstanceCount": count, **properties}


def endpoint(**properties):
    return {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "c", **properties}}


def role(*managed, service="sagemaker.amazonaws.com", **properties):
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]}
    inner = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": list(managed), **properties}
    return {"Type": "AWS::IAM::Role", "Properties": inner}


def policy(effect="Allow", kind="AWS::IAM::Policy", **statement):
    return {"Type": kind, "Properties": {"PolicyDocument": {"Statement": [{"Effect": effect, **statement}]}}}


def secret(**properties):
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def suppressed(resource, *rules):
    return {**resource, "Metadata": {"guard": {"SuppressedRules": list(rules)}}}


FULL_ACCESS = ":iam::aws:policy/AmazonSageMakerFullAccess"
OWN_POLICY = {"Ref": "Policy"}
REFERENCE = "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:secret:x:SecretString:k::}}"
ROLLBACK = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "latency"}]}}
BEGIN = "-----BEGIN"  # apart, so that this file holds none itself
SHA = f"repo@sha256:{DIGEST}"

# rule -> (what breaks it, what it lets pass)
CASES = {
    "model_isolated": (
        {
            "off": model(EnableNetworkIsolation=False),
            "left out": {"Type": "AWS::SageMaker::Model", "Properties": {}},
            "another rule suppressed": suppressed(model(EnableNetworkIsolation=False), "image_pinned"),
        },
        {"on": model(), "suppressed": suppressed(model(EnableNetworkIsolation=False), "x", "model_isolated")},
    ),
    "root_digest_pinned": (
        {
            "not pinned": model({"OTHER": "1"}, Tags=OURS),
            "one container of two": pipeline(
                {"Image": "a:1", "Environment": PINNED}, {"Image": "b:1", "Environment": {}}, Tags=OURS
            ),
        },
        {
            "pinned": model(PINNED, Tags=OURS),
            "all containers": pipeline(*[{"Image": "a:1", "Environment": PINNED}] * 2, Tags=OURS),
            "somebody else's model": model(),
            "suppressed": suppressed(model(Tags=OURS), "root_digest_pinned"),
        },
    ),
    "image_pinned": (
        {
            "latest": model(image="repo:latest"),
            "latest, joined": model(image=joined({"Ref": "AWS::AccountId"}, ".dkr.ecr/x:latest")),
            "latest, substituted": model(image={"Fn::Sub": "${AWS::AccountId}.dkr.ecr/x:latest"}),
            "no tag": model(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/x"),
            "no tag behind a port": model(image="localhost:5000/x"),
            "second container": pipeline({"Image": "a:1"}, {"Image": "b:latest"}),
            "component": component(Image="x:latest"),
            "component of several types": component_by_type(Image="x:latest"),
        },
        {
            "tag": model(image="repo:3.2-0"),
            "digest": model(image=SHA),
            "joined": model(image=joined({"Ref": "AWS::AccountId"}, ".dkr.ecr/x:3.2-0")),
            "mapped": model(image={"Fn::FindInMap": ["a", "b", "c"]}),
            "model package": pipeline({"ModelPackageName": "arn"}),
            "component": component(Image="x:1"),
            "suppressed": suppressed(component(Image="x:latest"), "image_pinned"),
        },
    ),
    "environment_without_secret": (
        {
            "key of 32 bytes": model({"SALT": DIGEST}),
            "key in a text": model({"OPTIONS": f"--key={DIGEST} --fast"}),
            "access key": model({"ID": "AKIAIOSFODNN7EXAMPLE"}),
            "temporary access key": model({"ID": "ASIAIOSFODNN7EXAMPLE"}),
            "private key": model({"PEM": f"{BEGIN} EC PRIVATE KEY-----\nMHc"}),
            "private key of PKCS 8": model({"PEM": f"{BEGIN} PRIVATE KEY-----\nMHc"}),
            "Hugging Face": model({"HUB": "hf_" + "aB3" * 12}),
            "GitHub": model({"HUB": "ghp_" + "aB3" * 12}),
            "web token": model({"JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig"}),
            "second container": pipeline({"Image": "a:1"}, {"Image": "b:1", "Environment": {"SALT": DIGEST}}),
            "component": component(Image="x:1", Environment={"SALT": DIGEST}),
            "component of several types": component_by_type(Image="x:1", Environment={"SALT": DIGEST}),
        },
        {
            "digests and public keys": model(
                {**PINNED, "MODELBUILDER_MANIFEST_SHA256": DIGEST, "MODELBUILDER_PUBLIC_KEY": DIGEST}
            ),
            "a longer hexadecimal": model({"TRACE": DIGEST + "00"}),
            "a reference": model({"SALT": joined("{{resolve:secretsmanager:", {"Ref": "S"}, "}}")}),
            "plain settings": model({"WORKERS": "2", "PATHS": "/opt/ml/model", "N": 5}),
            "nothing": model(),
            "suppressed": suppressed(model({"SALT": DIGEST}), "environment_without_secret"),
        },
    ),
    "secret_by_reference": (
        {
            "token": model({"HF_TOKEN": "abc"}),
            "password": model({"DB_PASSWORD": "abc"}),
            "key of an API": model({"OPENAI_API_KEY": "abc"}),
            "our own key": model({"MODELBUILDER_HMAC_KEY": "abc"}),
            "plain parameter": model({"HF_TOKEN": "{{resolve:ssm:/token}}"}),
            "second container": pipeline({"Image": "a:1"}, {"Image": "b:1", "Environment": {"SECRET": "abc"}}),
            "component": component(Image="x:1", Environment={"HF_TOKEN": "abc"}),
            "component of several types": component_by_type(Image="x:1", Environment={"HF_TOKEN": "abc"}),
            "value of a secret": secret(SecretString="hunter2"),
        },
        {
            "reference": model({"HF_TOKEN": REFERENCE}),
            "joined reference": model({"HF_TOKEN": joined("{{resolve:secretsmanager:", {"Ref": "S"}, "}}")}),
            "where it lies": model({"DB_SECRET": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}),
            "tokens of text": model({"MAX_TOKENS": "512", "TOKENIZERS_PARALLELISM": "false", "TOKEN_LIMIT": "9"}),
            "generated": secret(GenerateSecretString={}),
            "referred to": secret(SecretString="{{resolve:ssm-secure:x}}"),
            "suppressed": suppressed(model({"HF_TOKEN": "abc"}), "secret_by_reference"),
        },
    ),
    "endpoint_config_encrypted": (
        {
            "volume": config(variant("ml.m5.large")),
            "one of two variants": config(variant(), variant("ml.c6i.large")),
            "shadow": config(variant(), ShadowProductionVariants=[variant("ml.m5.large")]),
            "pool": config({"InstancePools": [{"InstanceType": "ml.m5.large"}], "InitialInstanceCount": 2}),
        },
        {
            "local disk": config(variant("ml.g5.xlarge"), ShadowProductionVariants=[variant("ml.p6-b200.48xlarge")]),
            "key": config(variant("ml.m5.large"), KmsKeyId="key"),
            "serverless": config({"ServerlessConfig": {"MaxConcurrency": 1, "MemorySizeInMB": 1024}}),
            "type decided later": config(variant({"Ref": "InstanceType"})),
            "pool of local disks": config(
                {"InstancePools": [{"InstanceType": "ml.g6.xlarge"}], "InitialInstanceCount": 2}
            ),
            "suppressed": suppressed(config(variant("ml.m5.large")), "endpoint_config_encrypted"),
        },
    ),
    "two_instances": (
        {
            "one": config(variant(count=1)),
            "none": config(variant(count=0)),
            "scaled from zero": config(variant(count=1, ManagedInstanceScaling={"MinInstanceCount": 0})),
            "second variant": config(variant(), variant(count=1)),
        },
        {
            "two": config(variant()),
            "scaled from two": config(variant(count=1, ManagedInstanceScaling={"MinInstanceCount": 2})),
            "serverless": config({"ServerlessConfig": {"MaxConcurrency": 1, "MemorySizeInMB": 1024}}),
            "shadow": config(variant(), ShadowProductionVariants=[variant(count=1)]),
            "suppressed": suppressed(config(variant(count=1)), "two_instances"),
        },
    ),
    "endpoint_rolls_back": (
        {
            "no guard": endpoint(),
            "no alarm": endpoint(DeploymentConfig={"AutoRollbackConfiguration": {"Alarms": []}}),
        },
        {"alarm": endpoint(DeploymentConfig=ROLLBACK), "suppressed": suppressed(endpoint(), "endpoint_rolls_back")},
    ),
    "role_without_managed_policy": (
        {
            "by ARN": role("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"),
            "joined": role(OWN_POLICY, joined("arn:", {"Ref": "AWS::Partition"}, FULL_ACCESS)),
            "one service of two": role(
                "arn:aws:iam::aws:policy/X", service=["lambda.amazonaws.com", "sagemaker.amazonaws.com"]
            ),
        },
        {
            "own": role(OWN_POLICY),
            "own, joined": role(joined("arn:", {"Ref": "AWS::Partition"}, ":iam::123456789012:policy/mine")),
            "none": role(),
            "role of another service": role("arn:aws:iam::aws:policy/X", service="lambda.amazonaws.com"),
            "suppressed": suppressed(role("arn:aws:iam::aws:policy/X"), "role_without_managed_policy"),
        },
    ),
    "policy_without_wildcard": (
        {
            "everything": policy(Action="*", Resource="*"),
            "actions": policy(Action=["s3:GetObject", "s3:List*"], Resource="arn:aws:s3:::bucket"),
            "resources": policy(Action=["s3:GetObject"], Resource="*"),
            "resources in a list": policy(Action="s3:GetObject", Resource=["arn:aws:s3:::bucket", "*"]),
            "one action of two": policy(Action=["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], Resource="*"),
            "all but": policy(NotAction="iam:*", Resource="arn:aws:s3:::bucket"),
            "all but these": policy(Action="s3:GetObject", NotResource="arn:aws:s3:::bucket"),
            "managed policy": policy(kind="AWS::IAM::ManagedPolicy", Action="s3:*", Resource="arn:aws:s3:::bucket"),
            "inline": role(Policies=[policy(Action="s3:*", Resource="arn:aws:s3:::bucket")["Properties"]]),
        },
        {
            "narrow": policy(Action=["s3:GetObject"], Resource="arn:aws:s3:::bucket/prefix/*"),
            "log in": policy(Action="ecr:GetAuthorizationToken", Resource="*"),
            "metrics": policy(Action=["cloudwatch:PutMetricData"], Resource=["*"]),
            "look at the network": policy(Action=["ec2:DescribeVpcs", "ec2:DescribeSubnets"], Resource="*"),
            "denied": policy("Deny", Action="*", Resource="*"),
            "suppressed": suppressed(policy(Action="*", Resource="*"), "policy_without_wildcard"),
        },
    ),
}


@dataclass(frozen=True)
class Case:
    rule: str
    name: str
    resource: dict
    broken: bool

    @property
    def stack(self):
        return re.sub(r"[^a-z0-9]+", "-", f"{self.rule}-{'bad' if self.broken else 'good'}-{self.name}".lower())


ALL = [
    Case(rule, name, resource, broken)
    for rule, (bad, good) in CASES.items()
    for broken, named in ((True, bad), (False, good))
    for name, resource in named.items()
]


def put(stack, logical_id, resource):
    made = cdk.CfnResource(stack, logical_id, type=resource["Type"], properties=resource.get("Properties", {}))
    for key, value in resource.get("Metadata", {}).items():
        made.add_metadata(key, value)
    return made


def app_in(folder):
    return cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)


def synthesized(app):
    """The report's one entry, and whether the synth failed."""
    failed = False
    try:
        app.synth()
    except RuntimeError as error:
        failed = "ValidationFailed" in str(error)
        if not failed:
            raise
    reports = json.loads(Path(app.outdir, "validation-report.json").read_text(encoding="utf-8"))["pluginReports"]
    return reports[0] if reports else NOTHING, failed


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """Rule names by stack: every case is a stack of its own, beside a model that nothing is wrong with."""
    app = app_in(tmp_path_factory.mktemp("cases"))
    for case in ALL:
        stack = cdk.Stack(app, case.stack)
        put(stack, "Fine", model())
        put(stack, "Case", case.resource)
    cdk.Validations.of(app).add_plugins(SecureDefaults())
    found = defaultdict(lambda: defaultdict(list))
    for violation in synthesized(app)[0]["violations"]:
        for place in violation["violatingConstructs"]:
            stack, logical_id = place["constructPath"].split("/")
            assert logical_id == "Case"
            found[stack][violation["ruleName"]].append(violation["description"])
    return found


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.stack)
def test_rule(findings, case):
    assert (case.rule in findings[case.stack]) == case.broken


def test_every_rule_has_cases():
    assert set(CASES) == set(rule_names())
    assert set(rule_names()) >= WARNINGS


def test_messages_say_what_to_do(findings):
    said = {message for rules in findings.values() for messages in rules.values() for message in messages}
    assert not [message for message in said if "Guard check" in message or "Properties" in message]
    assert len(said) > len(CASES)
    assert all(message.endswith(".") for message in said)


def test_good_stack_is_silent(findings):
    assert not findings["model-isolated-good-on"]


def plain_app(folder, *, plugin, count=1):
    app = app_in(folder)
    stack = cdk.Stack(app, "Test")
    cfn_model = sagemaker.CfnModel(stack, "Model", execution_role_arn="arn:aws:iam::123456789012:role/r")
    put(stack, "Config", config(variant(count=count)))
    cdk.Validations.of(app).add_plugins(plugin)
    return app, cfn_model


def named(report, key="violations"):
    return sorted(entry["ruleName"] for entry in report[key])


def test_finding_fails_the_synth(tmp_path):
    app, _ = plain_app(tmp_path, plugin=SecureDefaults(), count=2)
    report, failed = synthesized(app)
    assert failed
    assert named(report) == ["model_isolated"]
    (place,) = report["violations"][0]["violatingConstructs"]
    assert place["constructPath"] == "Test/Model"


def test_warning_fails_nothing(tmp_path):
    app, cfn_model = plain_app(tmp_path, plugin=SecureDefaults())
    cfn_model.enable_network_isolation = True
    report, failed = synthesized(app)
    assert not failed
    assert named(report) == ["two_instances"]
    assert report["violations"][0]["severity"] == "warning"


def test_warning_can_be_made_an_error(tmp_path):
    app, cfn_model = plain_app(tmp_path, plugin=SecureDefaults(warnings=[]))
    cfn_model.enable_network_isolation = True
    report, failed = synthesized(app)
    assert failed
    assert named(report) == ["two_instances"]


def test_acknowledgement_keeps_its_reason(tmp_path):
    app, cfn_model = plain_app(tmp_path, plugin=SecureDefaults(), count=2)
    reason = "it asks the feature store"
    cdk.Validations.of(cfn_model).acknowledge(cdk.Acknowledgment(id="SecureDefaults::model_isolated", reason=reason))
    report, failed = synthesized(app)
    assert not failed
    assert named(report) == []
    (kept,) = report["suppressedViolations"]
    assert (kept["ruleName"], kept["reason"]) == ("model_isolated", reason)


def test_rule_can_be_left_out(tmp_path):
    plugin = SecureDefaults(without=["model_isolated", "two_instances"])
    assert set(plugin.rule_ids) == set(rule_names()) - {"model_isolated", "two_instances"}
    app, _ = plain_app(tmp_path, plugin=plugin)
    report, failed = synthesized(app)
    assert not failed
    assert named(report) == []


@pytest.mark.slow
def test_stands_beside_the_cdks_own_validation(tmp_path):
    app = cdk.App(outdir=str(tmp_path), builtin_cloud_formation_validation=True)
    put(cdk.Stack(app, "Test"), "Config", config())
    cdk.Validations.of(app).add_plugins(SecureDefaults(warnings=rule_names()))
    app.synth()
    reports = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    found = {report["pluginName"]: named(report) for report in reports}
    # Each reports its own and not the other's: no variant at all is CloudFormation's business.
    assert found == {"CloudFormation Validate": ["F3032"]}
    put(cdk.Stack(app, "Second"), "Model", model(EnableNetworkIsolation=False))
    app.synth(force=True)
    reports = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    found = {report["pluginName"]: named(report) for report in reports}
    assert found == {"CloudFormation Validate": ["F3032"], "SecureDefaults": ["model_isolated"]}


@pytest.mark.parametrize("options", [{"without": ["model_isolatd"]}, {"warnings": ["x"]}, {"without": "two_instances"}])
def test_unknown_rule_is_refused(options):
    with pytest.raises(UsageError):
        SecureDefaults(**options)


def test_families_with_local_disks_are_those_of_the_table():
    families = {instance_type(name).family for name in known_types() if instance_type(name).has_local_nvme}
    without = {instance_type(name).family for name in known_types() if not instance_type(name).has_local_nvme}
    assert not families & without, "a rule by family cannot tell these apart"
    lists = re.findall(r"\^ml\\\.\(([^)]+)\)", rules_text())
    assert len(lists) == 3
    assert {tuple(names.split("|")) for names in lists} == {tuple(sorted(families))}
