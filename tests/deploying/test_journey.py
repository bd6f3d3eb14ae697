"""From the first deployment to the last: the real CDK CLI against the stand-in, as a user does it."""

import json
import re
import threading
import time

import numpy as np
import pytest
from click.testing import CliRunner

from cdk_modelbuilder import Mode
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.deploying.deployment import Deployment
from cdk_modelbuilder.errors import DeploymentError
from cdk_modelbuilder.generating.writing import write_app
from cdk_modelbuilder.integrity.verifier import KEY_VARIABLE
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.deploying.conftest import PING

pytestmark = pytest.mark.slow
NAME = "lines"


def run(*words, **options):
    done = CliRunner().invoke(group, words, catch_exceptions=False, **options)
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def runtime(monkeypatch):
    """SageMaker Runtime, whose endpoints are processes on this machine."""
    with SageMakerRuntime() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", service.url)
        yield service


def pinned(aws, endpoint):
    """The environment of the model that SageMaker says is served."""
    sagemaker = aws.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    return sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["Environment"]


def test_from_the_first_deployment_to_the_last(aws, starts, runtime, line_bundles):
    first, second, X = line_bundles.first, line_bundles.second, line_bundles.X
    told, lines = [], []
    watching = {"on_progress": told.append, "on_log": lambda line: lines.append((time.monotonic(), line))}
    cloudformation = aws.client("cloudformation")

    # What would change; nothing does.
    text = first.deploy(mode=Mode.SAGEMAKER_ENDPOINT, dry_run=True, **watching)
    assert "[+] AWS::SageMaker::Endpoint" in text
    assert cloudformation.describe_stacks()["Stacks"] == []
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []

    # The first deployment fails: the container's own words say why.
    starts(seconds=1, log=["loading", "MemoryError: no room"], fails=PING)
    with pytest.raises(DeploymentError) as failed:
        first.deploy(mode=Mode.SAGEMAKER_ENDPOINT, poll_seconds=0.1, **watching)
    assert failed.value.cause == "out-of-memory"
    assert failed.value.log == ("loading", "MemoryError: no room")
    assert "AWS::SageMaker::Endpoint" in failed.value.what
    assert "ROLLBACK_COMPLETE" in failed.value.what
    assert "ml.c6i.large" in failed.value.what

    # The second try works, and the log is seen while the stack is still being made.
    lines.clear()
    starts(seconds=2, log=["loading", "ready"])
    seen_at = {}

    def when_made():
        while "made" not in seen_at:
            stacks = cloudformation.describe_stacks()["Stacks"]
            if any(stack["StackStatus"] == "CREATE_COMPLETE" for stack in stacks):
                seen_at["made"] = time.monotonic()
            time.sleep(0.05)

    watch = threading.Thread(target=when_made, daemon=True)
    watch.start()
    predictor = first.deploy(initial_instance_count=2, mode=Mode.SAGEMAKER_ENDPOINT, poll_seconds=0.1, **watching)
    watch.join()
    assert [line for _, line in lines] == ["loading", "ready"]
    assert lines[0][0] < seen_at["made"]
    assert any("CREATE_COMPLETE" in line and "SageMaker::Endpoint" in line for line in told)
    assert any("instance type: ml.c6i.large, proposed for" in line for line in told)
    endpoint = predictor.endpoint_name
    assert pinned(aws, endpoint)["MODELBUILDER_ROOT_SHA256"] == first.root_sha256

    # It answers.
    with first.deploy(mode=Mode.LOCAL_PROCESS) as here, second.deploy(mode=Mode.LOCAL_PROCESS) as there:
        runtime.endpoints[endpoint] = here.url
        assert np.allclose(predictor.predict(X), X @ [1.0, 2.0])

        # Another model, from the command line; what was said before counts still.
        starts(seconds=0)
        shown = json.loads(run("deploy", str(second.path), "--json").stdout)
        assert shown["root_sha256"] == second.root_sha256
        assert shown["endpoint_name"] == endpoint
        assert shown["instances"] == {"AllTraffic": "2 x ml.c6i.large"}
        assert shown["stack_status"] == "UPDATE_COMPLETE"
        runtime.endpoints[endpoint] = there.url
        assert np.allclose(predictor.predict(X), X @ [1.0, 3.0])
        assert np.allclose(Deployment.find(NAME).predictor().predict(X), X @ [1.0, 3.0])
    predictor.close()

    # An update that fails leaves what was there; its settings are not kept.
    starts(seconds=0, log=["ModuleNotFoundError: No module named 'lightgbm'"], fails=PING)
    failed = CliRunner().invoke(group, ["deploy", str(first.path), "--instance-type", "ml.m5.large"])
    assert isinstance(failed.exception, DeploymentError)
    assert failed.exception.cause == "packages"
    assert failed.exception.log == ("ModuleNotFoundError: No module named 'lightgbm'",)
    status = Deployment.find(NAME).status()
    assert (status.stack_status, status.root_sha256) == ("UPDATE_ROLLBACK_COMPLETE", second.root_sha256)
    assert pinned(aws, endpoint)["MODELBUILDER_ROOT_SHA256"] == second.root_sha256
    assert status.instances == {"AllTraffic": "2 x ml.c6i.large"}

    shown = json.loads(run("status", "--json").stdout)["deployments"]
    assert [one["name"] for one in shown] == [NAME]
    assert "UPDATE_ROLLBACK_COMPLETE" in run("status").stdout

    # The log of all of it.
    text = run("logs", NAME).stdout
    assert [line.rpartition(": ")[2] for line in text.splitlines()][-1] == "No module named 'lightgbm'"
    assert "AllTraffic: ready" in text

    # Back to the model before, with its own key.
    starts(seconds=0)
    shown = json.loads(run("rollback", NAME, "--json").stdout)
    assert shown["root_sha256"] == first.root_sha256
    assert pinned(aws, endpoint)["MODELBUILDER_ROOT_SHA256"] == first.root_sha256
    keys = json.loads(aws.client("secretsmanager").get_secret_value(SecretId="cdk-modelbuilder/lines")["SecretString"])
    assert pinned(aws, endpoint)[KEY_VARIABLE] == keys[first.key_id]
    with pytest.raises(DeploymentError, match="no earlier deployment"):
        Deployment.find(NAME).rollback()

    # The kept app becomes a team's own: the rest of it is added, and what is there stays.
    kept = Deployment.find(NAME).target.kept
    stack_file = kept.folder / "stacks" / "lines_stack.py"
    before = stack_file.read_text()
    assert "ml.c6i.large" in before
    assert (kept.folder / re.search(r'BUNDLE = .* / "(.*)"', before)[1]).resolve() == first.path
    assert write_app(kept.folder, kept.plan()).written
    assert (kept.folder / "tests" / "test_golden.py").is_file()
    assert stack_file.read_text() == before

    # No key is in any file.
    for file in kept.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [key for key in keys.values() if key.encode() in content], file

    # Gone, after a question that nobody can answer here.
    refused = CliRunner().invoke(group, ["destroy", NAME])
    assert "--yes" in str(refused.exception)
    run("destroy", NAME, "--yes")
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert not kept.history()
    with pytest.raises(DeploymentError, match="lines is not deployed in account"):
        Deployment.find(NAME)
