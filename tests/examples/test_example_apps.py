"""Each app below examples/ is synthesized as the CDK CLI does, deployed to the stand-in, updated, and removed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from cdk_modelbuilder import Mode, ModelBundle
from tests.aws_stand_in import client, create_stack, mended_aws
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.examples.example_apps import APPS, EXAMPLES, build_bundles

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return build_bundles(tmp_path_factory.mktemp("bundles"))


ELSEWHERE = ("real_time", "serverless", "canary")
"""What tests/constructs/test_deployed.py deploys in CI; `make test-all` deploys these as well."""


def name_of(script):
    return script.parent.name


def synthesize(script, context, out):
    settings = json.loads(script.with_name("cdk.json").read_text())
    variables = {
        **os.environ,
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({**settings["context"], **context}),
        "CDK_VALIDATION": "false",
    }
    done = subprocess.run(
        [sys.executable, *settings["app"].split()[1:]], cwd=script.parent, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (template,) = out.glob("*.template.json")
    return json.loads(template.read_text())


@pytest.mark.parametrize(
    "script",
    [pytest.param(one, marks=pytest.mark.heavy if name_of(one) in ELSEWHERE else (), id=name_of(one)) for one in APPS],
)
def test_an_example_is_deployed_and_removed(script, context, tmp_path):
    template = synthesize(script, context, tmp_path / "out")
    tumour = ModelBundle.read(context["bundle"])
    keys = {bundle.key_id: "00" * 32 for bundle in (tumour, ModelBundle.read(context["scaler"]))}
    with (
        SageMakerRuntime() as runtime,
        mended_aws(sagemaker_runtime=runtime.url),
        tumour.deploy(mode=Mode.LOCAL_PROCESS) as predictor,
    ):
        for name in ("tumour", "scaler"):
            client("secretsmanager").create_secret(Name=f"cdk-modelbuilder/{name}", SecretString=json.dumps(keys))
        endpoints = [r for r in template["Resources"].values() if r["Type"] == "AWS::SageMaker::Endpoint"]
        for endpoint in endpoints:
            runtime.endpoints[endpoint["Properties"].get("EndpointName", "unnamed")] = predictor.url
        outputs = create_stack(template, name="example", assets=tmp_path / "out")
        found = client("sagemaker").describe_endpoint(EndpointName=outputs["EndpointName"])
        assert found["EndpointStatus"] == "InService"
        gates = sum(r["Type"] == "Custom::ModelBuilderGoldenTest" for r in template["Resources"].values())
        assert bool(runtime.requests) == bool(gates)
        client("cloudformation").delete_stack(StackName="example")
        assert not client("sagemaker").list_endpoints()["Endpoints"]
        assert not client("sagemaker").list_models()["Models"]


def test_every_app_has_its_settings_and_says_how_to_run_it():
    assert len(APPS) >= 9
    for script in APPS:
        assert re.search(r"^ *cdk deploy", script.read_text(), re.MULTILINE)
        assert json.loads(script.with_name("cdk.json").read_text())["app"] == "python3 app.py"
    readme = (EXAMPLES / "README.md").read_text()
    assert not [script.parent.name for script in APPS if f"({script.parent.name}/app.py)" not in readme]
