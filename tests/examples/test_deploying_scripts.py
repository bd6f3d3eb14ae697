"""Scripts with DEPLOY = True, as a user sets it: the real CDK CLI, against the stand-in of AWS."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cdk_modelbuilder import Mode
from tests.aws_stand_in import AwsStandIn
from tests.aws_stand_in.cdk_cli import REPOSITORY, CdkCliMissing, _jsii_cache, _script
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.deploying.conftest import bootstrap
from tests.examples.model_examples import MODELS, bundles_in, environment, run

pytestmark = pytest.mark.heavy


class Every(dict):
    """Endpoints of whatever name have one address: CloudFormation makes the name up."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def get(self, name, default=None):
        return self.url

    def __getitem__(self, name):
        return self.url

    def __contains__(self, name):
        return True


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("language_spec", "{'language': 'German'"),
        ("from_sagemaker_sdk", "no source_code="),
        ("diabetes_pipeline", "["),
        ("large_asynchronous", "s3://answers-of-all/out/"),
    ],
)
def test_a_script_deploys_and_asks_its_endpoint(name, said, tmp_path):
    try:
        _script()
    except CdkCliMissing as missing:
        pytest.skip(str(missing))
    script = MODELS / f"{name}.py"
    run(script, tmp_path / "first")
    (bundle,) = bundles_in(tmp_path / "first")
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "node_modules").symlink_to(REPOSITORY / "node_modules")
    text = script.read_text("utf-8")
    assert text.count("DEPLOY = False") == 1
    (folder / script.name).write_text(text.replace("DEPLOY = False", "DEPLOY = True"), "utf-8")
    with (
        AwsStandIn() as aws,
        SageMakerRuntime(s3=aws.client("s3")) as runtime,
        bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor,
    ):
        bootstrap(aws)
        # The stand-in's service does not read the endpoint's configuration for where answers go.
        aws.client("s3").create_bucket(Bucket="answers-of-all")
        runtime.output = "s3://answers-of-all/out"
        runtime.endpoints = Every(predictor.url)
        done = subprocess.run(
            [sys.executable, script.name],
            cwd=folder,
            env={
                **environment(),
                **aws.environment,
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime.url,
                "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(_jsii_cache()),
                "HOME": str(tmp_path),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert said in done.stdout
        (endpoint,) = aws.client("sagemaker").list_endpoints()["Endpoints"]
        assert endpoint["EndpointStatus"] == "InService"
        assert bool(runtime.requests) == ("predictor.predict" in text.partition("if DEPLOY:")[2])
