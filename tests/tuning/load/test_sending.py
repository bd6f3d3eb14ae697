"""Load against scripted servers: what was scripted is what is measured."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.tuning.load import Load, LoadRequest
from cdk_modelbuilder.tuning.load import sending as sending_module
from cdk_modelbuilder.tuning.load.watch import Watch
from cdk_modelbuilder.tuning.load.window import run_load
from tests.tuning.load.scripted_server import Script, serving

pytestmark = pytest.mark.slow
ONE = (LoadRequest(b"[1]"),)
SHORT = {"warm_up_seconds": 0.1, "min_seconds": 0.2, "max_seconds": 0.5, "relative_width": 0.0}


def measured(script: Script, *, watch: Watch | None = None, **load):
    with serving(script) as port:
        return run_load(Load(**{"requests": ONE, **SHORT, **load}), port=port, path="/invocations", watch=watch)


def test_users_of_a_constant_server():
    script = Script(delay=lambda _: 0.05)
    found = measured(script, concurrency=4)
    # A machine that is busy adds to each time, and takes nothing away.
    assert found.latency_ms["p50"].value >= 50
    assert found.requests_per_second.value <= 4 / 0.05 + 4
    assert 3.5 <= found.concurrency <= 4.0 + 1e-9
    assert found.error_rate == 0
    assert found.seconds == 0.5
    assert found.warm_up_seconds == 0.1
    assert not found.settled
    assert script.heads[0].startswith(b"POST /invocations HTTP/1.1\r\n")
    # Little's law, by another way than the one it is reckoned with.
    product = found.requests_per_second.value * found.latency_ms["mean"].value / 1000
    assert product == pytest.approx(found.concurrency, rel=0.15)


@pytest.mark.heavy
def test_one_answer_in_ten_is_slow():
    found = measured(Script(delay=lambda turn: 0.2 if turn % 10 == 9 else 0.005), concurrency=5, max_seconds=2.0)
    assert 5 <= found.latency_ms["p50"].value < 200 <= found.latency_ms["p99"].value
    assert 5 <= found.latency_ms["p50"].value < found.latency_ms["mean"].value < found.latency_ms["p99"].value


def test_arrivals_are_charged_for_a_server_that_stalls():
    script = {"delay": lambda _: 0.002, "stall": (0.2, 0.8)}
    load = {"warm_up_seconds": 0.0, "max_seconds": 1.25}
    arrivals = measured(Script(**script), rate=100.0, arrivals="constant", **load)
    users = measured(Script(**script), concurrency=1, **load)
    # 60 of 125 requests came due while it stalled; a user who waits saw one.
    assert arrivals.latency_ms["p90"].value >= 300
    assert users.latency_ms["p90"].value < 300
    assert arrivals.latency_ms["mean"].value >= 600 * 0.3 / 2 * 0.9
    assert 122 <= arrivals.answers + sum(arrivals.failures.values()) <= 125


@pytest.mark.heavy
def test_arrivals_come_at_their_rate_however_slow_the_answers_are():
    found = measured(Script(delay=lambda _: 0.3), rate=50.0, arrivals="constant", warm_up_seconds=0.5, max_seconds=1.0)
    assert 48 <= found.answers <= 51
    assert found.concurrency >= 50 * 0.3 * 0.95


@pytest.mark.heavy
def test_the_same_seed_sends_the_same():
    requests = tuple(LoadRequest(b"%d" % number) for number in range(20))
    seen = []
    for seed in (1, 1, 2):
        script = Script(delay=lambda _: 0.002)
        measured(script, requests=requests, concurrency=1, seed=seed)
        seen.append(script.bodies[:20])
    assert seen[0] == seen[1] != seen[2]
    assert sorted(seen[0]) == sorted(one.body for one in requests)


def test_errors_are_counted_by_kind_and_are_no_answers():
    found = measured(Script(delay=lambda _: 0.002, status=lambda turn: (200, 503, 0)[turn % 3]), concurrency=1)
    assert {"503", "connection broken"} <= found.failures.keys()
    assert 0.4 < found.error_rate < 0.9


@pytest.mark.heavy
def test_a_request_without_an_answer_in_time_has_failed():
    script = Script(delay=lambda turn: 30.0 if turn % 5 == 4 else 0.01)
    found = measured(script, concurrency=2, timeout_seconds=0.3, most_errors=1.0)
    assert found.failures["no answer in time"] >= 1
    assert found.latency_ms["p99"].value < 300


@pytest.mark.heavy
def test_nobody_there_is_an_error_rate_of_one():
    found = run_load(Load(requests=ONE, concurrency=2, **SHORT), port=1, path="/")
    assert found.error_rate == 1.0
    assert set(found.failures) == {"connection refused"}
    assert found.latency_ms == {}


def event(**data) -> bytes:
    return b"data: %s\n\n" % json.dumps(data).encode()


CHAT = (
    (0.03, event(choices=[{"delta": {"role": "assistant", "content": ""}}])),
    (0.03, event(choices=[{"delta": {"content": "one"}}])),
    *[(0.02, event(choices=[{"delta": {"content": " more"}}])) for _ in range(4)],
    (0.0, event(choices=[{"delta": {}, "finish_reason": "stop"}])),
    (0.0, event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 9})),
    (0.0, b"data: [DONE]\n\n"),
)


def test_a_stream_in_openais_shape():
    script = Script(events=CHAT, content_type="text/event-stream")
    found = measured(script, requests=(LoadRequest(b"{}", stream=True),), concurrency=2)
    assert found.first_token_ms["p50"].value >= 60  # not the role, which came after 30
    assert found.latency_ms["p50"].value >= 140
    assert found.token_ms["p50"].value >= 80 / 8  # four steps of 20 ms, and the server says nine tokens
    assert found.tokens_counted == "usage"
    assert found.tokens_per_second.value == pytest.approx(9 * found.requests_per_second.value, rel=0.25)


@pytest.mark.heavy
def test_a_stream_of_pieces():
    script = Script(events=tuple((0.02, b"piece") for _ in range(5)), content_type="text/plain")
    found = measured(script, requests=(LoadRequest(b"{}", stream=True),), concurrency=1)
    assert found.first_token_ms["p50"].value >= 20
    assert found.token_ms["p50"].value >= 20
    assert found.tokens_counted == "pieces"
    assert found.tokens_per_second.value <= 50 + 5


@pytest.mark.heavy
def test_a_whole_answer_tells_its_tokens():
    body = json.dumps({"choices": [{"text": "x" * 100}], "usage": {"completion_tokens": 7}}).encode()
    found = measured(Script(delay=lambda _: 0.02, body=body), concurrency=1)
    assert found.first_token_ms is None
    assert found.tokens_per_second.value == pytest.approx(7 * found.requests_per_second.value, rel=0.25)


def test_it_ends_when_the_figure_is_known():
    load = {"min_seconds": 0.5, "max_seconds": 60.0, "relative_width": 0.5}
    found = measured(Script(delay=lambda _: 0.01), concurrency=1, **load)
    assert found.settled
    assert found.seconds < 60
    assert found.requests_per_second.relative_width <= 0.5


def test_who_watches_sees_it_and_may_end_it():
    seen = []
    watch = Watch(on_interim=lambda one: seen.append(one) or len(seen) == 2, memory=lambda: 7 << 20)
    found = measured(Script(delay=lambda _: 0.01), concurrency=1, max_seconds=60.0, watch=watch)
    assert (watch.ended_by, len(seen)) == ("callback", 2)
    assert found == seen[-1]
    assert found.memory_bytes == 7 << 20


@pytest.mark.heavy
def test_many_errors_end_it_early():
    watch = Watch()
    found = measured(Script(status=lambda _: 500), concurrency=2, max_seconds=60.0, watch=watch)
    assert watch.ended_by == "errors"
    assert found.error_rate == 1.0


@pytest.mark.parametrize(
    ("watch", "reason"),
    [(Watch(is_running=lambda: False), "server"), (Watch(deadline=0.0), "deadline")],
)
def test_it_ends_when_there_is_nothing_to_go_on_for(watch, reason):
    assert measured(Script(), concurrency=1, max_seconds=60.0, watch=watch) is None
    assert watch.ended_by == reason


def test_the_sender_ends_when_a_callback_fails():
    children = []
    real = subprocess.Popen

    class Noted(real):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            children.append(self)

    def fail(_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending_module.subprocess, "Popen", Noted)
        with pytest.raises(KeyboardInterrupt):
            measured(Script(delay=lambda _: 0.01), concurrency=1, max_seconds=60.0, watch=Watch(on_interim=fail))
    assert [child.poll() is not None for child in children] == [True]


def test_the_sender_ends_with_whoever_started_it():
    code = (
        "import os, subprocess, sys\n"
        "from cdk_modelbuilder.tuning.load import Load, LoadRequest\n"
        "from cdk_modelbuilder.tuning.load.sending import Sending\n"
        "one = Sending(Load(requests=(LoadRequest(b'1'),), concurrency=1), port=1, path='/')\n"
        "print(one._child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    assert eventually_gone(int(done.stdout))


def eventually_gone(pid: int) -> bool:
    from pathlib import Path

    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.heavy
def test_a_sender_that_ends_is_an_error_with_its_last_words():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending_module.sys, "executable", "/bin/false")
        with pytest.raises(LocalEndpointError, match="ended with status 1: no reason was given"):
            measured(Script(), concurrency=1)
