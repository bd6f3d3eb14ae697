"""The pipelines: what they may do and who sees a secret; and the report of GitLab's, run here on a real repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.generating.app_files import app_files
from cdk_modelbuilder.generating.app_planning import Wishes, plan_app
from cdk_modelbuilder.generating.plan import AppPlan, ArtifactPlan, EndpointPlan, Pipeline
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.generating.writing import write_app
from tests.conftest import MASTER_KEY

EXAMPLE = plan_app(Path("service"), Wishes())
GIVEN = AppPlan(
    name="given",
    endpoints=tuple(
        EndpointPlan(name=name, bundle=f"build/{name}", instance_type="ml.c6i.large", artifact=ArtifactPlan(bucket="b"))
        for name in ("churn", "loss")
    ),
)
BOTH = AppPlan(name="both", endpoints=(*EXAMPLE.endpoints, GIVEN.endpoints[0]), example=True)
PLANS = {"example": EXAMPLE, "given": GIVEN, "both": BOTH}
ACTION = re.compile(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+")
SETTINGS = {"stages", "workflow", "default", "variables", "include"}


def with_pipeline(plan: AppPlan, pipeline: Pipeline) -> dict[str, str]:
    return app_files(AppPlan.from_json({**plan.to_json(), "pipeline": pipeline.value}))


@pytest.fixture(params=PLANS)
def github(request) -> dict[str, dict]:
    files = with_pipeline(PLANS[request.param], Pipeline.GITHUB)
    return {Path(path).name: yaml.safe_load(text) for path, text in files.items() if ".github/" in path}


@pytest.fixture(params=PLANS)
def gitlab(request) -> dict[str, dict]:
    return yaml.safe_load(with_pipeline(PLANS[request.param], Pipeline.GITLAB)[".gitlab-ci.yml"])


def test_no_pipeline_is_no_file():
    assert not [path for path in with_pipeline(EXAMPLE, Pipeline.NONE) if ".git" in path and path != ".gitignore"]


def test_github_runs_what_it_should_when_it_should(github):
    assert sorted(github) == ["deploy.yml", "pull-request.yml", "test.yml"]
    assert set(github["test.yml"][True]) == {"pull_request", "workflow_call"}  # YAML 1.1 reads `on` as true
    assert github["deploy.yml"][True] == {"push": {"branches": ["main"]}}
    deploy = github["deploy.yml"]["jobs"]["deploy"]
    assert (deploy["needs"], deploy["environment"]) == ("test", "production")
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}


def test_github_gives_secrets_to_nothing_that_a_pull_request_can_change(github):
    for name, workflow in github.items():
        assert workflow["permissions"] == {}, name
        if name != "deploy.yml":
            assert "secrets." not in json.dumps(workflow)
            assert "pull_request_target" not in json.dumps(list(workflow.items()), default=str)
    with_key = [step["name"] for step in github["deploy.yml"]["jobs"]["deploy"]["steps"] if "secrets." in str(step)]
    assert with_key[-1] == "Deploy"
    assert len(with_key) == 2


def test_github_steps_are_sound(github):
    for workflow in github.values():
        for job in workflow["jobs"].values():
            if "uses" in job:
                assert job["uses"] == "./.github/workflows/test.yml"
                continue
            assert job["runs-on"] == "ubuntu-24.04"
            assert job["timeout-minutes"]
            for step in job["steps"]:
                assert ("run" in step) != ("uses" in step)
                assert "uses" not in step or ACTION.fullmatch(step["uses"])
                assert "${{" not in step.get("run", "")
                bash = subprocess.run(["bash", "-n"], input=step.get("run", ""), capture_output=True, text=True)
                assert bash.returncode == 0, bash.stderr


def test_gitlab_gives_the_credentials_to_the_deployment_alone(gitlab):
    jobs = {name: job for name, job in gitlab.items() if name not in SETTINGS}
    assert list(jobs) == ["test", "report", "note", "deploy"]
    assert [name for name, job in jobs.items() if "id_tokens" in job] == ["deploy"]
    assert [name for name, job in jobs.items() if "environment" in job] == ["deploy"]
    assert [name for name, job in jobs.items() if "REPORT_TOKEN" in json.dumps(job)] == ["note"]
    (rule,) = jobs["deploy"]["rules"]
    assert (rule["when"], rule["if"]) == ("manual", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
    assert jobs["note"]["variables"] == {"GIT_STRATEGY": "none"}
    for job in jobs.values():
        assert job["stage"] in gitlab["stages"]
        assert set(job.get("needs", [])) <= set(jobs)
        assert all(isinstance(line, str) for line in job["script"])
        bash = subprocess.run(["bash", "-n"], input="\n".join(job["script"]), capture_output=True, text=True)
        assert bash.returncode == 0, bash.stderr


@pytest.mark.parametrize(
    ("plan", "built", "whole", "keys"), [(EXAMPLE, True, True, 1), (GIVEN, False, False, 2), (BOTH, True, False, 2)]
)
def test_golden_tests_wait_for_the_key_that_signed_their_bundles(plan, built, whole, keys):
    github, gitlab = (with_pipeline(plan, pipeline) for pipeline in (Pipeline.GITHUB, Pipeline.GITLAB))
    jobs = yaml.safe_load(gitlab[".gitlab-ci.yml"])
    tests = github[".github/workflows/test.yml"], "\n".join(jobs["test"]["script"])
    deploys = github[".github/workflows/deploy.yml"], "\n".join(jobs["deploy"]["script"])
    for text in tests:
        assert ("cdk-modelbuilder build" in text) == built
        assert ("not golden" in text) != whole
    for text in deploys:
        assert ("cdk-modelbuilder build" in text) == built
        assert "not golden" not in text
        assert text.count("keys push") == keys
        assert "cdk-modelbuilder publish" not in text  # they were published by who built them


@pytest.mark.heavy
def test_the_report_of_gitlab(iris_bundle, tmp_path):
    """The job's own lines, with the installed packages in the place of those that it would fetch."""
    repository = tmp_path / "repository"
    shutil.copytree(iris_bundle.path, repository / "build/iris")
    bundle = ModelBundle.read(repository / "build/iris")
    plan = AppPlan(name="one", endpoints=(plan_endpoint(bundle, repository),), pipeline=Pipeline.GITLAB)
    write_app(repository, plan)
    (repository / ".gitignore").write_text("__pycache__/\n")
    shims = {
        "pip": "exit 0",
        "npm": "exit 0",
        "npx": f'shift 2; CDK_OUTDIR="$3" CDK_VALIDATION=false CDK_CONTEXT_JSON="{{}}" exec {sys.executable} app.py',
        "python": 'mkdir -p "$3/bin"; touch "$3/bin/activate"',
        "cdk-modelbuilder": f'exec {sys.executable} -m cdk_modelbuilder.cli "$@"',
    }
    (tmp_path / "bin").mkdir()
    for name, line in shims.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def git(*words: str) -> None:
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", *identity, *words], cwd=repository, check=True, capture_output=True)

    git("init", "-b", "main")
    git("remote", "add", "origin", str(repository))
    git("add", ".")
    git("commit", "-m", "first")
    git("switch", "-c", "change")
    golden = repository / "build/iris/golden.json"
    golden.write_text(golden.read_text().replace("application/x-npy", "text/csv"))
    stack = repository / "stacks/iris_stack.py"
    stack.write_text(stack.read_text().replace("ml.c6i.large", "ml.c6i.xlarge"))
    git("commit", "-am", "larger")
    job = yaml.safe_load((repository / ".gitlab-ci.yml").read_text())["report"]
    variables = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "MODELBUILDER_MASTER_KEY": MASTER_KEY,
    }
    script = "set -eo pipefail\n" + "\n".join(job["script"])
    done = subprocess.run(["bash", "-c", script], cwd=repository, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (repository / "report.md").read_text()
    assert "`ml.c6i.large` → `ml.c6i.xlarge`" in report
    assert report.index("### Bundle `iris`") < report.index("### Stack `iris-endpoint`")
