"""Many predictions at a time."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.errors import ModelFailedError, PredictionError, SchemaError, UsageError
from tests.predictor.conftest import SCHEMA
from tests.predictor.echo_container import EchoContainer


@pytest.fixture
def echo():
    with EchoContainer() as container:
        yield container


def test_answers_in_the_order_of_the_items(predictor_for, echo):
    items = list(range(100))
    assert predictor_for(echo.url).predict_batch(items, concurrency=5) == items


def test_no_more_than_so_many_at_a_time(predictor_for, echo):
    echo.meet(3)  # every request waits until two others are there
    taken = []

    def source():
        for number in range(30):
            taken.append(number)
            yield number

    assert predictor_for(echo.url).predict_batch(source(), concurrency=3) == list(range(30))
    assert echo.most_at_a_time == 3
    assert len(taken) == 30


def test_a_generator_is_read_as_places_become_free(predictor_for, echo):
    ahead = []

    def source():
        for number in range(50):
            ahead.append(number - echo.answered)
            yield number

    predictor_for(echo.url).predict_batch(source(), concurrency=4)
    assert max(ahead) <= 4


@pytest.mark.parametrize("items", [[], iter(())])
def test_nothing(predictor_for, echo, items):
    assert predictor_for(echo.url).predict_batch(items) == []


def test_the_first_error_stops_it(predictor_for, echo):
    def source():
        for number in range(1000):
            yield "fail" if number == 3 else number

    with pytest.raises(ModelFailedError, match="told to fail") as caught:
        predictor_for(echo.url).predict_batch(source(), concurrency=2)
    assert caught.value.__notes__ == ["This was item 3 of the batch."]
    assert echo.answered < 100  # of a thousand; a few more were on their way


def test_errors_in_the_place_of_answers(predictor_for, echo):
    form = {"codec": "json", "spec": {"form": {"kind": "array"}}}
    predictor = predictor_for(echo.url, schema={**SCHEMA, "input": form})
    found = predictor.predict_batch([[1], ["fail"], "no list", [2]], return_errors=True)
    assert [type(item) for item in found] == [list, ModelFailedError, SchemaError, list]
    assert issubclass(ModelFailedError, PredictionError)


def test_an_error_of_the_source_stops_it(predictor_for, echo):
    def source():
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        predictor_for(echo.url).predict_batch(source(), return_errors=True)


@pytest.mark.parametrize(("items", "total"), [([5, 6, 7], 3), (iter([5, 6, 7]), None)])
def test_progress_as_a_callable(predictor_for, echo, items, total):
    seen = []
    predictor_for(echo.url).predict_batch(items, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(1, total), (2, total), (3, total)]


@pytest.mark.parametrize("items", ["text", b"bytes", {"a": 1}, pd.DataFrame({"a": [1]})])
def test_one_value_is_no_batch(predictor_for, echo, items):
    with pytest.raises(UsageError, match=f"a {type(items).__name__} is one"):
        predictor_for(echo.url).predict_batch(items)


@pytest.mark.parametrize("items", [5, None, np.array(5.0)])
def test_what_cannot_be_iterated_over(predictor_for, echo, items):
    with pytest.raises(UsageError, match=r"wants many inputs; a \w+ is one.*use predict"):
        predictor_for(echo.url).predict_batch(items)


def test_a_concurrency_of_nothing(predictor_for, echo):
    with pytest.raises(UsageError, match="concurrency is 0"):
        predictor_for(echo.url).predict_batch([1], concurrency=0)


def test_rows_of_an_array(predictor_for, echo):
    assert predictor_for(echo.url).predict_batch(map(list, np.eye(2).tolist())) == [[1, 0], [0, 1]]


def test_threads_may_share_a_predictor(predictor_for, echo):
    predictor = predictor_for(echo.url)
    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: predictor.predict_batch([n] * 20)})) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n] * 20 for n in range(4)}


SCRIPT = """
import json, sys
from cdk_modelbuilder import Predictor
from cdk_modelbuilder.calling import progress
from tests.predictor.conftest import CONTAINER, SCHEMA
progress.SHOW_AFTER_SECONDS = float(sys.argv[2])
with Predictor(sys.argv[1], schema=SCHEMA, container=CONTAINER) as predictor:
    print(json.dumps(predictor.predict_batch(range(50), progress=True)))
"""


@pytest.mark.parametrize(("after", "shown"), [("0", True), ("3600", False)])
def test_the_bar_shows_on_a_terminal_once_it_takes_long(echo, after, shown):
    assert bar_on_terminal(echo.url, after) is shown


def bar_on_terminal(url: str, after: str) -> bool:
    ours, theirs = pty.openpty()
    try:
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, url, after], stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=120
        )
        os.close(theirs)
        written = b""
        try:
            while piece := os.read(ours, 1 << 16):
                written += piece
        except OSError:  # the other end is closed
            pass
    finally:
        os.close(ours)
    assert json.loads(run.stdout) == list(range(50))
    return b"predicting" in written


def test_no_bar_where_there_is_no_terminal(echo):
    run = subprocess.run([sys.executable, "-c", SCRIPT, echo.url, "0"], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
