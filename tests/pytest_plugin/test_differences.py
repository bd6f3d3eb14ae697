"""Differences of predictions: each place, in words, and none where they are alike."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.golden import alike
from cdk_modelbuilder.pytest_plugin.differences import differences


@dataclasses.dataclass
class Score:
    label: str
    score: float


def table(**columns):
    return pytest.importorskip("pandas", exc_type=ImportError).DataFrame(columns)


def sparse(rows):
    return pytest.importorskip("scipy.sparse", exc_type=ImportError).csr_matrix(np.array(rows))


@pytest.mark.parametrize(
    ("found", "expected", "lines"),
    [
        (0.25, 0.5, ["the answer is 0.25 instead of 0.5 (off by 0.25, 50.00%)"]),
        (1.0, 0.0, ["the answer is 1.0 instead of 0.0 (off by 1)"]),
        ("a", "b", ["the answer is 'a' instead of 'b'"]),
        ([1.0, 2.5], [1.0, 2.0], ["[1] is 2.5 instead of 2.0 (off by 0.5, 25.00%)"]),
        ([1.0], [1.0, 2.0], ["the answer has 1 items instead of 2"]),
        ({"a": [1]}, {"a": [2]}, ["['a'][0] is 1 instead of 2 (off by 1, 50.00%)"]),
        ({"b": 1}, {"a": 2}, ["the answer has no 'a'; expected 2", "the answer has 'b', which is not expected: 1"]),
        ([Score("x", 1.0)], [Score("y", 1.0)], ["[0].label is 'x' instead of 'y'"]),
        ([1.0], {"a": 1.0}, ["the answer is [1.0] instead of {'a': 1.0}"]),
        (True, 1.5, ["the answer is True instead of 1.5"]),
        (np.array([[1.0, 2.0]]), np.array([[1.0, 3.0]]), ["[0, 1] is 2.0 instead of 3.0 (off by 1, 33.33%)"]),
        (np.zeros(3), np.zeros((3, 1)), ["the answer has shape (3,) instead of (3, 1)"]),
        (np.array(["a", "b"]), np.array(["a", "c"]), ["[1] is 'b' instead of 'c'"]),
        (np.array(2.0), np.array(4.0), ["the answer is 2.0 instead of 4.0 (off by 2, 50.00%)"]),
    ],
)
def test_each_place_is_told(found, expected, lines):
    assert differences(found, expected) == lines


def test_tables_and_sparse_matrices():
    assert differences(table(a=[1.0, 2.0]), table(a=[1.0, 4.0])) == [
        "['a'][1] is 2.0 instead of 4.0 (off by 2, 50.00%)"
    ]
    assert differences(table(a=[1.0]), table(b=[1.0])) == ["the answer has columns ['a'] instead of ['b']"]
    assert differences(table(a=[1.0]), table(a=[1.0, 2.0])) == ["the answer has 1 rows instead of 2"]
    assert differences(sparse([[0, 1]]), sparse([[0, 2]])) == ["[0, 1] is 1 instead of 2 (off by 1, 50.00%)"]


def test_many_are_cut_and_what_is_long_is_shortened():
    lines = differences(list(range(100)), [0] * 100)
    assert (len(lines), lines[-1]) == (11, "and more")
    assert all(len(line) < 300 for line in differences("x" * 10_000, "y" * 10_000))


PREDICTIONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(PREDICTIONS, PREDICTIONS)
def test_there_are_differences_just_where_the_two_are_not_alike(one, other):
    assert bool(differences(one, other)) is not alike(one, other)
    assert differences(one, one) == []
