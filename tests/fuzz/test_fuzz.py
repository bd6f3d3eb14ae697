"""A short run of the fuzzer, always the same; `python -m tests.fuzz` runs for as long as it is told."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow")  # which many of the bodies are made with

from tests.fuzz.campaign import Campaign
from tests.fuzz.targets import HEAVY_LIBRARIES, is_heavy, target_names

EACH = 50


def harmless(names: list[str]) -> None:
    campaign = Campaign(seed=0)
    campaign.run(names, EACH * len(names), processes=1)
    assert [finding for finding, _ in campaign.findings.values()] == []
    assert {name: tally.inputs for name, tally in campaign.tallies.items()} == dict.fromkeys(names, EACH)


def test_no_body_does_harm():
    harmless([name for name in target_names() if not is_heavy(name)])


@pytest.mark.slow
@pytest.mark.parametrize("library", HEAVY_LIBRARIES)
def test_no_body_does_harm_to_tensors(library):
    names = [name for name in target_names() if name.lower().startswith(library)]
    if not names:
        pytest.skip(f"{library} is not installed; `make test-all` installs it")
    harmless(names)
