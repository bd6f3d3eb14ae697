"""Node and the CDK CLI, against what the installed aws-cdk-lib writes: trees of package.json, and the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdk_modelbuilder.local.doctor import cdk_cli, node
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.node_modules import cdk_clis
from cdk_modelbuilder.local.doctor.platforms import Platform

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A folder with a CDK app, aws-cdk-lib 2.275.0 that writes schema 55, and nothing on PATH."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "cdk.json").write_text("{}")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JSII_NODE", raising=False)
    for module in (cdk_cli, node):
        monkeypatch.setattr(module, "cdk_library", lambda: "2.275.0")
    monkeypatch.setattr(cdk_cli, "written_schema", lambda: 55)
    monkeypatch.setattr(cdk_cli, "first_cli", lambda: "2.1148.0")
    return folder


def install(folder, version, schema, *, on_path=None, section="devDependencies"):
    package = folder / "node_modules" / "aws-cdk"
    (package / "bin").mkdir(parents=True)
    data = {"name": "aws-cdk", "version": version, "engines": {"node": ">= 20.1.0"}}
    if schema:
        data[section] = {"@aws-cdk/cloud-assembly-schema": schema}
    (package / "package.json").write_text(json.dumps(data))
    if on_path:
        script = package / "bin" / "cdk"
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)
        (on_path / "cdk").symlink_to(script)


def program(folder, name, script):
    path = folder.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def found(folder, check=cdk_cli.CHECK):
    return examine([check], Circumstances(folder=folder, system=Platform.DEBIAN))


def test_a_cli_that_reads_the_assemblies(app):
    install(app, "2.1148.1", ">=55.5.0")
    [finding] = found(app)
    assert finding.outcome is Outcome.OK
    assert "npx cdk" in finding.detail


def test_a_higher_number_that_reads_less_is_too_old(app):
    install(app, "3.0.0", "43.1.0")
    [finding] = found(app)
    assert finding.outcome is Outcome.FAILURE
    assert "up to version 43" in finding.detail
    assert "writes 55" in finding.detail
    assert finding.commands == ("npm install --save-dev aws-cdk@2.1148.0", "npx cdk --version")


@pytest.mark.parametrize(("version", "outcome"), [("2.1148.0", "ok"), ("2.1147.9", "failure"), ("2.999.0", "failure")])
def test_a_cli_that_does_not_say_what_it_reads_is_judged_by_its_number(app, version, outcome):
    install(app, version, None)
    [finding] = found(app)
    assert finding.outcome == outcome


def test_where_nobody_says_what_is_read_it_is_a_warning(app, monkeypatch):
    monkeypatch.setattr(cdk_cli, "first_cli", lambda: None)
    install(app, "2.1148.0", None)
    [finding] = found(app)
    assert finding.outcome is Outcome.WARNING


def test_the_projects_own_counts_and_the_one_on_path_is_warned_of(app, tmp_path):
    install(app, "2.1148.1", "55.5.0", section="dependencies")
    install(tmp_path / "global", "3.0.0", "43.1.0", on_path=tmp_path / "bin")
    own, on_path = found(app)
    assert own.outcome is Outcome.OK
    assert on_path.outcome is Outcome.WARNING
    assert "npx" in on_path.remedy


def test_one_on_path_alone_fails_when_it_is_too_old(app, tmp_path):
    install(tmp_path / "global", "3.0.0", "43.1.0", on_path=tmp_path / "bin")
    [finding] = found(app)
    assert finding.outcome is Outcome.FAILURE


def test_the_same_one_in_both_places_is_one(app, tmp_path):
    install(app, "2.1148.1", "55.5.0", on_path=tmp_path / "bin")
    [cli] = cdk_clis(app / "below" / "it")
    assert cli.command == "npx cdk"


def test_no_cli_and_no_library(app, monkeypatch):
    [finding] = found(app)
    assert finding.commands == ("npm install --save-dev aws-cdk@2.1148.0",)
    monkeypatch.setattr(cdk_cli, "cdk_library", lambda: None)
    library, cli = found(app)
    assert library.commands == ("pip install 'cdk-modelbuilder[cdk]'",)
    assert cli.outcome is Outcome.FAILURE
    monkeypatch.setattr(node, "cdk_library", lambda: None)
    (app / "cdk.json").unlink()
    assert [one.outcome for one in (*found(app), *found(app, node.CHECK))] == ["skipped", "skipped"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "other"}', '{"name": "aws-cdk", "engines": 7}'])
def test_a_broken_package_is_none_or_a_warning(app, text):
    install(app, "2.1", None)
    (app / "node_modules" / "aws-cdk" / "package.json").write_text(text)
    [finding] = found(app)
    assert finding.outcome is Outcome.FAILURE


def test_what_is_installed_here_agrees():
    if cdk_cli.written_schema() is None:
        pytest.skip("aws-cdk-lib is not installed")
    assert cdk_cli.written_schema() >= 55
    assert cdk_cli.first_cli().startswith("2.")
    clis = cdk_clis(REPOSITORY)
    assert all(cli.schema and cli.version for cli in clis)


def test_node_is_found_and_new_enough(app):
    program(app, "node", "echo v22.11.0")
    install(app, "2.1148.1", "55.5.0")
    [finding] = found(app, node.CHECK)
    assert finding.outcome is Outcome.OK
    assert "Node 22.11.0" in finding.detail


@pytest.mark.parametrize("script", ["echo v18.19.0", "exit 1", "echo nonsense", "echo v22.1.0; exit 127"])
def test_node_is_too_old_or_broken(app, script):
    program(app, "node", script)
    install(app, "2.1148.1", "55.5.0")
    [finding] = found(app, node.CHECK)
    assert finding.outcome is Outcome.FAILURE
    assert "sudo apt-get install nodejs npm" in finding.commands


def test_jsii_may_name_another_node(app, monkeypatch, tmp_path):
    [finding] = found(app, node.CHECK)
    assert "no node on PATH" in finding.detail
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho v24.0.0\n")
    other.chmod(0o755)
    monkeypatch.setenv("JSII_NODE", str(other))
    assert found(app, node.CHECK)[0].outcome is Outcome.OK
