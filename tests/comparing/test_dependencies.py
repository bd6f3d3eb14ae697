"""Locks package by package."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.comparing import Change, Mark
from cdk_modelbuilder.comparing.bundles.dependency_section import dependency_section, is_major, read_lock
from cdk_modelbuilder.comparing.report import ABSENT


def lines(old: str, new: str) -> list[Change]:
    return [change for item in dependency_section(old, new) for group in item.groups for change in group.changes]


def test_added_removed_and_changed():
    old = "# why\na==1.0  # because\nb==2.0\nc==1.4\n"
    new = "# why\nA==1.1  # because\nc==2.0\nd==1  # wanted\n"
    found = {line.what.strip("\x02\x03"): line for line in lines(old, new)}
    assert (found["A"].old, found["A"].new, found["A"].marks) == ("1.0", "1.1", ())
    assert (found["b"].old, found["b"].new) == ("2.0", ABSENT)
    assert found["c"].marks == (Mark.MAJOR,)
    assert (found["d"].old, found["d"].new, found["d"].note) == (ABSENT, "1", "\x02wanted\x03")
    assert not lines(old, old)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("x==1.0", "1.0"),
        ("x>=1,<2", "<2,>=1"),
        ("x", "any version"),
        ("x[a,b]==1", "1 with a, b"),
        ("x==1; python_version < '3.12'", '1 where python_version < "3.12"'),
        ("x @ https://example.com/x.whl", "https://example.com/x.whl"),
        ("-e git+https://example.com/x#egg=x", "-e git+https://example.com/x#egg=x"),
    ],
)
def test_every_form_of_a_line(line, wanted):
    (locked,) = read_lock(line + "\n").values()
    assert (locked.name, locked.wanted) == ("x", wanted)


def test_hashes_and_reasons_are_lines_of_their_own():
    old = "x==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb  # wanted\n"
    new = old.replace("bb", "cc").replace("wanted", "needed")
    found = [(line.what, line.old, line.new) for line in lines(old, new)]
    assert ("\x02x\x03: reason", "wanted", "needed") in found
    assert ("\x02x\x03: hash", "sha256:bb", ABSENT) in found
    assert ("\x02x\x03: hash", ABSENT, "sha256:cc") in found


def test_a_line_that_is_no_requirement_is_not_lost():
    assert lines("x==1\n", "x==1\n???\n")
    assert lines("x==1\nx==2\n", "x==1\n")
    (line,) = lines("x==1\n", "# a remark\nx==1\n")
    assert (line.what, line.new, line.note) == ("comments", "# a remark", "no package changes")


@pytest.mark.parametrize(
    ("old", "new", "major"),
    [
        ("1.9", "2.0", True),
        ("1.9", "1.10", False),
        ("2.0", "1.9", True),
        ("1!1.0", "2!1.0", True),
        ("1", "main", False),
    ],
)
def test_major(old, new, major):
    assert is_major(old, new) is major
