"""The life of a model with the real CDK CLI and our own command line: keys, deployments, updates, failures, the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from tests.aws_stand_in import AwsStandIn, CdkCli, CdkCliMissing
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.conftest import MASTER_KEY

pytestmark = pytest.mark.slow
APP = [sys.executable, Path(__file__).with_name("life_cycle_app.py")]
REPOSITORY = Path(__file__).parents[2]
ROTATED = "6b" * 32
SECRET = "cdk-modelbuilder/tumour"


@pytest.fixture(scope="module")
def runtime():
    with SageMakerRuntime() as runtime:
        yield runtime


@pytest.fixture(scope="module")
def aws(runtime, tmp_path_factory):
    """A bootstrapped account with the stack of the signing secret."""
    with AwsStandIn(sagemaker_runtime=runtime.url) as stand_in:
        try:
            cdk = CdkCli(stand_in, APP, tmp_path_factory.mktemp("bootstrap"), cwd=REPOSITORY)
        except CdkCliMissing as missing:
            pytest.skip(str(missing))
        cdk.bootstrap()
        cdk.deploy(context={"stack": "keys"})
        yield stand_in


@pytest.fixture
def cdk(aws, tmp_path):
    yield CdkCli(aws, APP, tmp_path, cwd=REPOSITORY, timeout=90)
    for name in stacks(aws) - {"CDKToolkit", "keys"}:  # of a test that failed: it is not to fail the next one
        aws.client("cloudformation").delete_stack(StackName=name)


@pytest.fixture(scope="module")
def rotated(tumours, tmp_path_factory):
    """The next version, built after the master key was rotated."""
    import xgboost

    return ModelBuilder(
        model=xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(tumours.X, tumours.y),
        schema_builder=SchemaBuilder(tumours.X[:5], tumours.y[:5]),
        name="tumour",
        model_path=tmp_path_factory.mktemp("rotated") / "tumour",
        signing_key=ROTATED,
    ).build()


def command_line(aws, *words, master=MASTER_KEY):
    """Our own command line, as a builder runs it."""
    env = {**aws.process_environment(), "MODELBUILDER_MASTER_KEY": master}
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", *map(str, words), "--json"]
    run = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def push(aws, bundle, master=MASTER_KEY):
    return command_line(aws, "keys", "push", bundle.path, master=master)


def keys_in(aws):
    return json.loads(aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])


def deployed(aws, stack):
    """The endpoint, its configuration and its model, as SageMaker describes them, and the policies of its role."""
    sagemaker = aws.client("sagemaker")
    ids = {
        one["ResourceType"]: one["PhysicalResourceId"]
        for one in aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    }
    endpoint = sagemaker.describe_endpoint(EndpointName=ids["AWS::SageMaker::Endpoint"].rpartition("/")[2])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    role = model["ExecutionRoleArn"].rpartition("/")[2]
    policies = aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return endpoint, config, model, policies


def serves(aws, stack, bundle, master=MASTER_KEY):
    """Whether the stack's model is the bundle's, with its key."""
    environment = deployed(aws, stack)[2]["PrimaryContainer"]["Environment"]
    key = bundle.check_signature(bytes.fromhex(master)).secret.hex()
    assert environment["MODELBUILDER_ROOT_SHA256"] == bundle.root_sha256
    assert environment["MODELBUILDER_HMAC_KEY"] == key


def status(aws, stack):
    return aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


def stacks(aws):
    return {one["StackName"] for one in aws.client("cloudformation").describe_stacks()["Stacks"]}


@pytest.mark.heavy
def test_a_model_is_deployed_updated_and_taken_back_and_its_master_key_rotated(aws, cdk, bundles, rotated):
    first, second = ({"stack": "serving", "bundle": str(one.path)} for one in (bundles.first, bundles.second))

    early = cdk.deploy(context=first, check=False)
    assert early.returncode != 0, "its key was not pushed yet"
    assert "Secrets Manager can't find the specified secret" in early.text
    cdk.destroy(context=first)

    pushed = push(aws, bundles.first)
    assert pushed["arn"] == aws.client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"]
    assert "serving.EndpointName = serving-Endpoint-" in cdk.deploy(context=first).text
    serves(aws, "serving", bundles.first)
    endpoint, config, model, policies = deployed(aws, "serving")
    diff = cdk.diff(context=first)
    assert "There were no differences" in diff.text
    assert (diff.returncode, status(aws, "serving")) == (0, "CREATE_COMPLETE")

    push(aws, bundles.second)
    text = cdk.diff(context=second).text
    assert "AWS::SageMaker::Model Endpoint/Model" in text
    assert f"[+] {bundles.second.root_sha256}" in text
    cdk.deploy(context=second)
    serves(aws, "serving", bundles.second)
    after = deployed(aws, "serving")
    assert after[0]["EndpointName"] == endpoint["EndpointName"]
    assert after[1]["EndpointConfigName"] != config["EndpointConfigName"]
    assert after[2]["ModelName"] != model["ModelName"]
    assert after[2]["ExecutionRoleArn"] == model["ExecutionRoleArn"]
    changed = [{one["PolicyName"] for one in found} for found in (policies, after[3])]
    assert [len(names) for names in changed] == [2, 2], "the old one is gone, after all that needed it"
    assert len(changed[0] & changed[1]) == 1, "what lets SageMaker look at alarms is as it was"
    assert len(aws.client("sagemaker").list_models()["Models"]) == 1, "the old one is gone"

    push(aws, rotated, master=ROTATED)
    assert keys_in(aws).keys() == {one.key_id for one in (bundles.first, bundles.second, rotated)}
    cdk.deploy(context={**first, "bundle": str(rotated.path)})
    serves(aws, "serving", rotated, master=ROTATED)
    cdk.deploy(context=first)
    serves(aws, "serving", bundles.first)

    cdk.destroy(context=first)
    sagemaker = aws.client("sagemaker")
    assert not sagemaker.list_endpoints()["Endpoints"]
    assert not sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert not sagemaker.list_models()["Models"]
    assert not aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert stacks(aws) == {"CDKToolkit", "keys"}
    assert len(keys_in(aws)) == 3


def test_a_wrong_answer_fails_the_update_and_the_cli_says_why(aws, cdk, bundles, runtime):
    first, second = ({"stack": "gated", "bundle": str(one.path)} for one in (bundles.first, bundles.second))
    for bundle in (bundles.first, bundles.second):
        push(aws, bundle)
    with bundles.first.deploy(mode=Mode.LOCAL_PROCESS) as served:
        runtime.endpoints["gated"] = served.url
        cdk.deploy(context=first)
        asked = len(runtime.requests)
        # The endpoint goes on answering as the first version does: what a wrong container would do.
        failed = cdk.deploy(context=second, check=False)
    assert failed.returncode == 1
    assert "AllTraffic answers something else than when it was built, at $" in failed.text
    assert "UPDATE_FAILED           | Custom::ModelBuilderGoldenTest" in failed.text
    assert status(aws, "gated") == "UPDATE_ROLLBACK_COMPLETE"
    assert len(runtime.requests) == asked + 2, "asked for the new version, and once more on the way back"
    serves(aws, "gated", bundles.first)
    assert len(aws.client("sagemaker").list_models()["Models"]) == 1
    with bundles.second.deploy(mode=Mode.LOCAL_PROCESS) as served:
        runtime.endpoints["gated"] = served.url
        cdk.deploy(context=second)
    serves(aws, "gated", bundles.second)
    cdk.destroy(context=second)
    assert not aws.client("lambda").list_functions()["Functions"]
    assert stacks(aws) == {"CDKToolkit", "keys"}


@pytest.mark.heavy
def test_components_that_sleep_are_deployed_updated_and_destroyed(aws, cdk, bundles):
    context = {"stack": "shared", "bundle": str(bundles.first.path), "other": str(bundles.first.path)}
    for bundle in (bundles.first, bundles.second):
        push(aws, bundle)
    sagemaker, scaling = aws.client("sagemaker"), aws.client("application-autoscaling")

    def models():
        found = sagemaker.list_inference_components()["InferenceComponents"]
        parts = [sagemaker.describe_inference_component(InferenceComponentName=one["InferenceComponentName"])
                 for one in found]  # fmt: skip
        return {one["InferenceComponentName"].rpartition("-")[2]: one["Specification"]["ModelName"] for one in parts}

    cdk.deploy(context=context)
    before = models()
    assert before.keys() == {"moving", "staying"}
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert {(one["MinCapacity"], one["MaxCapacity"]) for one in targets} == {(0, 2)}
    (config,) = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config["EndpointConfigName"])["ProductionVariants"][
        0
    ]
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}

    cdk.deploy(context={**context, "bundle": str(bundles.second.path)})
    after = models()
    assert after["staying"] == before["staying"]
    assert after["moving"] != before["moving"]
    moved = sagemaker.describe_model(ModelName=after["moving"])["PrimaryContainer"]["Environment"]
    assert moved["MODELBUILDER_ROOT_SHA256"] == bundles.second.root_sha256

    cdk.destroy(context=context)
    assert not models()
    assert not sagemaker.list_endpoints()["Endpoints"]
    assert not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert stacks(aws) == {"CDKToolkit", "keys"}


@pytest.mark.heavy
def test_a_bundle_is_published_into_a_bucket_and_served_from_there(aws, cdk, bundles):
    push(aws, bundles.first)
    assert "artifacts.Bucket = artifacts-of-the-team" in cdk.deploy(context={"stack": "artifacts"}).text
    words = (
        "publish",
        bundles.first.path,
        "--bucket",
        "artifacts-of-the-team",
        "--prefix",
        "models",
        "--form",
        "folder",
    )
    (there,) = command_line(aws, *words)["artifacts"]
    context = {"stack": "published", "bundle": str(bundles.first.path), "uri": there["uri"], "digest": there["digest"]}

    stale = cdk.synth(context={**context, "bundle": str(bundles.second.path)}, check=False)
    assert stale.returncode != 0
    assert f"was published from {bundles.first.artifact_digest}" in stale.text.replace("\n", " ")

    cdk.deploy(context=context)
    serves(aws, "published", bundles.first)
    source = deployed(aws, "published")[2]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source == {"S3Uri": there["uri"], "S3DataType": "S3Prefix", "CompressionType": "None"}
    s3 = aws.client("s3")
    prefix = there["uri"].removeprefix("s3://artifacts-of-the-team/")
    found = s3.list_objects_v2(Bucket="artifacts-of-the-team", Prefix=prefix)["Contents"]
    files = [path for path in bundles.first.model_dir.rglob("*") if path.is_file()]
    assert {one["Key"].removeprefix(prefix) for one in found} >= {
        path.relative_to(bundles.first.model_dir).as_posix() for path in files
    }

    cdk.destroy(context=context)
    cdk.destroy(context={"stack": "artifacts"})
    assert stacks(aws) == {"CDKToolkit", "keys"}
    assert s3.list_objects_v2(Bucket="artifacts-of-the-team")["KeyCount"] == len(found), "what was published stays"


@pytest.mark.heavy
def test_the_end_leaves_what_is_retained_and_nothing_else(aws, cdk, bundles):
    """Last of this file, as it takes the secret's stack away."""
    push(aws, bundles.first)
    cdk.destroy(context={"stack": "keys"})
    assert stacks(aws) == {"CDKToolkit"}
    assert keys_in(aws), "bundles that are deployed elsewhere, and rollbacks, need them"
    aliases = aws.client("kms").list_aliases()["Aliases"]
    assert f"alias/{SECRET}" in {one["AliasName"] for one in aliases}
    roles = {one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]}
    assert all(name.startswith("cdk-hnb659fds-") for name in roles), roles
