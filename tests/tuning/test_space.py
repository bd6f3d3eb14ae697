"""Spaces: every combination once, and an environment that says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.space import Dimension, Option, Space, by_variable, key
from tests.tuning.scripted import space


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), min_size=1
    )
)
def test_every_combination_once(values):
    made = space(**values)
    everything = [key(one) for one in made]
    assert len(everything) == len(set(everything)) == made.size
    assert key(made.default) in everything
    for candidate in made:
        assert made.environment(candidate) == {name.upper(): str(value) for name, value in candidate.items()}


def test_what_says_nothing_makes_no_further_combination():
    size = by_variable("batch_size", "SIZE", [1, 8], "", now="1")
    delay = by_variable("batch_delay_ms", "DELAY", [0, 5], "", now="0", idle_at=("batch_size", 1))
    found = list(Space((size, delay)))
    assert {(one["batch_size"], one["batch_delay_ms"]) for one in found} == {(1, 0), (8, 0), (8, 5)}


def test_the_value_that_the_bundle_has_is_always_tried():
    dimension = by_variable("sequences", "SEQUENCES", [8, 32], "", now="100")
    assert dimension.default == 100
    assert dimension.values == (8, 32, 100)
    unset = by_variable("dtype", "DTYPE", ["float16"], "", now=None)
    assert unset.values == ("float16", None)
    assert unset.option(None).environment == {"DTYPE": None}


def test_true_is_not_one():
    dimension = Dimension("switch", (Option(1, {"A": "1"}), Option(True, {"A": "true"})), 1, "")
    assert dimension.option(True).environment == {"A": "true"}
    with pytest.raises(UsageError, match="is not among the values to try"):
        dimension.option(1.0)
