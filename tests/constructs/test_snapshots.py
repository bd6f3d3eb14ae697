"""Templates as they are reviewed: every stack with everything on, every use of ModelEndpoint, and two of each."""

from __future__ import annotations

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from tests.constructs import everything, uses
from tests.constructs.all_stacks import ELSEWHERE, id_of
from tests.constructs.synthesis import kept, leaves


@pytest.fixture
def snapshot(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("stack", everything.STACKS, ids=id_of)
def test_everything_that_can_be_written(stack, templates, snapshot):
    assert kept(templates[id_of(stack)]) == snapshot


@pytest.mark.parametrize("use", uses.USES, ids=id_of)
def test_a_use_of_model_endpoint(use, templates, bundles, snapshot):
    assert kept(templates[f"use-{id_of(use)}"], bundles) == snapshot


@pytest.mark.parametrize("name", ["two-of-each", "two-endpoints"])
def test_two_in_one_stack(name, templates, bundles, snapshot):
    assert kept(templates[name], bundles) == snapshot


@pytest.mark.parametrize("name", ELSEWHERE)
def test_somewhere_else(name, templates, bundles, snapshot):
    """What another account or region changes, or one that is not known."""
    assert differences(templates["two-endpoints"], templates[name], bundles) == snapshot


def test_in_a_stage(templates, bundles):
    assert differences(templates["two-endpoints"], templates["staged"], bundles) == []


def differences(two, one, bundles):
    """What an endpoint of each kind has elsewhere, where two of each are known."""
    here, there = (dict(leaves(kept(template, bundles))) for template in (two, one))
    here = {
        place: value for place, value in here.items() if not place.startswith(("Resources.Two", "Resources.SharedTwo"))
    }
    changed = sorted(
        place
        for place in here.keys() | there.keys()
        # The golden gate's policy names all endpoints of its stack.
        if here.get(place) != there.get(place) and not place.startswith("Resources.ModelBuilderGoldenGateAccess")
    )
    return [f"{place}: {here.get(place)} -> {there.get(place)}" for place in changed]
