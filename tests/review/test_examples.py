"""The repository's own app and every examples/*/app.py: no tool finds anything that is not acknowledged in the code."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.examples.example_apps import build_bundles
from tests.review.review import found_in, synthesize
from tests.review.template_tools import REPOSITORY, installed

pytestmark = pytest.mark.slow
# Examples written later are covered without a change here.
SCRIPTS = [REPOSITORY / "app.py", *sorted(REPOSITORY.glob("examples/*/app.py"))]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Findings of each app, by its folder's name; linted together, as starting a tool takes longer than its work."""
    pytest.importorskip("cdk_nag", reason="cdk-nag is not installed: run `make setup-all`")
    if not installed():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    folder = tmp_path_factory.mktemp("reviewed")
    context = build_bundles(tmp_path_factory.mktemp("bundles"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each is a process of its own, and mostly waits for Node.js
        list(pool.map(lambda script: synthesize(script, folder / name_of(script), context, {}), SCRIPTS))
    return {
        assembly.name: findings for assembly, findings in found_in(*map(folder.joinpath, map(name_of, SCRIPTS))).items()
    }


def name_of(script: Path) -> str:
    return "repository" if script.parent == REPOSITORY else script.parent.name


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_no_finding(found, script):
    assert not found[name_of(script)], "\n".join(map(str, found[name_of(script)]))
