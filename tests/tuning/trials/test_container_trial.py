"""Trials in containers: the variables hold in the image too, memory that runs out is a result, and nothing is left."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from cdk_modelbuilder.local.container.image import context_digest
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.tuning.load import Load, LoadRequest
from cdk_modelbuilder.tuning.trial import run_trial
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import BASE_IMAGE, make_base_image, run_docker, why_not

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.heavy]
LOAD = Load(
    requests=(LoadRequest(b"word", "text/plain"),),
    concurrency=2,
    warm_up_seconds=0.2,
    min_seconds=0.5,
    max_seconds=1.0,
    relative_width=0.0,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The moody model in an image of our own server."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder
    from tests.tuning.trials.specs import Moody

    make_base_image()
    built = ModelBuilder(
        inference_spec=Moody(),
        schema_builder=SchemaBuilder("word", "word"),
        model_path=tmp_path_factory.mktemp("container") / "moody-container",
        model_server="builtin",
        base_image=BASE_IMAGE,
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()
    yield built
    tag = f"cdk-modelbuilder/moody-container:{context_digest(built.path / 'image', BASE_IMAGE)[:16]}"
    run_docker("image", "rm", "--force", tag, check=False)


def trial(bundle, environment, load=LOAD, **told):
    spec = replace(bundle.container, environment={**bundle.container.environment, **environment})
    return run_trial(bundle, spec, load, mode=Mode.LOCAL_CONTAINER, key=MASTER_KEY, **told)


def left() -> str:
    command = ["docker", "ps", "--all", "--quiet", "--filter", "name=cdk-modelbuilder-moody-container"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_variables_hold_in_the_image(bundle):
    log = []
    found = trial(bundle, {"MODELBUILDER_WORKERS": "2"}, on_log=log.append)
    assert found.status == "measured", found
    assert found.measurement.memory_bytes > 1 << 20
    events = [json.loads(line) for line in log if line.startswith("{")]
    assert [one["workers"] for one in events if one["event"] == "listening"] == [2]
    assert left() == ""


@pytest.mark.parametrize(
    ("environment", "options", "body", "status", "words"),
    [
        ({"MODELBUILDER_THREADS": "no"}, {}, b"word", "rejected", "MODELBUILDER_THREADS is 'no'"),
        ({"MOODY_START": "hog"}, {"memory_mb": 128}, b"word", "out-of-memory", "killed it"),
        ({"MOODY_START": "error"}, {}, b"word", "start-failed", "the weights are not mine"),
        ({"MODELBUILDER_WORKERS": "2"}, {}, b"die", "errors", "the sample got no answer"),
    ],
)
def test_a_container_that_fails_is_a_result(bundle, environment, options, body, status, words):
    load = replace(LOAD, requests=(LoadRequest(body, "text/plain"),))
    found = trial(bundle, environment, load, options=options)
    assert (found.status, words in found.cause) == (status, True), found
    assert left() == ""


def test_nothing_is_left_after_ctrl_c(bundle):
    def fail(_):
        assert left() != ""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial(bundle, {}, replace(LOAD, max_seconds=600.0), on_interim=fail)
    assert left() == ""
