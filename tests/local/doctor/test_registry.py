"""The table of checks, and the same in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.doctor.check import Check, Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.platforms import Commands, Platform
from cdk_modelbuilder.local.doctor.registry import CHECKS, chosen_checks

DOCS = Path(__file__).parents[3] / "docs" / "doctor.md"


def table() -> str:
    rows = [f"| `{check.name}` | {check.finds} | {check.mends} |" for check in CHECKS]
    return "\n".join(("| check | finds | its commands |", "|---|---|---|", *rows))


def test_the_docs_hold_the_table_of_checks():
    found = re.search(r"<!-- checks: .*? -->\n\n(.*?)\n\n<!-- /checks -->", DOCS.read_text(), re.DOTALL)
    assert found.group(1) == table(), f"docs/doctor.md is to hold this table:\n{table()}"


def test_names_are_unique_and_subjects_stand_together():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    subjects = [check.subject for check in CHECKS]
    assert [one for at, one in enumerate(subjects) if at == 0 or subjects[at - 1] != one] == list(
        dict.fromkeys(subjects)
    )


def test_an_unknown_check_is_a_usage_error_that_lists_them():
    with pytest.raises(UsageError, match=r"no check 'dicks'\. The checks are python, .*disk"):
        chosen_checks(["dicks"])
    assert [check.name for check in chosen_checks(["disk", "python"])] == ["python", "disk"]


def test_a_check_that_fails_itself_does_not_end_the_others():
    def fails(about):
        yield Finding("one", Outcome.OK, "begun.")
        raise RuntimeError("its words may hold anything")

    def works(about):
        return [Finding("two", Outcome.OK, "done.")]

    checks = [Check("one", "X", "", "", fails), Check("two", "X", "", "", works)]
    found = examine(checks, Circumstances())
    assert [(one.check, one.outcome) for one in found][-2:] == [("one", Outcome.WARNING), ("two", Outcome.OK)]
    assert "RuntimeError" in str(found[-2])
    assert "anything" not in str(found)


def test_a_finding_reads_as_sentences_and_commands():
    finding = Finding("x", Outcome.FAILURE, "it is off.", "Turn it on.", ("on", "# wait"))
    assert str(finding) == "it is off. Turn it on.\n  on\n  # wait"
    assert str(Finding("x", Outcome.OK, "it is on.")) == "it is on."


@pytest.mark.parametrize(
    ("system", "shown"),
    [
        (Platform.DEBIAN, ("apt",)),
        (Platform.FEDORA, ("dnf",)),
        (Platform.MACOS, ("apt",)),
        (Platform.OTHER, ("# as on Debian; this system's package manager may differ:", "apt")),
    ],
)
def test_commands_are_the_systems_own(system, shown):
    assert Commands(debian=("apt",), fedora=("dnf",)).on(system) == shown


@pytest.mark.parametrize(
    ("release", "system"),
    [
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, Platform.DEBIAN),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, Platform.DEBIAN),
        ({"ID": "amzn", "ID_LIKE": "fedora"}, Platform.FEDORA),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, Platform.FEDORA),
        ({"ID": "arch"}, Platform.OTHER),
    ],
)
def test_the_system_is_known_by_os_release(monkeypatch, release, system):
    from cdk_modelbuilder.local.doctor import platforms

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: release)
    assert platforms.this_platform() is system
    monkeypatch.setattr("sys.platform", "darwin")
    assert platforms.this_platform() is Platform.MACOS
