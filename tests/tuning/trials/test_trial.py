"""Trials with real servers: each kind of end is a result with its cause, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.tuning.load import Load, LoadRequest, sample_requests
from cdk_modelbuilder.tuning.trial import ServerCommand, TrialOutcome, run_command_trial, run_trial
from tests.conftest import MASTER_KEY
from tests.tuning.trials.servers import server

pytestmark = pytest.mark.slow
SHORT = {"concurrency": 2, "warm_up_seconds": 0.1, "min_seconds": 0.2, "max_seconds": 0.5, "relative_width": 0.0}
ONE = Load(requests=(LoadRequest(b"[1]"),), **SHORT)
ENDLESS = replace(ONE, max_seconds=600.0)


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_command_is_measured_and_ended(tmp_path):
    found = run_command_trial(server(at_start=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"), ONE)
    assert (found.status, found.cause) == ("measured", None)
    assert found.started_seconds > 0
    assert found.measurement.answers > 0
    assert found.measurement.memory_bytes > 1 << 20
    assert gone(int((tmp_path / "pid").read_text()))
    assert TrialOutcome.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (server(at_start="sys.exit('weights are missing')"), "start-failed", "status 1 .*weights are missing"),
        (server(at_start="sys.exit(2)"), "rejected", "status 2"),
        (
            server(at_start="import argparse; argparse.ArgumentParser().parse_args(['--dtype', 'odd'])"),
            "rejected",
            "unrecognized arguments: --dtype odd",
        ),
        (server(at_start="os.kill(os.getpid(), 9)"), "out-of-memory", "status 137"),
        (server(at_start="raise MemoryError('64 GiB')"), "out-of-memory", "MemoryError: 64 GiB"),
        (
            server(at_start="sys.exit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB')"),
            "out-of-memory",
            "CUDA out of memory",
        ),
        (server(at_start="time.sleep(60)", startup_seconds=0.5), "start-failed", "not ready within 0 s|within 1 s"),
        (ServerCommand(argv=("/no/such/program", "{port}")), "start-failed", "cannot be run"),
        (server("self.answer(422, b'max_tokens is too large')"), "rejected", "status 422: max_tokens is too large"),
        (server("self.answer(500, b'CUDA out of memory')"), "out-of-memory", "status 500: CUDA"),
        (server("self.answer(503, b'later')"), "errors", "status 503: later"),
        (server("os._exit(7)"), "errors", "ended under load with status 7"),
        (server("server.asked < 9 or os.kill(os.getpid(), 9)"), "out-of-memory", "status 137"),
        (server("if server.asked % 2 == 0: return self.answer(500)"), "errors", "of the requests failed: .* of 500"),
    ],
)  # fmt: skip
def test_a_failure_is_a_result_with_its_cause(command, status, words):
    found = run_command_trial(command, replace(ONE, max_seconds=2.0))
    assert found.status == status, found
    assert re.search(words, found.cause), found.cause
    assert len(found.cause) <= 500


@pytest.mark.heavy
def test_a_cause_has_no_secret_in_it():
    token = "hf_" + "Ab1" * 11
    found = run_command_trial(server(at_start=f"sys.exit('denied: token {token}')"), ONE)
    assert "denied: token [secret]" in found.cause
    assert token not in found.cause


@pytest.mark.heavy
def test_a_server_gets_no_key_of_those_who_build(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    seen = tmp_path / "environment"
    command = server(at_start=f"open({str(seen)!r}, 'w').write(repr(dict(os.environ)))", environment={"MINE": "{port}"})
    run_command_trial(command, ONE)
    environment = eval(seen.read_text(), {})
    assert environment["MINE"].isdigit()
    assert not {"HF_TOKEN", "MODELBUILDER_MASTER_KEY"} & environment.keys()


@pytest.mark.heavy
def test_the_deadline_ends_a_start_and_a_measurement():
    slow = server(at_start="time.sleep(60)")
    began = time.monotonic()
    assert run_command_trial(slow, ONE, deadline=time.monotonic() + 0.5).status == "timed-out"
    found = run_command_trial(server(), ENDLESS, deadline=time.monotonic() + 2.5)
    assert found.status == "measured"
    assert not found.measurement.settled
    assert run_command_trial(server(), ONE, deadline=time.monotonic() - 1).status == "timed-out"
    assert time.monotonic() - began < 60


@pytest.mark.heavy
def test_who_looks_on_may_prune():
    seen = []
    found = run_command_trial(server(), ENDLESS, on_interim=lambda one: seen.append(one) or True)
    assert (found.status, found.measurement) == ("pruned", seen[0])


LEAVER = (
    "deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)'; "
    "subprocess.Popen([sys.executable, '-c', deaf], start_new_session=True); "
    "note = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
)
"""Starts a process that stays in the group, and one that leaves it and does not listen."""


def descendants(pid: int) -> set[int]:
    found = {pid}
    for _ in range(4):
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent in found:
                found.add(int(folder.name))
    return found - {pid}


@pytest.mark.parametrize("error", [KeyboardInterrupt, pytest.param(RuntimeError, marks=pytest.mark.heavy)])
def test_nothing_is_left_when_a_callback_fails(error):
    started, before = set(), descendants(os.getpid())  # other tests' servers of this process are none of its business

    def fail(_):
        started.update(descendants(os.getpid()) - before)
        raise error

    with pytest.raises(error):
        run_command_trial(server(at_start=LEAVER), ENDLESS, on_interim=fail)
    assert len(started) >= 5  # keeper, server, its two children, the sender
    assert all(map(gone, started))


@pytest.mark.heavy
def test_nothing_is_left_when_the_tuner_is_killed(tmp_path):
    code = (
        "import os, pathlib\n"
        "from tests.tuning.trials.test_trial import ENDLESS, LEAVER, descendants, run_command_trial, server\n"
        "def kill(_):\n"
        "    print(*descendants(os.getpid()), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "run_command_trial(server(at_start=LEAVER), ENDLESS, on_interim=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    started = [int(pid) for pid in done.stdout.split()]
    assert len(started) >= 5
    assert all(map(gone, started))


def test_a_sender_that_fails_is_not_the_servers_fault(monkeypatch):
    from cdk_modelbuilder.tuning.load import window

    def fail(*_, **__):
        raise LocalEndpointError("the sender ended.", remedy="Less load.")

    monkeypatch.setattr(window, "Sending", fail)
    with pytest.raises(LocalEndpointError, match="the sender ended"):
        run_command_trial(server(), ONE)


def test_a_command_that_is_told_no_port_is_refused():
    with pytest.raises(UsageError, match=r"serve is told no port.*--port \{port\}"):
        ServerCommand(argv=("serve",))
    with pytest.raises(UsageError, match="empty"):
        ServerCommand(argv=())


def of_bundle(bundle, word="word", environment=None, **options):
    spec = replace(bundle.container, environment={**bundle.container.environment, **(environment or {})})
    request = replace(sample_requests(bundle)[0], body=word.encode("latin-1"))
    return run_trial(bundle, spec, replace(ONE, requests=(request,)), key=MASTER_KEY, **options)


@pytest.mark.heavy  # failed once in six on a busy machine; the cause is not found yet
def test_a_bundle_is_measured_with_the_candidates_workers(moody_bundle):
    log = []
    found = of_bundle(moody_bundle, environment={"MODELBUILDER_WORKERS": "2"}, on_log=log.append)
    assert found.status == "measured", found
    events = [json.loads(line) for line in log]
    assert [one["workers"] for one in events if one["event"] == "listening"] == [2]
    first = next(place for place, one in enumerate(events) if one["event"] == "invocation")
    # Nothing is asked before both are ready.
    assert sum(one["event"] == "model loaded" for one in events[:first]) == 2


@pytest.mark.heavy
def test_the_argument_counts_more_than_the_environment(moody_bundle):
    log = []
    of_bundle(moody_bundle, environment={"MODELBUILDER_WORKERS": "2"}, workers=1, on_log=log.append)
    assert '"workers": 1' in next(line for line in log if '"listening"' in line)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("word", "environment", "status", "words"),
    [
        ("word", {"MODELBUILDER_WORKERS": "0"}, "rejected", "MODELBUILDER_WORKERS is '0'; give a whole number"),
        ("word", {"MOODY_START": "memory"}, "out-of-memory", "MemoryError: no room for the weights"),
        ("word", {"MOODY_START": "error"}, "start-failed", "the weights are not mine"),
        ("\xff", {}, "rejected", "the sample got status 400"),
        ("fail", {}, "errors", "the sample got status 500"),
        ("die", {}, "out-of-memory", "status -9"),
    ],
)
def test_a_bundle_that_fails_is_a_result(moody_bundle, word, environment, status, words):
    found = of_bundle(moody_bundle, word, environment)
    assert (found.status, words in found.cause) == (status, True), found
    assert MASTER_KEY not in found.cause


@pytest.mark.heavy
def test_a_worker_that_is_killed_under_load_is_no_success(moody_bundle):
    log, before = [], descendants(os.getpid())

    def kill_one(_):
        for pid in descendants(os.getpid()) - before:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                return
        raise AssertionError(log)

    request = LoadRequest(b"word", "text/plain")
    load = replace(ENDLESS, requests=(request,), most_errors=1.0)
    found = run_trial(
        moody_bundle,
        moody_bundle.container,
        load,
        workers=2,
        key=MASTER_KEY,
        on_log=log.append,
        on_interim=kill_one,
        deadline=time.monotonic() + 30,
    )
    assert found.status in ("errors", "out-of-memory"), found
    assert "1 of the server's workers ended under load" in found.cause


@pytest.mark.heavy
@pytest.mark.parametrize(("threads", "status"), [("1", "measured"), ("4", "errors")])
def test_a_model_that_mixes_up_its_threads_is_found_out(tmp_path, threads, status):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder
    from tests.tuning.trials.specs import Forgetful

    bundle = ModelBuilder(
        inference_spec=Forgetful(),
        schema_builder=SchemaBuilder("word", "word"),
        model_path=tmp_path / "forgetful",
        signing_key=MASTER_KEY,
        dependencies={"auto": False},
    ).build()
    spec = replace(bundle.container, environment={**bundle.container.environment, "MODELBUILDER_THREADS": threads})
    words = tuple(LoadRequest(word, "text/plain") for word in (b"one", b"two", b"three"))
    found = run_trial(bundle, spec, replace(ONE, requests=words, concurrency=8), key=MASTER_KEY)
    assert found.status == status, found
    assert (found.cause is None) == (status == "measured")
    if status == "errors":
        assert "another answer than to the request alone" in found.cause


def test_other_modes_and_options_are_refused(moody_bundle):
    with pytest.raises(UsageError, match=r"not in Mode.SAGEMAKER_ENDPOINT"):
        of_bundle(moody_bundle, mode=Mode.SAGEMAKER_ENDPOINT)
    with pytest.raises(UsageError, match="memory_mb= is for containers"):
        of_bundle(moody_bundle, options={"memory_mb": 100})
