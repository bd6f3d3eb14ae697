"""A generated app does what it was written for: its own tests pass, and fail where they should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.generating.app_planning import Wishes, plan_app
from cdk_modelbuilder.generating.plan import (
    AppPlan,
    ArtifactPlan,
    AsynchronousPlan,
    HostingKind,
    Part,
    Pipeline,
    VpcPlan,
)
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.generating.writing import write_app
from tests.aws_stand_in import CdkCliMissing
from tests.aws_stand_in.cdk_cli import _node, _script
from tests.generating.conftest import every_hosting
from tests.generating.generated import run_in, run_tests


@pytest.fixture(scope="module")
def app(iris_bundle, tmp_path_factory) -> Path:
    """An app with an endpoint of each kind of hosting, whose tests have run once."""
    folder = tmp_path_factory.mktemp("generated") / "app"
    bundle = folder / "build" / "iris"
    shutil.copytree(iris_bundle.path, bundle)
    write_app(folder, every_hosting(ModelBundle.read(bundle), folder, pipeline=Pipeline.GITHUB))
    text = run_tests(folder, "tests/test_templates.py", "tests/test_golden.py")
    assert "9 passed" in text  # four templates, their list, four golden tests
    return folder


def synthesize(folder: Path, out: Path) -> dict[str, dict]:
    """Run app.py as the CDK CLI does; name of each stack and its template."""
    context = json.loads((folder / "cdk.json").read_text())["context"]
    run_in(folder, "app", CDK_CONTEXT_JSON=json.dumps(context), CDK_OUTDIR=str(out), CDK_VALIDATION="false")
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in out.glob("*.template.json")
    }


def test_the_first_run_writes_the_snapshots_without_digests(app, iris_bundle):
    snapshots = {path.name: path.read_text() for path in (app / "tests/snapshots").iterdir()}
    assert sorted(snapshots) == [
        f"iris-{kind.value}-endpoint.json" for kind in sorted(HostingKind, key=lambda k: k.value)
    ]
    for text in snapshots.values():
        for digest in (iris_bundle.root_sha256, iris_bundle.manifest.sha256, iris_bundle.artifact_digest):
            assert digest not in text
        assert iris_bundle.key_id not in text
        assert "AWS::SageMaker::Endpoint" in text


def test_only_what_changes_the_infrastructure_fails_the_snapshots(app, tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    copy = tmp_path / "app"
    shutil.copytree(app, copy)
    X, y = load_iris(return_X_y=True)
    schema = SchemaBuilder(X[:5], y[:5])
    other = LogisticRegression(max_iter=1000, C=0.5).fit(X, y)
    ModelBuilder(
        model=other, schema_builder=schema, name="iris", model_path=copy / "build/iris", dependencies={"auto": False}
    ).build()
    stack = copy / "stacks/iris_real_time_stack.py"
    stack.write_text(stack.read_text().replace("ml.c6i.large", "ml.c6i.xlarge"))
    snapshots = copy / "tests/snapshots"
    (snapshots / "iris-async-endpoint.json").unlink()
    text = run_tests(copy, "tests/test_templates.py", status=1, CI="true")
    assert "2 failed, 3 passed" in text
    assert "ml.c6i.xlarge" in text
    assert "run pytest here once, and commit iris-async-endpoint.json" in text


def test_golden_tests_fail_for_another_answer_and_need_the_models_files(iris_bundle, tmp_path):
    for name in ("right", "wrong", "text"):
        shutil.copytree(iris_bundle.path, tmp_path / "build" / name)
    golden = tmp_path / "build/wrong/golden.json"
    golden.write_text(golden.read_text().replace("application/x-npy", "text/csv"))
    shutil.rmtree(tmp_path / "build/text/model")
    bundles = {name: ModelBundle.read(tmp_path / "build" / name) for name in ("right", "wrong", "text")}
    endpoints = tuple(plan_endpoint(bundle, tmp_path, name=name) for name, bundle in bundles.items())
    write_app(tmp_path, AppPlan(name="golden", endpoints=endpoints))
    text = run_tests(tmp_path, "-rfs", "tests/test_golden.py", status=1)
    assert "1 failed, 1 passed, 1 skipped" in text
    assert "FAILED tests/test_golden.py::test_golden[wrong]" in text
    assert "only the text files of text are here" in text


def test_the_real_cdk_cli_takes_it(app, tmp_path):
    try:
        command = [_node(), _script(), "synth", "--quiet", "--no-validation", "--output", str(tmp_path / "out")]
    except CdkCliMissing as missing:
        pytest.skip(str(missing))
    node = Path(command[0]).parent
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(node), os.defpath])}
    done = subprocess.run(command, cwd=app, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.name for path in (tmp_path / "out").glob("*.template.json")}
    assert names == {f"iris-{kind.value}-endpoint.template.json" for kind in HostingKind}


def test_every_option_of_a_plan_is_in_the_template(iris_bundle, tmp_path):
    folder, out = tmp_path / "app", tmp_path / "out"
    shutil.copytree(iris_bundle.path, folder / "build/iris")
    bundle = ModelBundle.read(folder / "build/iris")
    vpc = VpcPlan(vpc_id="vpc-1", subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))
    options = {
        "initial_instance_count": 3,
        "instance_type": "ml.m5.xlarge",
        "endpoint_name": "live",
        "stack_name": "service",
        "role_arn": "arn:aws:iam::123456789012:role/model",
        "vpc": vpc,
        "environment": {"GREETING": 'it\'s "me"'},
        "signing_secret": "team/keys",
        "artifact": ArtifactPlan(bucket="artifacts", prefix="models"),
        "verify_on_deploy": True,
        "encrypt_storage": False,
        "monitor": False,
    }
    queue = AsynchronousPlan(output_s3_uri="s3://answers/out", input_s3_uri="s3://answers/in/")
    endpoints = (
        plan_endpoint(bundle, folder, **options),
        plan_endpoint(bundle, folder, name="own-group", vpc=VpcPlan(vpc_id="vpc-1", subnets=("subnet-1", "subnet-2"))),
        plan_endpoint(bundle, folder, name="queue", hosting=HostingKind.ASYNCHRONOUS, asynchronous=queue),
    )
    plan = AppPlan(name="options", endpoints=endpoints, account="123456789012", region="eu-west-1")
    write_app(folder, plan, parts={Part.APP})
    templates = synthesize(folder, out)
    assert set(templates) == {"service", "own-group-endpoint", "queue-endpoint"}
    resources = {one["Type"]: one["Properties"] for one in templates["service"]["Resources"].values()}
    model = resources["AWS::SageMaker::Model"]
    variant = resources["AWS::SageMaker::EndpointConfig"]["ProductionVariants"][0]
    container = model["PrimaryContainer"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.xlarge", 3)
    assert resources["AWS::SageMaker::Endpoint"]["EndpointName"] == "live"
    assert model["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/model"
    assert model["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    assert "Fn::GetAZs" not in json.dumps(templates["service"])
    assert container["Environment"]["GREETING"] == 'it\'s "me"'
    assert "secret:team/keys:SecretString:" in json.dumps(container["Environment"])
    assert container["ModelDataUrl"].startswith("https://artifacts.s3.") or "s3://artifacts/models" in json.dumps(
        container
    )
    assert "141502667606.dkr.ecr.eu-west-1" in json.dumps(container["Image"])
    assert "AWS::KMS::Key" not in resources
    assert "AWS::CloudWatch::Alarm" not in resources
    assert any(kind.startswith(("Custom::", "AWS::CloudFormation::CustomResource")) for kind in resources)
    own = {one["Type"]: one["Properties"] for one in templates["own-group-endpoint"]["Resources"].values()}
    assert own["AWS::EC2::SecurityGroup"]["VpcId"] == "vpc-1"
    asked = json.dumps(templates["queue-endpoint"])
    assert '"S3OutputPath": "s3://answers/out"' in asked
    assert "AWS::S3::Bucket" not in asked


def test_an_app_without_its_bundle_says_so_in_one_line(tmp_path):
    folder = tmp_path / "example"
    write_app(folder, plan_app(folder, Wishes()), parts={Part.APP})
    context = json.loads((folder / "cdk.json").read_text())["context"]
    text = run_in(folder, "app", status=1, CDK_CONTEXT_JSON=json.dumps(context), CDK_OUTDIR=str(tmp_path / "out"))
    assert "build/iris does not exist" in text
    assert "Traceback" not in text


def test_model_py_checks_the_bundles_it_names(app, iris_bundle):
    text = run_in(app, "model")
    assert text.count(iris_bundle.root_sha256) == len(HostingKind)


@pytest.mark.slow
def test_types_hold_where_the_cdk_is_not_looked_into(app):
    # All of the CDK's types take a minute: the heavy test below looks at them.
    settings = "[mypy]\nstrict = true\ndisallow_subclassing_any = false\nexclude = ^build/\n"
    settings += "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in ("aws_cdk", "constructs", "jsii"))
    (app.parent / "mypy.ini").write_text(settings)
    run_in(app, "mypy", "--config-file", "../mypy.ini", "--cache-dir", "../mypy", ".")


@pytest.mark.heavy
def test_types_hold(app):
    run_in(app, "mypy", "--cache-dir", "../mypy-whole", ".")


@pytest.mark.slow
def test_review_tools_find_what_is_wrong_and_nothing_else(app, tmp_path):
    pytest.importorskip("cdk_nag", exc_type=ImportError)
    copy = tmp_path / "app"
    shutil.copytree(app, copy)
    stack = copy / "stacks/iris_async_stack.py"
    stack.write_text(stack.read_text().replace("enforce_ssl=True", "enforce_ssl=False"))
    text = run_tests(copy, "tests/test_review.py", status=1)
    assert {*re.findall(r"AwsSolutions-\w+", text)} == {"AwsSolutions-S10"}


@pytest.mark.slow
def test_the_example_works_as_written(tmp_path):
    pytest.importorskip("cdk_nag", exc_type=ImportError)
    write_app(tmp_path, plan_app(tmp_path, Wishes(pipeline=Pipeline.GITLAB)))
    run_in(tmp_path, "cdk_modelbuilder.cli", "build", "model.py", "--output", "build/iris")
    assert "4 passed" in run_tests(tmp_path, CI="true", UPDATE_SNAPSHOTS="1")
    assert "AWS::SageMaker::Endpoint" in (tmp_path / "tests/snapshots/iris-endpoint.json").read_text()
    run_in(tmp_path, "ruff", "check", ".")
    run_in(tmp_path, "ruff", "format", "--check", ".")


@pytest.mark.heavy
def test_every_kind_of_app_passes_all_that_it_brings(iris_bundle, tmp_path):
    pytest.importorskip("cdk_nag", exc_type=ImportError)
    for kind in HostingKind:
        for pipeline in Pipeline:
            folder = tmp_path / f"{kind.value}-{pipeline.value}"
            shutil.copytree(iris_bundle.path, folder / "build/iris")
            bundle = ModelBundle.read(folder / "build/iris")
            plan = AppPlan(name="one", endpoints=(plan_endpoint(bundle, folder, hosting=kind),), pipeline=pipeline)
            write_app(folder, plan)
            assert "4 passed" in run_tests(folder)
            run_in(folder, "ruff", "check", ".")
            run_in(folder, "ruff", "format", "--check", ".")
            run_in(folder, "mypy", "--cache-dir", str(tmp_path / "mypy"), ".")
