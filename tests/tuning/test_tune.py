"""tune() with this project's own server, really run: what it chooses, what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.bundle import TUNING_FILE, TUNING_FOLDER, ModelBundle
from cdk_modelbuilder.cli.tune_command import command
from cdk_modelbuilder.errors import IntegrityError, TuningError, UsageError
from cdk_modelbuilder.schema.codecs import open_schema_data
from cdk_modelbuilder.tuning import Budget, Objective, Timing, read_tuning
from cdk_modelbuilder.tuning.dimensions import offers_of, space_of
from cdk_modelbuilder.tuning.encoded import encoded_as
from cdk_modelbuilder.tuning.files import JOURNAL_FILE, PAGE_FILE
from cdk_modelbuilder.tuning.hardware import hardware_here
from cdk_modelbuilder.tuning.load import sample_requests
from tests.conftest import MASTER_KEY
from tests.tuning.waiting import Waiting

QUICK = Timing(warm_up_seconds=0.2, min_seconds=0.6, max_seconds=1.2, relative_width=0.2)
SMALL = Budget(trials=6, seconds=None, finalists=1, repeats=2)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> ModelBundle:
    """A bundle that waits; copied by those who tune it."""
    return ModelBuilder(
        inference_spec=Waiting(),
        schema_builder=SchemaBuilder([1.0], [1.0]),
        name="waiting",
        model_server="builtin",
        dependencies={"auto": False},
        model_path=tmp_path_factory.mktemp("waiting") / "waiting",
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture
def bundle(built, tmp_path) -> ModelBundle:
    """A copy."""
    shutil.copytree(built.path, tmp_path / "waiting")
    return ModelBundle.load(tmp_path / "waiting")


@pytest.mark.slow
def test_the_better_one_is_written_and_the_planted_one_is_a_result(bundle):
    pytest.importorskip("matplotlib", exc_type=ImportError)
    seen = []
    found = bundle.tune(
        dimensions={"threads": [1, 4], "library_threads": [None, 7]},
        concurrency=4,
        budget=SMALL,
        timing=QUICK,
        signing_key=MASTER_KEY,
        on_attempt=seen.append,
    )
    assert found.chosen.values == {"threads": 4, "library_threads": None}
    assert found.gain.low > 1
    assert found.environment == {"MODELBUILDER_THREADS": "4"}
    planted = [one for one in found.trials if one.values["library_threads"] == 7]
    assert {one.status for one in planted} == {"out-of-memory"}
    assert all("a planted setting" in one.cause for one in planted)
    assert read_tuning(bundle) == found
    assert len(seen) == 4 + 2 * 2
    files = sorted(path.name for path in (bundle.path / TUNING_FOLDER).iterdir())
    assert files == [JOURNAL_FILE, PAGE_FILE, "pareto.png"]
    ModelBundle.load(bundle.path)  # a bundle with a tuning is still what was signed

    again = []
    resumed = bundle.tune(
        dimensions={"threads": [1, 4], "library_threads": [None, 7]},
        concurrency=4,
        budget=SMALL,
        timing=QUICK,
        signing_key=MASTER_KEY,
        on_attempt=again.append,
    )
    assert [one.to_json() for one in again] == [one.to_json() for one in seen]  # all of it from the journal
    assert resumed.chosen == found.chosen


REFUSED = [
    ({"dimensions": {"speed": [1]}}, "builtin has no speed to tune. It has workers, threads"),
    ({"dimensions": {"batch_size": [8]}}, "has no batch_size to tune: the model is asked one request at a time"),
    ({"dimensions": {"workers": []}}, r"the values of workers are \[\]"),
    ({"dimensions": {"workers": "12"}}, "the values of workers are '12'"),
    ({"dimensions": {"workers": [0, 1]}}, "workers=0 is no count"),
    ({"dimensions": {"workers": [1]}}, "nothing to choose between"),
    ({"dimensions": {"codec": ["text/html"]}}, "builtin has no codec to tune"),
    ({"budget": Budget(seconds=3)}, "3 s are too few for one trial: an attempt takes at least 8 s"),
    ({"budget": Budget(seconds=30)}, "30 s are too few for a comparison"),
    ({"budget": Budget(), "max_tuning_duration": 60}, "both budget and max_tuning_duration are given"),
    ({"max_tuning_duration": 3}, "3 s are too few for one trial"),
    ({"mode": Mode.SAGEMAKER_ENDPOINT}, "would measure something else"),
    ({"concurrency": 4, "rate": 3.0}, "both concurrency and rate are given"),
    ({"concurrency": 0}, "the load's concurrency is 0"),
    ({"rate": []}, "there is no load"),
    ({"rate": 5, "arrivals": "sometimes"}, "arrivals='sometimes' is unknown"),
    ({"concurrency": [1, 2], "objective": Objective(goal="latency")}, "sought under one load, and several are given"),
    ({"requests": "nothing.jsonl"}, "nothing.jsonl cannot be read"),
    ({"requests": []}, "a load has no request"),
    ({"memory_mb": 4}, "memory_mb= is for containers"),
]


@pytest.mark.parametrize(("options", "says"), REFUSED, ids=lambda value: value[:30] if isinstance(value, str) else None)
def test_refused_before_anything_is_started(bundle, options, says):
    (bundle.path / TUNING_FILE).write_text("an earlier one")
    with pytest.raises(UsageError, match=says):
        bundle.tune(signing_key=MASTER_KEY, **options)
    assert (bundle.path / TUNING_FILE).read_text() == "an earlier one"


def test_another_server_needs_its_container(tumour_bundle):
    with pytest.raises(UsageError, match="runs xgboost, and a process here this project's own server"):
        tumour_bundle.tune(mode=Mode.LOCAL_PROCESS)


def test_what_was_changed_is_not_started(bundle):
    with pytest.raises(IntegrityError):
        bundle.tune(dimensions={"threads": [1, 2]}, signing_key="1b" * 32)
    (bundle.model_dir / "code" / "inference.py").write_text("raise SystemExit")
    with pytest.raises(IntegrityError):
        bundle.tune(dimensions={"threads": [1, 2]}, signing_key=MASTER_KEY)


def test_no_sample(bundle):
    import dataclasses

    schema = {**bundle.schema, "input": {**bundle.schema["input"], "codec": "no such codec"}}
    without = dataclasses.replace(bundle, schema=schema)
    with pytest.raises(UsageError, match="there is no sample for waiting"):
        without.tune()


def test_a_sample_that_the_server_rejects(bundle, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"body": "no list"}\n')
    (bundle.path / TUNING_FILE).write_text("an earlier one")
    with pytest.raises(TuningError, match=r"none of 2 configurations could be used: 2 rejected\..*status 400"):
        bundle.tune(
            dimensions={"threads": [1, 2]}, requests=requests, budget=SMALL, timing=QUICK, signing_key=MASTER_KEY
        )
    assert (bundle.path / TUNING_FILE).read_text() == "an earlier one"


def test_command_line(bundle):
    listed = CliRunner().invoke(command, [str(bundle.path), "--list"], catch_exceptions=False)
    assert "workers          processes of the server; tried: 1" in listed.output
    for wrong in (
        ["--set", "workers"],
        ["--within", "p99"],
        ["--concurrency", "many"],
        ["--price", "much", "--goal", "cost"],
    ):
        outcome = CliRunner().invoke(command, [str(bundle.path), *wrong])
        assert isinstance(outcome.exception, UsageError)
        assert wrong[0] in str(outcome.exception)


@pytest.mark.slow
@pytest.mark.heavy
def test_command_line_from_end_to_end(bundle, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY", MASTER_KEY)
    short = ["--warm-up-seconds", "0.1", "--min-seconds", "0.5", "--max-seconds", "0.6", "--repeats", "2"]
    arguments = [str(bundle.path), "--set", "threads=1,4", "--concurrency", "4", "--minutes", "5", *short]
    outcome = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert "Result: threads=4: " in outcome.output
    assert '+    "MODELBUILDER_THREADS": "4"' in outcome.output
    assert f"Written: {bundle.path / TUNING_FILE}" in outcome.output
    assert json.loads((bundle.path / TUNING_FILE).read_text())["chosen"]["values"] == {"threads": 4}


def test_codecs(tumour_bundle):
    offered = offers_of(tumour_bundle, hardware_here())
    assert "codec" in offered
    requests = sample_requests(tumour_bundle)
    space = space_of(tumour_bundle, hardware_here(), {"codec": ["application/json", "text/csv"]})
    assert space.size == 3
    marshaller = open_schema_data(tumour_bundle.schema)
    values = []
    for candidate in space:
        (sent,) = encoded_as(tumour_bundle, requests, space.content_type(candidate))
        assert sent.content_type == candidate["codec"]
        values.append(marshaller.decode_request(sent.body, sent.content_type))
    assert all((values[0] == other).all() for other in values[1:])
    with pytest.raises(UsageError, match="codec='text/html' is nothing that tumour takes"):
        space_of(tumour_bundle, hardware_here(), {"codec": ["text/html"]})
