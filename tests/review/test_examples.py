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
ALWAYS = ("repository", "real_time", "components_to_zero")
"""What CI reviews; `make test-all` reviews all of them."""


@pytest.fixture(scope="module")
def found(tmp_path_factory, request):
    """Findings of each app, by its folder's name; linted together, as starting a tool takes longer than its work."""
    pytest.importorskip("cdk_nag", reason="cdk-nag is not installed: run `make setup-all`")
    if not installed():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    folder = tmp_path_factory.mktemp("reviewed")
    context = build_bundles(tmp_path_factory.mktemp("bundles"))
    selected = {item.callspec.params["script"] for item in request.session.items if item.fspath == request.path}
    scripts = [script for script in SCRIPTS if script in selected]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each is a process of its own, and mostly waits for Node.js
        list(pool.map(lambda script: synthesize(script, folder / name_of(script), context, {}), scripts))
    return {
        assembly.name: findings for assembly, findings in found_in(*map(folder.joinpath, map(name_of, scripts))).items()
    }


def name_of(script: Path) -> str:
    return "repository" if script.parent == REPOSITORY else script.parent.name


@pytest.mark.parametrize(
    "script",
    [pytest.param(one, marks=() if name_of(one) in ALWAYS else pytest.mark.heavy, id=name_of(one)) for one in SCRIPTS],
)
def test_no_finding(found, script):
    assert not found[name_of(script)], "\n".join(map(str, found[name_of(script)]))
