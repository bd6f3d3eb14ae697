"""Journals: what an interrupted run leaves, and another question's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.attempt import Attempt, Level
from cdk_modelbuilder.tuning.journal import Journal
from cdk_modelbuilder.tuning.trial import TrialOutcome
from tests.tuning.scripted import measurement

GOOD = TrialOutcome("measured", measurement(5.0), None, 1.5)
BAD = TrialOutcome("start-failed", None, "no room", None)
MADE = Attempt("search", 0, {"workers": 2, "dtype": None}, Level(rate=3.5), GOOD, 7.25)
FAILED = Attempt("check", 2, {"workers": 9}, Level(concurrency=4), BAD, 1.0)


def test_it_is_read_again(tmp_path):
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path, {"a": 1}) as journal:
        journal.add(MADE)
        journal.add(FAILED)
        assert journal.seconds == 8.25
    with Journal(path, {"a": 1}) as journal:
        assert journal.attempts == [MADE, FAILED]
        assert journal.resumed == 2
    with Journal(path, {"a": 1}, resume=False) as journal:
        assert journal.attempts == []
    with Journal(path, {"a": 1}) as journal:
        assert journal.resumed == 0


def test_another_question_begins_anew(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path, {"a": 1}) as journal:
        journal.add(MADE)
    with Journal(path, {"a": 2}) as journal:
        assert journal.resumed == 0
    assert len(path.read_text().splitlines()) == 1


@given(st.integers(0, 3000))
def test_cut_short_anywhere_the_whole_lines_count(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal(path, {}) as journal:
        journal.add(MADE)
        journal.add(FAILED)
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")
    with Journal(path, {}) as journal:
        assert journal.resumed == max(0, whole - 1)
        journal.add(FAILED)
    assert [json.loads(line) for line in path.read_text().splitlines()][-1] == FAILED.to_json()


def test_two_runs_at_a_time(tmp_path):
    with Journal(tmp_path / "j", {}), pytest.raises(UsageError, match="another tuning is writing"):
        Journal(tmp_path / "j", {})


def test_no_place_for_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Journal(tmp_path / "file" / "journal", {})
