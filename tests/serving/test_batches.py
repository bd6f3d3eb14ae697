"""Requests that come together are predicted together, and a bad one among them is its own affair."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from tests.serving.running_server import eventually, running

TOGETHER = """
    import json, os, time
    from pathlib import Path

    BATCH = {"max_batch_size": 4, "max_batch_delay_ms": DELAY}

    def model_fn(model_dir):
        return None

    def input_fn(request_body, content_type):
        word = bytes(request_body).decode()
        if word == "undecodable":
            raise Refused("expected another word")
        return word

    class Refused(Exception):
        http_status = 400

    def predict_batch_fn(inputs, model):
        for word in inputs:
            if word.startswith("hold"):
                Path(word[5:], "held").touch()
                while not Path(word[5:], "go").exists():
                    time.sleep(0.01)
        if "poison" in inputs:
            raise RuntimeError("poisoned")
        if "lost" in inputs and len(inputs) > 1:
            return inputs[1:]
        return [[word, list(inputs)] for word in inputs]

    def predict_fn(input_data, model):
        raise AssertionError("requests are predicted together here")

    def stream_fn(prediction, accept):
        return (endless(), "text/plain") if prediction[0] == "endless" else None

    def endless():
        while True:
            yield b"."
            time.sleep(0.01)

    def output_fn(prediction, accept):
        if prediction[0] == "unencodable":
            raise Refused("cannot be written")
        return json.dumps(prediction), "application/json"
"""


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    with running(tmp_path_factory.mktemp("at_once") / "model", TOGETHER.replace("DELAY", "0")) as server:
        yield server


def ask_together(server, folder, words: list[str]) -> list[tuple[int, object]]:
    """Send ``words`` while the model is held, so that all of them wait when it is let go."""
    before = len(server.events("invocation"))

    def ask(word: str) -> tuple[int, object]:
        with urllib3.PoolManager(retries=False, timeout=30) as http:
            response = http.request("POST", server.url + "/invocations", body=word)
            return response.status, json.loads(response.data)

    with ThreadPoolExecutor(len(words) + 1) as pool:
        held = pool.submit(ask, f"hold {folder}")
        assert eventually((folder / "held").exists)
        waiting = [pool.submit(ask, word) for word in words]
        time.sleep(0.5)  # until all of them have come
        (folder / "go").touch()
        assert held.result()[0] == 200
        answers = [future.result() for future in waiting]
    assert eventually(lambda: len(server.events("invocation")) == before + len(words) + 1)
    return answers


def test_what_waits_is_predicted_together_up_to_the_limit(at_once, tmp_path):
    answers = ask_together(at_once, tmp_path, list("abcdef"))
    assert [status for status, _ in answers] == [200] * 6
    assert [answer[0] for _, answer in answers] == list("abcdef")  # each gets its own
    assert sorted({len(answer[1]) for _, answer in answers}) == [2, 4]


def test_a_bad_request_gets_its_own_answer(at_once, tmp_path):
    (bad_status, bad), (status, good), (lost_status, lost), (last_status, last) = ask_together(
        at_once, tmp_path, ["undecodable", "a", "unencodable", "b"]
    )
    assert (bad_status, bad["message"]) == (400, "expected another word")
    assert (lost_status, lost["message"]) == (400, "cannot be written")
    assert (status, last_status) == (200, 200)
    assert sorted(good[1]) == sorted(last[1]) == ["a", "b", "unencodable"]


def test_only_the_guilty_one_fails(at_once, tmp_path):
    answers = dict(zip("apb", ask_together(at_once, tmp_path, ["a", "poison", "b"]), strict=True))
    assert answers["p"][0] == 500
    assert "poisoned" not in str(answers["p"][1])
    assert answers["a"] == (200, ["a", ["a"]])  # tried alone
    assert answers["b"] == (200, ["b", ["b"]])
    assert any(line["requests"] == 3 for line in at_once.events("batch failed, each request is tried alone"))
    assert "poisoned" in str(at_once.events("model error")[-1])


def test_too_few_predictions_are_not_handed_to_the_wrong_client(at_once, tmp_path):
    answers = ask_together(at_once, tmp_path, ["lost", "x"])
    assert answers == [(200, ["lost", ["lost"]]), (200, ["x", ["x"]])]
    line = at_once.events("batch failed, each request is tried alone")[-1]
    assert "1 predictions for 2 inputs" in line["error"]


def test_an_endless_stream_keeps_nobodys_answer_back(at_once, tmp_path):
    def ask(word: str) -> bytes:
        with urllib3.PoolManager(retries=False, timeout=30) as http:
            response = http.request("POST", at_once.url + "/invocations", body=word, preload_content=False)
            piece = response.read1(1 << 16)
            response.close()
            return piece

    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(ask, f"hold {tmp_path}")
        assert eventually((tmp_path / "held").exists)
        first = pool.submit(ask, "endless")
        time.sleep(0.2)  # so that it is in front of the others
        others = [pool.submit(ask, word) for word in "ab"]
        time.sleep(0.5)
        (tmp_path / "go").touch()
        assert json.loads(held.result())[1] == [f"hold {tmp_path}"]
        assert [sorted(json.loads(other.result())[1]) for other in others] == [["a", "b", "endless"]] * 2
        assert first.result().startswith(b".")


def test_the_delay_waits_for_company(tmp_path):
    with running(tmp_path / "model", TOGETHER.replace("DELAY", "5000")) as server:

        def ask(word: str) -> list[object]:
            with urllib3.PoolManager(retries=False, timeout=30) as http:
                return json.loads(http.request("POST", server.url + "/invocations", body=word).data)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, "abcd"))
        assert [len(answer[1]) for answer in answers] == [4] * 4  # full before the 5 s are over
