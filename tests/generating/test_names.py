"""Names that follow from a model's name."""

from __future__ import annotations

import keyword
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.names import check_apart, check_model_name, class_of, module_of, stack_of
from cdk_modelbuilder.generating.plan import EndpointPlan

# What the builder takes as a bundle's name, as it is written there.
BUNDLE_NAMES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,62}", fullmatch=True)


def endpoint(name: str, **options) -> EndpointPlan:
    return EndpointPlan(name=name, bundle=f"build/{name}", **options)


@given(BUNDLE_NAMES)
def test_a_bundles_name_gives_identifiers_and_a_stacks_name_or_is_refused(name):
    if name[0].isdigit():
        with pytest.raises(UsageError):
            check_model_name(name)
        return
    check_model_name(name)
    plan = endpoint(name)
    for made in (module_of(plan), class_of(plan)):
        assert made.isidentifier()
        assert made.isascii()
        assert not keyword.iskeyword(made)
    assert module_of(plan) == module_of(plan).lower()
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", stack_of(plan))


@given(BUNDLE_NAMES, BUNDLE_NAMES)
def test_two_names_share_nothing_or_are_refused(one, other):
    plans = [endpoint(f"m{one}"[:63].rstrip("-")), endpoint(f"m{other}"[:63].rstrip("-"))]
    try:
        check_apart(plans)
    except UsageError:
        lower = [plan.name.lower() for plan in plans]
        assert lower[0].replace("-", "") == lower[1].replace("-", "")
        return
    for made in (module_of, class_of, stack_of):
        assert made(plans[0]).lower() != made(plans[1]).lower()


@pytest.mark.parametrize("name", ["", "1st", "-a", "a-", "a--b", "a_b", "ä", "a b", "a/b", "a" * 64, "class.py", "a\n"])
def test_other_names_are_refused_with_a_way_out(name):
    with pytest.raises(UsageError, match="--bundle NAME=FOLDER"):
        check_model_name(name)


@pytest.mark.parametrize(("one", "other", "what"), [("a-b", "a-B", "file a_b_stack"), ("a-b", "ab", "class abstack")])
def test_a_clash_names_both_bundles(one, other, what):
    with pytest.raises(UsageError, match=f"build/{one} .* build/{other} .* share the {what}"):
        check_apart([endpoint(one), endpoint(other)])


def test_stacks_of_one_name_clash_and_bad_stack_names_are_refused():
    with pytest.raises(UsageError, match="share the stack service"):
        check_apart([endpoint("a", stack_name="Service"), endpoint("b", stack_name="service")])
    with pytest.raises(UsageError, match="'1st' cannot be a stack's name"):
        check_apart([endpoint("a", stack_name="1st")])
