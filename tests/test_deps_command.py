"""``cdk-modelbuilder deps`` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.cli.dependency_table import list_text
from cdk_modelbuilder.dependencies.record import RECORD_FILE, PackageRecord, read_record
from cdk_modelbuilder.dependencies.target import Target
from tests.dependencies.echo_bundle import build_echo
from tests.dependencies.local_wheels import make_wheel
from tests.dependencies.osv_stand_in import osv_service

HERE = Target.here().python


@pytest.fixture(scope="module")
def echo_path(tmp_path_factory) -> Path:
    return build_echo(tmp_path_factory.mktemp("deps") / "echo").path


@pytest.fixture
def links(tmp_path, monkeypatch) -> Path:
    """The only place that packages come from."""
    folder = tmp_path / "links"
    make_wheel(folder, "tiny-one", "1.0", requires=["tiny-two; python_version >= '3'"])
    make_wheel(folder, "tiny-two", "2.0")
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) and name not in ("UV_CACHE_DIR", "PIP_CACHE_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def bundle(echo_path, tmp_path, links) -> ModelBundle:
    """A copy with a list that the folder of wheels can satisfy."""
    shutil.copytree(echo_path, tmp_path / "echo")
    found = ModelBundle.read(tmp_path / "echo")
    put(
        found,
        PackageRecord("tiny-one", "1.0", "tiny-one==1.0", "imported by code/inference.py", in_image="0.9"),
        PackageRecord("tiny-two", "2.0", "tiny-two==2.0", "required by tiny-one", installed_by_container=False),
    )
    return found


def put(bundle: ModelBundle, *packages: PackageRecord, **facts) -> None:
    record = read_record(bundle)
    assert record is not None
    record = replace(record, packages=packages, **{"left_out": {"rich": "tiny-one goes on without it"}, **facts})
    (bundle.path / RECORD_FILE).write_bytes(json_bytes(record.to_json()))
    lines = "".join(f"{one.requirement}  # {one.reason}\n" for one in packages)
    (bundle.path / "requirements.lock").write_text(f"# why\n{lines}")


def deps(bundle: ModelBundle | Path, *words: object, status: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    path = bundle.path if isinstance(bundle, ModelBundle) else bundle
    done = subprocess.run(
        [sys.executable, "-m", "cdk_modelbuilder.cli", "deps", str(path), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "120", **env},
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_list_as_a_table(bundle):
    lines = deps(bundle).stdout.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["package", "version", "where", "why"],
        ["tiny-one", "1.0", *["installed", "at", "start,", "over", "0.9"], *["imported", "by", "code/inference.py"]],
        ["tiny-two", "2.0", *["in", "the", "image"], *["required", "by", "tiny-one"]],
    ]
    assert lines[3:6] == ["", "left out", "  rich  tiny-one goes on without it"]
    assert lines[-1].endswith("these are the versions of where it was built (--check asks)")


def test_the_list_for_machines_is_the_file(bundle):
    assert json.loads(deps(bundle, "--json").stdout) == json.loads((bundle.path / RECORD_FILE).read_bytes())


@pytest.mark.parametrize(
    ("packaging", "in_image", "installed", "where"),
    [
        ("install", None, True, "installed at start"),
        ("install", "1.0", False, "in the image"),
        ("install", None, False, "in the image"),
        ("wheels", "0.9", True, "wheel in the bundle, over 0.9"),
        ("image", "0.9", False, "put into your image, over 0.9"),
        ("image", None, False, "put into your image"),
        ("image", "1.0", False, "in the image"),
    ],
)
def test_where_a_package_comes_from(bundle, packaging, in_image, installed, where):
    package = PackageRecord(
        "tiny-one", "1.0", "tiny-one==1.0", "why", in_image=in_image, installed_by_container=installed
    )
    put(bundle, package, packaging=packaging)
    assert list_text(ModelBundle.read(bundle.path)).splitlines()[1] == f"tiny-one  1.0      {where:<5}  why"


def test_options_and_wheels_of_an_own_image_count(bundle, links):
    (links / "tiny_one-1.0-py3-none-any.whl").unlink()
    deps(bundle, "--check", status=1)
    make_wheel(bundle.path / "image" / "wheels", "tiny-one", "1.0")
    (bundle.path / "image" / "requirements.txt").write_text("--find-links wheels\ntiny-one==1.0\n")
    assert "all 2 packages are there" in deps(bundle, "--check").stdout


def test_a_bundle_without_the_file_shows_its_lock(bundle):
    (bundle.path / RECORD_FILE).unlink()
    shown = deps(bundle).stdout
    assert "tiny-two  2.0      -      required by tiny-one" in shown
    assert "there is no dependencies.json" in shown
    listed = json.loads(deps(bundle, "--json").stdout)
    assert [one["name"] for one in listed["packages"]] == ["tiny-one", "tiny-two"]
    assert listed["from"] == "requirements.lock"


def test_a_bundle_that_needs_nothing_says_so(bundle):
    put(bundle)
    assert deps(bundle).stdout.startswith("the model needs no packages\n")


def test_check_asks_for_every_package(bundle):
    python = bundle.container.image.python
    assert deps(bundle, "--check").stdout == (
        f"all 2 packages are there for Python {python} on x86_64, and fit each other\n"
    )
    found = json.loads(deps(bundle, "--check", "--json").stdout)["check"]
    assert found["packages"] == {"tiny-one": "tiny-one==1.0", "tiny-two": "tiny-two==2.0"}


def test_check_finds_what_the_list_lacks_and_what_is_not_there(bundle):
    put(bundle, PackageRecord("tiny-one", "1.0", "tiny-one==1.0", "given"))
    said = deps(bundle, "--check", status=1).stderr
    assert "the list lacks tiny-two==2.0 (required by tiny-one on Python" in said
    assert "'tiny-two==2.0'" in said
    put(bundle, PackageRecord("tiny-one", "9.0", "tiny-one==9.0", "given in requirements.txt, line 3"))
    said = json.loads(deps(bundle, "--check", "--json", status=1).stderr)
    assert "tiny-one==9.0 (given in requirements.txt, line 3)" in said["error"]
    assert "tiny-one==1.0" in said["remedy"]


def test_try_says_what_was_done_and_what_was_not_used(bundle):
    done = deps(bundle, "--try", "--python", HERE, ECHO_IMPORTS="tiny_two")
    assert done.stdout.startswith(
        "the model loads, and answers the golden test as it did when the bundle was built (Python"
    )
    assert "not used: tiny-one; dependencies={'exclude': ['tiny-one']} leaves it out" in done.stdout
    assert "not used: tiny-two" not in done.stdout
    assert "installing 2 packages" in done.stderr
    assert "the model prints" not in done.stdout
    trial = json.loads(deps(bundle, "--try", "--python", HERE, "--json").stdout)["trial"]
    assert (trial["tried"], trial["unused"]) == ("golden", ["tiny-one", "tiny-two"])


def test_try_ends_with_one_where_something_is_missing(bundle):
    said = deps(bundle, "--try", "--python", HERE, status=1, ECHO_IMPORTS="no_such_module").stderr
    assert "error: no_such_module is missing from the list" in said


def test_try_with_a_sample_of_the_users(bundle, tmp_path):
    sample = tmp_path / "sample.txt"
    sample.write_text("other")
    done = deps(bundle, "--try", "--python", HERE, "--sample", sample, "--keep", tmp_path / "kept")
    assert "answers the sample" in done.stdout
    assert "answer: 5 bytes of text/plain" in done.stdout
    assert f"kept: {tmp_path / 'kept' / 'environment'}" in done.stdout
    as_json = deps(
        bundle, "--try", "--python", HERE, "--sample", sample, "--content-type", "application/json", status=1
    )
    assert "answering the sample in a fresh environment" in as_json.stderr


def test_an_sbom_in_a_file_or_on_standard_output(bundle, tmp_path):
    target = tmp_path / "echo.json"
    assert deps(bundle, "--sbom", target).stdout == ""
    assert deps(bundle, "--sbom", "-").stdout == target.read_text()
    assert json.loads(target.read_text())["bomFormat"] == "CycloneDX"
    found = json.loads(deps(bundle, "--sbom", target, "--check", "--json").stdout)
    assert (found["sbom"], "check" in found) == (str(target), True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--python", "3.12"], "--python says more about --try"),
        (["--check", "--keep", "x"], "--keep says more about --try"),
        (["--try", "--osv-url", "https://host/v1/query"], "--osv-url says more about --audit"),
        (["--try", "--content-type", "text/csv"], "--content-type says more about --sample"),
        (["--json", "--sbom", "-"], "both write to standard output"),
        (["--sbom", "/no/such/folder/x.json"], "cannot be written"),
        (["--try", "--sample", "/no/such/file"], "does not exist"),
    ],
)
def test_words_that_do_not_go_together(bundle, words, said):
    assert said in deps(bundle, *words, status=2).stderr


def test_what_is_no_bundle_and_what_is_malformed(bundle, tmp_path):
    assert "does not exist" in deps(tmp_path / "nowhere", status=1).stderr
    (bundle.path / RECORD_FILE).write_text("{}")
    assert "has no 'format_version'" in deps(bundle, status=1).stderr


def test_help_shows_an_example():
    done = subprocess.run(
        [sys.executable, "-m", "cdk_modelbuilder.cli", "deps", "--help"], capture_output=True, text=True, check=True
    )
    assert "Example: cdk-modelbuilder deps" in done.stdout


def test_the_command_is_listed():
    done = subprocess.run([sys.executable, "-m", "cdk_modelbuilder.cli", "--help"], capture_output=True, text=True)
    assert "deps" in done.stdout


@pytest.mark.slow
def test_audit_ends_with_one_where_something_is_vulnerable(bundle):
    pytest.importorskip("pip_audit", reason="pip-audit is not installed")
    with osv_service() as osv:
        check_audits(bundle, osv)


def check_audits(bundle: ModelBundle, osv: str) -> None:
    put(bundle, PackageRecord("numpy", "2.4.6", "numpy==2.4.6", "given"), PackageRecord("y", None, "y>=2", "given"))
    shown = deps(bundle, "--audit", "--osv-url", osv, status=1).stdout
    assert "numpy 2.4.6: PYSEC-2099-1, CVE-2098-1, CVE-2099-1; fixed in 2.5.0" in shown
    assert "1 known vulnerability; 1 of 2 packages was looked up" in shown
    assert "not checked: y" in shown
    found = json.loads(deps(bundle, "--audit", "--osv-url", osv, "--json", status=1).stdout)["audit"]
    assert (found["clean"], found["checked"]) == (False, {"numpy": "2.4.6"})
    put(bundle, PackageRecord("numpy", "2.5.0", "numpy==2.5.0", "given"))
    assert "no known vulnerabilities; 1 of 1 packages was looked up" in deps(bundle, "--audit", "--osv-url", osv).stdout
    said = deps(bundle, "--audit", "--osv-url", "http://127.0.0.1:9/v1/query", status=1).stderr
    assert "does not answer" in said
