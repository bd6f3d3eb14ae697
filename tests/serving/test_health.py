"""/ping tells the truth at every moment, and nothing that the model does keeps it waiting."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

from tests.serving.running_server import eventually, running

BUSY = """
    import threading
    import time
    from pathlib import Path

    def model_fn(model_dir):
        gate = Path(model_dir).parent / "load"
        while not gate.exists():
            time.sleep(0.01)
        return Path(model_dir).parent

    def input_fn(request_body, content_type):
        return bytes(request_body).decode()

    def predict_fn(word, folder):
        if word == "wait":
            (folder / f"started-{threading.get_ident()}").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)
        if word == "spin":  # holds the interpreter's lock whenever it can
            (folder / "spinning").touch()
            while not (folder / "enough").exists():
                sum(range(100_000))
        return word

    def output_fn(prediction, accept):
        return prediction, "text/plain"
"""


def ask(url: str, body: str | None = None) -> tuple[int, str]:
    """A connection of its own for each request; /ping has SageMaker's 2 seconds."""
    with urllib3.PoolManager(retries=False, timeout=30 if body else 2) as http:
        response = http.request("POST" if body else "GET", url + ("/invocations" if body else "/ping"), body=body)
        return response.status, response.data.decode()


def test_requests_that_come_while_it_loads_are_answered_afterwards(tmp_path: Path):
    with running(tmp_path / "model", BUSY, loaded=False) as server, ThreadPoolExecutor(3) as pool:
        assert ask(server.url)[0] == 503
        early = [pool.submit(ask, server.url, word) for word in "abc"]
        with urllib3.PoolManager(retries=False) as http:
            document = http.request("GET", server.url + "/openapi.json")
        assert (document.status, "still loading" in json.loads(document.data)["message"]) == (503, True)
        assert not any(answer.done() for answer in early)
        (tmp_path / "load").touch()
        assert [answer.result() for answer in early] == [(200, "a"), (200, "b"), (200, "c")]
        assert ask(server.url)[0] == 200


def test_a_model_that_holds_the_interpreter_does_not_hold_ping(tmp_path: Path):
    (tmp_path / "load").touch()
    with running(tmp_path / "model", BUSY) as server:
        spinning = threading.Thread(target=ask, args=(server.url, "spin"))
        spinning.start()
        assert eventually((tmp_path / "spinning").exists)
        assert [ask(server.url)[0] for _ in range(10)] == [200] * 10
        (tmp_path / "enough").touch()
        spinning.join()


def test_a_worker_with_threads_answers_so_many_at_a_time(tmp_path: Path):
    (tmp_path / "load").touch()
    with running(tmp_path / "model", BUSY, "--threads", "2") as server, ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, server.url, "wait") for _ in range(2)]
        assert eventually(lambda: len(list(tmp_path.glob("started-*"))) == 2)
        (tmp_path / "go").touch()
        assert [answer.result()[0] for answer in waiting] == [200, 200]


def test_a_server_that_is_stopped_while_it_loads_stops_at_once(tmp_path: Path):
    with running(tmp_path / "model", BUSY, loaded=False) as server:
        assert ask(server.url)[0] == 503  # it listens before it can be told to stop
        assert server.stop() == 0
        assert server.events("stopped while loading")
