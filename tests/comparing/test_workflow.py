"""The workflow for pull requests: what it may do, and its steps, run here against a real repository and a fake gh."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdk_modelbuilder._version import __version__
from tests.comparing import fake_gh
from tests.comparing.homes import commit, edit_json, git
from tests.comparing.stacks import endpoint, synthesize

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "templates" / "ci" / "github" / "pull-request.yml"
MARKER = "<!-- cdk-modelbuilder diff -->"
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return yaml.safe_load(PATH.read_text("utf-8"))


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_it_runs_for_pull_requests_without_the_rights_of_the_base(workflow):
    assert workflow[True] == {"pull_request": None}  # YAML 1.1 reads `on` as a truth value
    assert "pull_request_target" not in PATH.read_text()


def test_each_job_may_do_what_it_needs_and_no_more(workflow):
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["compare"]["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    # What runs code of the pull request has no token, not even in git's configuration.
    checkout = workflow["jobs"]["compare"]["steps"][0]
    assert checkout["with"]["persist-credentials"] is False
    assert "token" not in json.dumps(workflow["jobs"]["compare"]).lower()
    assert [step["name"] for step in steps_of(workflow) if "GH_TOKEN" in step.get("env", {})] == ["Comment"]
    assert not [step for step in workflow["jobs"]["comment"]["steps"] if "uses" in step]


def test_nothing_of_an_event_gets_into_a_script(workflow):
    for step in steps_of(workflow):
        assert "${{" not in step.get("run", ""), step["name"]
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for value in step.get("env", {}).values():
                (inside,) = EXPRESSION.findall(value)
                assert inside.strip() in {
                    "github.token", "github.event.pull_request.number", "needs.compare.outputs.report",
                }  # fmt: skip


def test_actions_are_githubs_own_and_pinned(workflow):
    used = [step["uses"] for step in steps_of(workflow) if "uses" in step]
    assert [name.partition("@")[0] for name in used] == ["actions/checkout", "actions/setup-python"]
    assert all(re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", name) for name in used)
    assert all(job["runs-on"] == "ubuntu-24.04" and job["timeout-minutes"] <= 30 for job in workflow["jobs"].values())


def test_tools_are_pinned_to_what_is_tested_here(workflow):
    assert workflow["env"]["TOOL"] == f"cdk-modelbuilder=={__version__}"
    cli = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    assert f"aws-cdk@{cli} " in workflow["env"]["SYNTH"]


def test_scripts_are_valid_bash(workflow):
    for step in steps_of(workflow):
        if "run" in step:
            done = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True)
            assert done.returncode == 0, done.stderr


@dataclass
class Runner:
    """Runs the steps of the workflow as GitHub's runner would, where they are shell scripts."""

    workflow: dict[str, Any]
    repository: Path
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        gh = self.tools / "gh"
        gh.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake_gh.__file__}" "$@"\n')
        gh.chmod(0o755)
        self.state = self.folder / "comments.json"
        self.state.write_text(
            json.dumps([
                {"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER}\nnot ours"},
                {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
            ])
        )  # fmt: skip
        self.summary = ""

    def run(self, status: int = 0) -> dict[str, str]:
        """One run of both jobs; returns the outputs of the step that compares."""
        temporary = self.folder / "temp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        git(self.repository, "worktree", "prune")
        for name in ("tool", "base.venv", "head.venv"):
            (temporary / name).symlink_to(Path(sys.prefix))  # what the step "Install" makes
        files = {name: temporary / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        environment = {
            **os.environ, **self.workflow["env"], **self.settings, **{name: str(path) for name, path in files.items()},
            "RUNNER_TEMP": str(temporary), "GITHUB_REPOSITORY": "owner/name", "FAKE_GH_STATE": str(self.state),
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        for name in ("Lay out both sides", "Build and synthesize both sides", "Compare"):
            self.step("compare", name, environment)
        outputs = dict(line.partition("=")[::2] for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        self.summary = files["GITHUB_STEP_SUMMARY"].read_text()
        gate = 1 if outputs["blocked"] == "true" else 0
        assert gate == status
        if gate:
            self.step("compare", "Gate", environment, status=1)
        own = {"GH_TOKEN": "the job's token", "NUMBER": "7", "REPORT": outputs["report"]}
        self.step("comment", "Comment", {**environment, **own})
        return outputs

    def step(self, job: str, name: str, environment: dict[str, str], status: int = 0) -> None:
        (step,) = [step for step in self.workflow["jobs"][job]["steps"] if step["name"] == name]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.repository, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == status, f"{name}\n{done.stdout}\n{done.stderr}"

    @property
    def comments(self) -> list[str]:
        """Bodies of the comments that are the workflow's own."""
        found = json.loads(self.state.read_text())
        assert found[0]["body"].endswith("not ours")
        assert found[1]["body"] == "of another workflow"
        return [comment["body"] for comment in found[2:]]


@pytest.fixture
def pull_request(repository, homes, tmp_path, workflow) -> Runner:
    """A repository whose first commit has a bundle as bundles are committed: without archive and weights."""
    shutil.copytree(homes.path, repository / "build/homes", ignore=shutil.ignore_patterns("*.tar.gz", "model.pkl"))
    commit(repository, "base")
    return Runner(workflow, repository, tmp_path, {"SYNTH": ""})


def replace(repository: Path, bundle) -> None:
    shutil.rmtree(repository / "build/homes")
    shutil.copytree(bundle.path, repository / "build/homes", ignore=shutil.ignore_patterns("*.tar.gz", "model.pkl"))


def test_one_comment_that_is_kept_up_to_date(pull_request, other_homes, homes):
    repository = pull_request.repository
    replace(repository, other_homes)
    commit(repository, "other weights")
    pull_request.run()
    (body,) = pull_request.comments
    assert body.startswith(f"{MARKER}\n### Bundle `homes`\n\nmodel digest `{homes.root_sha256[:12]}` →")
    assert pull_request.summary in body
    # A second push: the same comment.
    edit_json(repository / "build/homes/container.json", lambda spec: spec["environment"].update(LEVEL="5"))
    git(repository, "reset", "-q", "--soft", "HEAD~1")
    commit(repository, "and a variable")
    pull_request.run()
    (body,) = pull_request.comments
    assert "variable `LEVEL`: added `5`" in body
    # What is taken back is said to be so.
    replace(repository, homes)
    git(repository, "reset", "-q", "--soft", "HEAD~1")
    commit(repository, "taken back")
    outputs = pull_request.run()
    assert pull_request.comments == [f"{MARKER}\nNo change for the service any more.\n"]
    assert outputs["blocked"] == "false"


def test_no_comment_where_nothing_changes(pull_request):
    (pull_request.repository / "README.md").write_text("words\n")
    commit(pull_request.repository, "words")
    pull_request.run()
    assert pull_request.comments == []
    assert pull_request.summary == ""


def test_a_bundle_that_is_new(pull_request, homes):
    repository = pull_request.repository
    shutil.copytree(repository / "build/homes", repository / "build/second")
    commit(repository, "second")
    pull_request.run()
    (body,) = pull_request.comments
    assert "### Bundle `homes` in `second`\n\nnew bundle" in body


def test_the_gate_comments_and_fails(pull_request, other_homes):
    replace(pull_request.repository, other_homes)
    commit(pull_request.repository, "other weights")
    pull_request.settings["FAIL_ON"] = "schema,golden"
    pull_request.run(status=1)
    assert len(pull_request.comments) == 1
    pull_request.settings["FAIL_ON"] = "schema"
    pull_request.run(status=0)


def test_text_of_a_pull_request_reaches_no_shell(pull_request):
    """Names and values made to break out of a script, of an output, and of the marker."""
    evil = "$(touch hacked) `touch hacked`; touch hacked\nreport=x\nEOF\n<!-- cdk-modelbuilder diff -->"
    path = pull_request.repository / "build/homes/container.json"
    edit_json(path, lambda spec: spec["environment"].update({evil: evil}))
    commit(pull_request.repository, evil)
    pull_request.run()
    (body,) = pull_request.comments
    assert body.count(f"\n{MARKER}") == 0
    assert not list(pull_request.folder.rglob("hacked"))


APP = """
import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from cdk_modelbuilder.constructs import Artifact, ModelEndpoint

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Service", env=cdk.Environment(account="123456789012", region="eu-west-1"))
key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "cdk-modelbuilder/homes")
ModelEndpoint(
    stack, "Homes", bundle="build/homes", instance_type="INSTANCE", signing_secret=key,
    artifact=Artifact.published("artifacts"),
)
app.synth()
"""


def with_app(pull_request: Runner, other_homes) -> None:
    repository = pull_request.repository
    (repository / "cdk.json").write_text(json.dumps({"app": "python app.py"}))
    for number, instance in enumerate(("ml.m5.large", "ml.m5.xlarge")):
        (repository / "app.py").write_text(APP.replace("INSTANCE", instance))
        if number:
            replace(repository, other_homes)
        commit(repository, f"app {number}")


def check_app(pull_request: Runner) -> None:
    (body,) = pull_request.comments
    assert "### Bundle `homes`" in body
    assert "### Stack `Service`" in body
    assert "instance type `ml.m5.large` → `ml.m5.xlarge`" in body
    assert len(body) <= 65_536


def test_stacks_of_both_sides(pull_request, other_homes):
    with_app(pull_request, other_homes)
    pull_request.settings["SYNTH"] = 'CDK_OUTDIR="$OUT" python app.py'
    pull_request.run()
    check_app(pull_request)


def test_a_base_that_cannot_be_synthesized_and_a_head_that_cannot(pull_request, homes):
    repository = pull_request.repository
    synthesize(repository / "assembly", endpoint(homes))
    pull_request.settings |= {"BUILD": "test -f ready", "SYNTH": 'cp -R assembly/. "$OUT"'}
    (repository / "ready").touch()
    commit(repository, "ready, as the base is not")
    pull_request.run()
    assert "### Stack `Service`\n\nnew stack" in pull_request.comments[0]
    (repository / "ready").unlink()
    commit(repository, "not ready any more")
    with pytest.raises(AssertionError, match="Build and synthesize both sides"):
        pull_request.run()


@pytest.mark.slow
def test_stacks_of_both_sides_with_the_real_cdk_cli(pull_request, other_homes):
    cdk = ROOT / "node_modules/.bin/cdk"
    if not cdk.exists():
        pytest.skip("the CDK CLI is not installed: run `make setup`")
    npx = pull_request.tools / "npx"  # knows one package, which is here already
    npx.write_text(f'#!/bin/sh\n[ "$1" = --yes ] && shift 2\nexec "{cdk}" "$@"\n')
    npx.chmod(0o755)
    del pull_request.settings["SYNTH"]  # the workflow's own
    with_app(pull_request, other_homes)
    pull_request.run()
    check_app(pull_request)
