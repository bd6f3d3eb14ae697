"""A generated app by its README: init, build, keys push, cdk deploy, another model, cdk destroy."""

from __future__ import annotations

import sys

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.generating.plan import AppPlan, HostingKind, Pipeline
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.generating.writing import write_app
from tests.aws_stand_in import AwsStandIn, CdkCli, CdkCliMissing
from tests.generating.generated import run_in

pytestmark = pytest.mark.heavy
NAMES = {kind: f"a-{kind.value}" for kind in HostingKind if kind is not HostingKind.REAL_TIME}


def test_every_hosting_is_deployed_updated_and_removed(tmp_path):
    folder = tmp_path / "service"
    with AwsStandIn() as aws:
        try:
            cdk = CdkCli(aws, [sys.executable, "app.py"], tmp_path / "cdk", cwd=folder)
        except CdkCliMissing as missing:
            pytest.skip(str(missing))
        run_in(tmp_path, "cdk_modelbuilder.cli", "init", "service", "--ci", "github")
        build = ("cdk_modelbuilder.cli", "build", "model.py", "--output", "build/iris")
        run_in(folder, *build)
        bundle = ModelBundle.read(folder / "build/iris")
        endpoints = tuple(
            plan_endpoint(bundle, folder, name=NAMES.get(kind), hosting=kind, endpoint_name=f"live-{kind.value}")
            for kind in HostingKind
        )
        write_app(folder, AppPlan(name="service", endpoints=endpoints, example=True, pipeline=Pipeline.GITHUB))
        cdk.bootstrap()
        push = ("cdk_modelbuilder.cli", "keys", "push", "build/iris")
        run_in(folder, *push, **aws.environment)
        cdk.deploy("--all")
        sagemaker = aws.client("sagemaker")
        names = {one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]}
        assert names == {f"live-{kind.value}" for kind in HostingKind}
        before = {name: sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] for name in names}

        model = folder / "model.py"
        model.write_text(model.read_text().replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
        run_in(folder, *build)
        run_in(folder, *push, **aws.environment)
        cdk.deploy("--all")
        after = {name: sagemaker.describe_endpoint(EndpointName=name) for name in names}
        for name, now in after.items():
            assert now["EndpointStatus"] == "InService"
            # A component's endpoint keeps its configuration: the component moves to the new model.
            assert (now["EndpointConfigName"] == before[name]) == (name == "live-components")
        root = ModelBundle.read(folder / "build/iris").root_sha256
        models = [sagemaker.describe_model(ModelName=one["ModelName"]) for one in sagemaker.list_models()["Models"]]
        assert [one["PrimaryContainer"]["Environment"]["MODELBUILDER_ROOT_SHA256"] for one in models] == [root] * 4
        cdk.destroy("--all")
        assert not sagemaker.list_endpoints()["Endpoints"]
