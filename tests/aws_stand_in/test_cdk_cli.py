"""The real CDK CLI deploys, updates and destroys a stack on the stand-in."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

import pytest

from tests.aws_stand_in import AwsStandIn, CdkCli, CdkCliMissing, CdkFailed, cdk_cli
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.predictor.echo_container import EchoContainer

SECRET = "sample/signing"
pytestmark = pytest.mark.slow
APP = [sys.executable, Path(__file__).with_name("sample_app.py")]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stand_in():
    with AwsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def cdk(stand_in, tmp_path):
    try:
        return CdkCli(stand_in, APP, tmp_path)
    except CdkCliMissing as missing:
        pytest.skip(str(missing))


def archive(folder, name):
    weights = folder / "weights"
    weights.write_text(name)
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as tar:
        tar.add(weights, arcname="weights")
    return str(folder / f"{name}.tar.gz")


def deployed(stand_in):
    """The endpoint, its configuration and its model, as SageMaker describes them."""
    sagemaker = stand_in.client("sagemaker")
    stack = stand_in.client("cloudformation").describe_stacks(StackName="sample")["Stacks"][0]
    endpoint = sagemaker.describe_endpoint(EndpointName=stack["Outputs"][0]["OutputValue"])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return endpoint, config, model


@pytest.mark.heavy
def test_from_bootstrap_to_destroy(stand_in, cdk, tmp_path):
    one, two = {"archive": archive(tmp_path, "one")}, {"archive": archive(tmp_path, "two")}
    secret = stand_in.client("secretsmanager")
    secret.create_secret(Name=SECRET, SecretString=json.dumps({"key-1": "c0ffee"}))
    cdk.bootstrap()

    assert "AWS::SageMaker::Endpoint" in cdk.diff(context=one).text
    assert "sample.EndpointName = " in cdk.deploy(context=one).text
    endpoint, config, model = deployed(stand_in)
    assert model["PrimaryContainer"]["Environment"] == {"SIGNING_KEY": "c0ffee"}
    assert model["EnableNetworkIsolation"] is True
    source = model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    bucket, _, key = source["S3Uri"].removeprefix("s3://").partition("/")
    body = stand_in.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert body == Path(one["archive"]).read_bytes()
    assert "c0ffee" not in (cdk.output / "sample.template.json").read_text()

    secret.put_secret_value(SecretId=SECRET, SecretString=json.dumps({"key-1": "deadbeef"}))
    assert "There were no differences" in cdk.diff(context=one).text
    assert "(no changes)" in cdk.deploy(context=one).text
    assert deployed(stand_in)[2]["PrimaryContainer"]["Environment"] == {"SIGNING_KEY": "c0ffee"}

    assert "requires replacement" in cdk.diff(context=two).text
    cdk.deploy(context=two)
    endpoint_2, config_2, model_2 = deployed(stand_in)
    assert endpoint_2["EndpointName"] == endpoint["EndpointName"]
    assert config_2["EndpointConfigName"] != config["EndpointConfigName"]
    assert model_2["ModelName"] != model["ModelName"]
    assert model_2["PrimaryContainer"]["Environment"] == {"SIGNING_KEY": "deadbeef"}

    cdk.deploy(context={**two, "model-name": "fixed"})
    with pytest.raises(CdkFailed, match="custom-named resource requires replacing"):
        cdk.deploy(context={**one, "model-name": "fixed"})
    assert deployed(stand_in)[2]["ModelName"] == "fixed"

    cdk.destroy(context=two)
    sagemaker = stand_in.client("sagemaker")
    assert not sagemaker.list_models()["Models"]
    assert not sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert not sagemaker.list_endpoints()["Endpoints"]
    stacks = stand_in.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]


def test_a_failed_first_deployment_is_reported(stand_in, cdk, tmp_path):
    stand_in.reset()
    cdk.bootstrap()
    with pytest.raises(CdkFailed, match="Secrets Manager can't find the specified secret"):
        cdk.deploy(context={"archive": archive(tmp_path, "one")})
    stack = stand_in.client("cloudformation").describe_stacks(StackName="sample")["Stacks"][0]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_custom_resource_judges_a_deployment(tmp_path):
    gated = [sys.executable, Path(__file__).with_name("gated_app.py")]
    with EchoContainer() as container, SageMakerRuntime() as runtime:
        runtime.endpoints["scales"] = container.url
        with AwsStandIn(sagemaker_runtime=runtime.url) as stand_in:
            try:
                cdk = CdkCli(stand_in, gated, tmp_path)
            except CdkCliMissing as missing:
                pytest.skip(str(missing))
            cdk.bootstrap()
            assert "gated.Answer = ping" in cdk.deploy(context={"wanted": "ping", "days": "7"}).text
            with pytest.raises(CdkFailed, match="the endpoint answers b'ping', not 'pong'"):
                cdk.deploy(context={"wanted": "pong", "days": "30"})
            stack = stand_in.client("cloudformation").describe_stacks(StackName="gated")["Stacks"][0]
            assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
            group = stand_in.client("logs").describe_log_groups(logGroupNamePrefix="scales")["logGroups"][0]
            assert group["retentionInDays"] == 7
            # Forward, back, and now away again.
            assert len(runtime.requests) == 3
            cdk.destroy(context={"wanted": "ping", "days": "7"})
            assert not stand_in.client("lambda").list_functions()["Functions"]


def test_the_cli_leaves_the_callers_settings_alone(stand_in, cdk, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "999999999999")
    before = {path: path.stat().st_mtime_ns for path in Path.home().glob(".cdk/cache/**/*")}
    cdk.synth(context={"archive": archive(tmp_path, "one")})
    assert (cdk.output / "sample.template.json").is_file()
    assert before == {path: path.stat().st_mtime_ns for path in Path.home().glob(".cdk/cache/**/*")}


def test_a_missing_cli_is_named(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(cdk_cli, "REPOSITORY", tmp_path)
    with pytest.raises(CdkCliMissing, match="make setup"):
        CdkCli(stand_in, APP, tmp_path)


def ended(pid):
    """Whether a process is gone, or only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_server_ends_with_the_block():
    def fail_inside():
        with AwsStandIn() as stand_in:
            seen.append(stand_in._process)
            raise ZeroDivisionError

    seen = []
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert seen[0].returncode is not None


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks processes up in /proc")
def test_the_server_ends_when_its_parent_is_killed(tmp_path):
    script = (
        "import time; from tests.aws_stand_in import AwsStandIn\n"
        "with AwsStandIn() as s: print(s._process.pid, s.url, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # a killed process cannot take its folder away
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        pid, url = parent.stdout.readline().split()
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=60) as answer:
            assert answer.status == 200
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not ended(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended(pid)


def test_a_server_that_does_not_start_says_why(stand_in):
    port = int(stand_in.url.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=r"did not start[\s\S]*in use"), AwsStandIn(port=port):
        pass
