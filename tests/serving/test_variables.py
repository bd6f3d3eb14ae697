"""The server's properties from its environment: those that a container spec holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.serving import variables
from tests.serving.running_server import running

TOGETHER = """
    import os

    def model_fn(model_dir):
        return model_dir

    def input_fn(request_body, content_type):
        return request_body

    def predict_fn(input_data, model):
        return predict_batch_fn([input_data], model)[0]

    def predict_batch_fn(inputs, model):
        return ["%d of %d" % (os.getpid(), len(inputs))] * len(inputs)

    def output_fn(prediction, accept):
        return prediction, "text/plain"
"""
ALONE = TOGETHER.replace("predict_batch_fn", "_predict_all")
ASKED = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\n1"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *[("MODELBUILDER_WORKERS", text) for text in ("0", "-1", "two", "1.5", "257", "1e3")],
        *[("MODELBUILDER_THREADS", text) for text in ("0", "9999999999")],
        *[("MODELBUILDER_MAX_BATCH_SIZE", text) for text in ("0", "1001")],
        *[("MODELBUILDER_MAX_BATCH_DELAY_MS", text) for text in ("-1", "nan", "inf", "soon")],
        *[("MODELBUILDER_MAX_PAYLOAD_BYTES", "all"), ("MODELBUILDER_STUCK_AFTER", "0")],
        ("SAGEMAKER_BIND_TO_PORT", "70000"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_it_may_be(variable, text):
    with pytest.raises(variables.VariableError) as found:
        variables.number(text, variable, called=variable)
    assert str(found.value).startswith(f"{variable} is {text!r}; give a ")


@given(st.sampled_from(sorted(variables._BOUNDS)), st.text(max_size=12))
def test_any_text_is_a_number_within_bounds_or_refused(variable, text):
    bounds = variables._BOUNDS[variable]
    try:
        value = variables.number(text, variable, called=variable)
    except variables.VariableError:
        return
    assert value is None or bounds.low <= value <= bounds.high


@pytest.mark.parametrize("text", [None, "", " "])
def test_no_text_is_no_wish(text):
    assert variables.number(text, "MODELBUILDER_WORKERS", called="it") is None


def test_the_server_does_not_start_with_a_wrong_value():
    done = subprocess.run(
        [sys.executable, "-m", "cdk_modelbuilder.serving", "--port", "0"],
        env={**os.environ, "MODELBUILDER_THREADS": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "the server was not started: MODELBUILDER_THREADS is 'many'; give a whole number from 1 to 256.\n"
    )


def test_workers_threads_and_batches_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_WORKERS", "2")
    monkeypatch.setenv("MODELBUILDER_MAX_BATCH_SIZE", "4")
    monkeypatch.setenv("MODELBUILDER_MAX_BATCH_DELAY_MS", "300")
    with running(tmp_path / "model", TOGETHER) as server:
        assert server.events("listening")[0]["workers"] == 2
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: server.send(ASKED).rpartition(b"\r\n\r\n")[2], range(16)))
    sizes = [int(answer.split()[-1]) for answer in answers]
    assert all(b" of " in answer for answer in answers)
    assert 1 < max(sizes) <= 4


def test_an_option_counts_more_than_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_WORKERS", "3")
    monkeypatch.setenv("MODELBUILDER_MAX_BATCH_SIZE", "1")
    with running(tmp_path / "model", TOGETHER, "--workers", "1") as server:
        assert server.events("listening")[0]["workers"] == 1
        assert server.send(ASKED).endswith(b" of 1")


def test_a_model_that_takes_one_request_gets_no_batches(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_MAX_BATCH_SIZE", "8")
    with running(tmp_path / "model", ALONE, loaded=False) as server:
        assert server.child.wait(20) == 3
        server.stop()
        said = server.events("model failed to load")[0]["error"]
    assert said.startswith("VariableError: MODELBUILDER_MAX_BATCH_SIZE asks for batches of 8, and the model takes one")


def test_one_request_at_a_time_can_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_MAX_BATCH_SIZE", "1")
    with running(tmp_path / "model", ALONE) as server:
        assert b" of 1" in server.send(ASKED)


def test_a_bundle_holds_them_and_an_argument_counts_more(tmp_path):
    from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
    from tests.tuning.trials.specs import Moody

    bundle = ModelBuilder(
        inference_spec=Moody(),
        schema_builder=SchemaBuilder("word", "word"),
        model_path=tmp_path / "moody",
        dependencies={"auto": False},
        env_vars={"MODELBUILDER_WORKERS": "2", "MODELBUILDER_MAX_BATCH_SIZE": "8"},
    ).build()
    assert bundle.container.environment["MODELBUILDER_WORKERS"] == "2"
    seen = []
    for options in ({}, {"workers": 1}):
        log: list[str] = []
        predictor = bundle.deploy(mode=Mode.LOCAL_PROCESS, on_log=log.append, **options)
        assert predictor.predict("hello") == "hello"
        predictor.delete_endpoint()
        seen += [json.loads(line)["workers"] for line in log if '"listening"' in line]
    assert seen == [2, 1]


def test_a_wrong_value_is_refused_when_it_is_given():
    from cdk_modelbuilder.building.arguments import checked_env

    with pytest.raises(UsageError, match="MODELBUILDER_THREADS is '0'; give a whole number from 1"):
        checked_env({"MODELBUILDER_THREADS": "0"})
    with pytest.raises(UsageError, match="not beginning with MODELBUILDER_ but for MODELBUILDER_WORKERS"):
        checked_env({"MODELBUILDER_ROOT_SHA256": "0"})
