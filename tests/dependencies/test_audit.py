"""Audits with the real pip-audit, against a stand-in for OSV on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.dependencies import audit
from cdk_modelbuilder.dependencies.audit import audit_bundle, audit_pins
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.record import RECORD_FILE, VendoredRecord
from cdk_modelbuilder.errors import IndexUnreachableError, ToolMissingError

from .echo_bundle import build_echo
from .osv_stand_in import Osv, osv_service
from .test_sbom import RECORD


@pytest.fixture
def osv():
    pytest.importorskip("pip_audit", reason="pip-audit is not installed")
    with osv_service() as url:
        yield url


def pin(line: str) -> Pin:
    return Pin(line.partition("==")[0].partition("[")[0].partition(" ")[0].partition(">")[0], line, "given")


@pytest.mark.slow
def test_vulnerabilities_are_found_and_what_cannot_be_looked_up_is_said(osv):
    repository = pin(f"x @ git+https://host/x@{'0f' * 20}")
    found = audit_pins([pin("six==1.17.0+mine"), pin("numpy[fast]==2.4.6"), repository, pin("y>=2")], osv_url=osv)
    assert sorted(Osv.asked) == [("numpy", "2.4.6"), ("six", "1.17.0")]
    assert found.checked == {"numpy": "2.4.6", "six": "1.17.0"}
    (one,) = found.vulnerabilities
    assert (one.package, one.version, one.id, one.fixed_in) == ("numpy", "2.4.6", "PYSEC-2099-1", ("2.5.0",))
    assert (one.aliases, one.description) == (("CVE-2098-1", "CVE-2099-1"), "Does harm.")
    assert "not from an index" in found.not_checked["x"]
    assert "does not say which version" in found.not_checked["y"]
    assert not found.is_clean


@pytest.mark.slow
def test_a_list_is_clean_only_if_all_of_it_was_looked_up(osv):
    assert audit_pins([pin("six==1.17.0")], osv_url=osv).is_clean
    assert not audit_pins([pin("six==1.17.0"), pin("y>=2")], osv_url=osv).is_clean


@pytest.mark.slow
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1/query", "{osv}"])
def test_a_service_that_does_not_answer_or_fails_is_not_called_clean(osv, url):
    with pytest.raises(IndexUnreachableError, match="Nothing was looked up"):
        audit_pins([pin("six==1.17.0"), pin("broken==1.0")], osv_url=url.format(osv=osv))


@pytest.mark.slow
def test_a_bundle_says_what_of_it_was_not_looked_up(osv, tmp_path):
    path = build_echo(tmp_path / "echo").path
    record = replace(RECORD, vendored={"mine": VendoredRecord("the folder of the script")})
    (path / RECORD_FILE).write_bytes(json_bytes(record.to_json()))
    lines = "".join(f"{one.requirement}  # {one.reason}\n" for one in RECORD.packages)
    (path / "requirements.lock").write_text(lines)
    found = audit_bundle(ModelBundle.read(path), osv_url=osv)
    assert set(found.checked) == {"numpy", "scipy"}
    assert set(found.not_checked) == {"mine", "open", "tool"}
    assert [one.package for one in found.vulnerabilities] == ["numpy"]


def stand_in(folder: Path, monkeypatch, stdout: str, stderr: str = "") -> None:
    """A pip-audit that says what is given, for answers that the real one gives only with its own services."""
    script = folder / "pip-audit"
    (folder / "out").write_text(stdout)
    (folder / "err").write_text(stderr)
    script.write_text(f"#!/bin/sh\ncat '{folder}/err' >&2\ncat '{folder}/out'\n")
    script.chmod(0o755)
    monkeypatch.setattr(audit.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(audit.shutil, "which", lambda name: str(script))


def test_a_service_that_knows_nothing_of_the_list_has_not_found_it_clean(tmp_path, monkeypatch):
    reason = "Dependency not found on PyPI and could not be audited: six (1.17.0)"
    stand_in(tmp_path, monkeypatch, json.dumps({"dependencies": [{"name": "six", "skip_reason": reason}]}))
    with pytest.raises(IndexUnreachableError, match="knows none of the packages in the list: Dependency not found"):
        audit_pins([pin("six==1.17.0")])


def test_what_a_service_skips_is_not_checked(tmp_path, monkeypatch):
    answer = [{"name": "Six", "version": "1.17.0", "vulns": []}, {"name": "mine", "skip_reason": "not found"}]
    stand_in(tmp_path, monkeypatch, json.dumps({"dependencies": answer}))
    found = audit_pins([pin("six==1.17.0"), pin("mine==1.0")])
    assert (found.checked, found.not_checked, found.is_clean) == ({"six": "1.17.0"}, {"mine": "not found"}, False)


def test_words_that_are_no_answer_are_shown(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "", "something else broke")
    with pytest.raises(audit.DependencyError, match="something else broke"):
        audit_pins([pin("six==1.17.0")])


def test_nothing_to_look_up_needs_no_tool(monkeypatch):
    monkeypatch.setattr(audit, "_command", lambda: pytest.fail("it was started"))
    assert audit_pins([]).is_clean
    assert not audit_pins([pin("y>=2")]).is_clean


def test_without_the_tool_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(audit.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(audit.shutil, "which", lambda name: None)
    with pytest.raises(ToolMissingError, match=r"cdk-modelbuilder\[audit\]"):
        audit_pins([pin("six==1.17.0")])
