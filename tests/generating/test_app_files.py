"""The files of an app: the same bytes each time, and code that the linter, the formatter and the checker pass."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from cdk_modelbuilder.generating.app_files import app_files, with_settings
from cdk_modelbuilder.generating.plan import (
    AppPlan,
    ArtifactPlan,
    AsynchronousPlan,
    EndpointPlan,
    HostingKind,
    Part,
    Pipeline,
    ResourcesPlan,
    ServerlessPlan,
    VpcPlan,
)
from cdk_modelbuilder.generating.stack_source import stack_source
from tests.generating.conftest import every_hosting

REPOSITORY = Path(__file__).resolve().parents[2]
EVERYTHING = EndpointPlan(
    name="all-there-is",
    bundle='../it\'s "here"/bundle',
    instance_type="ml.c6i.large",
    initial_instance_count=3,
    stack_name="service",
    endpoint_name="live",
    role_arn="arn:aws:iam::123456789012:role/model",
    vpc=VpcPlan(vpc_id="vpc-1", subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",), allow_all_outbound=False),
    network_isolation=False,
    environment={"QUOTES": "\"'\\\n", "LONG": "x" * 200, "WIDE": "漢" * 60},
    signing_secret="arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf",
    artifact=ArtifactPlan(bucket="artifacts", prefix="models", form="folder"),
    encrypt_storage=False,
    verify_on_deploy=True,
    monitor=False,
)
OTHERS = (
    EndpointPlan(
        name="a10",
        bundle="build/a10",
        hosting=HostingKind.ASYNCHRONOUS,
        instance_type="ml.c6i.large",
        asynchronous=AsynchronousPlan(
            output_s3_uri="s3://bucket/out", input_s3_uri="s3://bucket/in/", max_concurrent_invocations_per_instance=4
        ),
        public_key="keys/release.pub",
    ),
    EndpointPlan(
        name="a9",
        bundle="build/a9",
        hosting=HostingKind.COMPONENTS,
        instance_type="ml.g5.xlarge",
        max_instance_count=4,
        resources=ResourcesPlan(memory=2048, max_memory=4096, num_accelerators=1, num_cpus=0.5, copies=2),
        artifact=ArtifactPlan(uri="s3://bucket/x/model.tar.gz", digest="a" * 64),
    ),
    EndpointPlan(
        name="Z-upper",
        bundle="build/z",
        hosting=HostingKind.SERVERLESS,
        serverless=ServerlessPlan(memory_mib=3072, max_concurrency=20, provisioned_concurrency=2),
        signing_secret="keys",
    ),
)
PLAN = AppPlan(name="every option", endpoints=(EVERYTHING, *OTHERS), account="123456789012", region="eu-west-1")


def written(folder: Path, plan: AppPlan) -> Path:
    for path, text in app_files(plan).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plans(iris_bundle, tmp_path_factory) -> dict[str, AppPlan]:
    folder = tmp_path_factory.mktemp("nowhere")
    example = EndpointPlan(name="iris", bundle="build/iris", instance_type="ml.c6i.large", initial_instance_count=2)
    return {
        "every hosting": every_hosting(iris_bundle, folder, pipeline=Pipeline.GITHUB),
        "every option": PLAN,
        "example": AppPlan(name="example", endpoints=(example,), pipeline=Pipeline.GITLAB, example=True),
    }


def run(*words: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_and_the_formatter_pass_it_as_written(plans, tmp_path):
    for number, plan in enumerate(plans.values()):
        folder = written(tmp_path / str(number), plan)
        run("ruff", "check", "--isolated", ".", cwd=folder)
        run("ruff", "format", "--isolated", "--check", ".", cwd=folder)
    run("ruff", "check", ".", cwd=tmp_path)  # from above, with the settings that each app brings
    run("ruff", "format", "--check", ".", cwd=tmp_path)


def test_code_knows_what_the_plan_says():
    tree = ast.parse(stack_source(EVERYTHING))
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {*EVERYTHING.environment.values(), EVERYTHING.bundle, "vpc-1", "subnet-2", "sg-1", "live", 3} <= literals


def test_only_what_differs_from_the_defaults_stands_in_a_stack(iris_bundle, tmp_path):
    plan = every_hosting(iris_bundle, tmp_path).endpoints[0]
    for word in ("vpc", "environment", "role", "encrypt", "isolation", "artifact", "endpoint_name", "verify"):
        assert f"{word}=" not in stack_source(plan)


def test_the_same_plan_gives_the_same_bytes_in_another_process():
    code = (
        "import json, sys; from cdk_modelbuilder.generating.app_files import app_files;"
        "from cdk_modelbuilder.generating.plan import AppPlan;"
        "print(json.dumps(app_files(AppPlan.from_json(json.load(sys.stdin)))))"
    )
    shuffled = json.dumps(PLAN.to_json(), sort_keys=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=shuffled,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert json.loads(done.stdout) == app_files(PLAN)


def test_nothing_of_this_machine_is_in_it(plans):
    for plan in plans.values():
        for path, text in app_files(plan).items():
            assert str(REPOSITORY) not in text, path
            assert str(Path.home()) not in text, path
            assert text.endswith("\n"), path
            assert not text.endswith("\n\n"), path


def test_the_reduced_set_is_a_whole_app(plans):
    everything = app_files(plans["example"])
    reduced = app_files(plans["example"], {Part.APP})
    assert {"app.py", "cdk.json", "README.md", "requirements.txt", "stacks/iris_stack.py"} <= set(reduced)
    assert set(reduced) < set(everything)
    assert "requirements-dev.txt" not in reduced["README.md"]
    assert "pytest" not in reduced["README.md"]


def test_packages_that_bundles_pin_differently_are_not_pinned():
    endpoints = [
        EndpointPlan(name="a", bundle="a", instance_type="ml.c6i.large", packages=("numpy==1.26.4", "scipy==1.1")),
        EndpointPlan(name="b", bundle="b", instance_type="ml.c6i.large", packages=("numpy==2.0.0", "scipy==1.1")),
    ]
    text = app_files(AppPlan(name="two", endpoints=tuple(endpoints)))["requirements-dev.txt"]
    assert "numpy  # the bundles have 1.26.4, 2.0.0\nscipy==1.1\n" in text


def test_the_tables_are_what_their_sources_give():
    script = REPOSITORY / "scripts" / "make_app_tables.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}Run: python scripts/make_app_tables.py"


def test_paths_of_any_kind_are_read_back_from_every_file(tmp_path):
    names = ("it's: # so", 'a "b" $c', "-x 漢😀", "[a]{b}", "back\\slash")
    endpoints = tuple(
        EndpointPlan(name=f"m{number}", bundle=f"build/{name}", instance_type="ml.c6i.large")
        for number, name in enumerate(names)
    )
    folder = written(tmp_path, AppPlan(name="paths", endpoints=endpoints, pipeline=Pipeline.GITLAB))
    paths = [one.bundle for one in endpoints]
    commands = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())["deploy"]["script"]
    pushed = [shlex.split(line)[-1] for line in commands if "keys push" in line]
    settings = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]
    assert pushed == paths
    assert settings["ruff"]["extend-exclude"] == sorted(paths)
    for path in paths:
        assert any(re.match(pattern, f"{path}/model/x.py") for pattern in settings["mypy"]["exclude"])
    for number, path in enumerate(paths):
        tree = ast.parse((folder / f"stacks/m{number}_stack.py").read_text())
        assert path in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    run("ruff", "check", ".", cwd=folder)
    run("ruff", "format", "--check", ".", cwd=folder)


@pytest.mark.parametrize("value", ["", "build", "build/two words", 'a "quoted" $OUT && b', "back\\slash", "it's: # so"])
def test_settings_of_a_workflow_are_read_as_they_are_meant(value):
    text = "env:\n  # The first.\n  A: old\n  B: other\n"
    assert yaml.safe_load(with_settings(text, {"A": value})) == {"env": {"A": value, "B": "other"}}


def test_a_setting_that_the_workflow_lacks_is_noticed():
    with pytest.raises(ValueError, match="no setting C"):
        with_settings("env:\n  A: old\n", {"C": "new"})
