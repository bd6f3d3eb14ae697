"""Copies that die, hang or are sick, and a gateway that ends in every way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import EventStreamError

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.gateway import Limits, LocalGateway, Page, copies, health, host_bundles
from tests.conftest import MASTER_KEY
from tests.local.gateway.conftest import client
from tests.local.gateway.scripted import ScriptedStart, eventually
from tests.local.gateway.test_invoke import ask
from tests.predictor.scripted_container import Reply


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_copy_that_dies_at_work_is_started_again(moody, start, monkeypatch):
    monkeypatch.setattr(copies, "_FIRST_PAUSE_SECONDS", 0.01)
    with LocalGateway(host_bundles([moody]), start=start) as gateway:
        runtime = client(gateway.url)
        first = ask(runtime)[0]["pid"]
        with pytest.raises(
            runtime.exceptions.ModelError, match="could not get a response from the moody endpoint"
        ) as caught:
            ask(runtime, do="exit")
        assert caught.value.response["OriginalStatusCode"] == 0

        def answers():
            try:
                return ask(runtime)[0]["pid"]
            except runtime.exceptions.ModelError:
                return None

        assert eventually(answers)
        assert answers() != first
        runtime.close()


def test_nothing_is_sent_to_a_copy_that_is_not_healthy(scripted, moody, monkeypatch):
    monkeypatch.setattr(health, "_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(health, "_SICK_EVERY_SECONDS", 0.05)
    start = ScriptedStart(Reply(body=b"7"))
    patient = replace(moody.container, health_check=replace(moody.container.health_check, timeout_seconds=60))
    gateway, runtime = scripted(start, hosted=host_bundles([replace(moody, container=patient)], copies=2))
    sick, well = start.copies
    sick.ping = 503
    states = lambda: sorted(copy["state"] for copy in status(gateway)["variants"][0]["copies"])  # noqa: E731
    assert eventually(lambda: states() == ["InService", "Unhealthy"])
    for _ in range(10):
        runtime.invoke_endpoint(EndpointName="moody", Body=b"x")
    assert (len(sick.container.requests), len(well.container.requests)) == (0, 10)
    sick.ping = 200
    assert eventually(lambda: states() == ["InService", "InService"])


def test_a_copy_that_stays_sick_is_replaced(scripted, monkeypatch):
    monkeypatch.setattr(health, "_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(health, "_SICK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(copies, "_FIRST_PAUSE_SECONDS", 0.01)
    start = ScriptedStart(Reply(body=b"7"))
    _, runtime = scripted(start)
    start.copies[0].ping = 503
    assert eventually(lambda: len(start.copies) == 2)

    def answers():
        try:
            return runtime.invoke_endpoint(EndpointName="moody", Body=b"x")["Body"].read() == b"7"
        except runtime.exceptions.ModelError:
            return False

    assert eventually(answers)
    assert not start.copies[0].is_running()


def test_a_copy_that_takes_no_connection_is_passed_over(scripted, moody):
    start = ScriptedStart(Reply(body=b"7"))
    _, runtime = scripted(start, hosted=host_bundles([moody], copies=2))
    gone = start.copies[0]
    gone.container.__exit__(None, None, None)  # it does not answer, and nobody says that it has ended
    gone.container.__exit__ = lambda *_: None
    for _ in range(10):
        assert runtime.invoke_endpoint(EndpointName="moody", Body=b"x")["Body"].read() == b"7"


def status(gateway):
    with urllib3.PoolManager(retries=False) as http:
        return http.request("GET", f"{gateway.url}/-/status").json()["endpoints"][0]


def test_the_status_tells_what_happened(gateway, runtime):
    ask(runtime)
    with pytest.raises(runtime.exceptions.ModelError):
        ask(runtime, do="raise")
    found = status(gateway)
    assert (found["name"], found["status"]) == ("moody", "InService")
    (variant,) = found["variants"]
    assert variant["requests"] >= 2
    assert variant["server_errors"] >= 1
    assert 0 < variant["p50_ms"] <= variant["p99_ms"]
    (copy,) = variant["copies"]
    assert (copy["name"], copy["state"]) == ("moody/AllTraffic/primary/1", "InService")
    assert copy["memory_bytes"] > 1 << 20
    assert alive(int(copy["identity"].removeprefix("process ")))


def test_the_log_as_server_sent_events(gateway, runtime):
    ask(runtime)
    with urllib3.PoolManager(retries=False) as http:

        def lines(query):
            found = http.request("GET", f"{gateway.url}/-/logs?follow=no&{query}").data.decode()
            return [json.loads(line[6:]) for line in found.splitlines() if line.startswith("data: ")]

        assert eventually(lambda: any('"invocation"' in one["line"] for one in lines("endpoint=moody")))
        assert {one["copy"].partition("/")[0] for one in lines("endpoint=moody")} == {"moody"}
        assert {one["copy"].partition("/")[0] for one in lines("")} == {"moody", "speller"}
        following = http.request("GET", f"{gateway.url}/-/logs?endpoint=moody", preload_content=False)
        before = len(lines("endpoint=moody"))
        ask(runtime)
        seen = b""
        while seen.count(b"\n\n") <= before:
            seen += following.read1(1 << 16)
        following.close()


def test_what_is_at_work_is_answered_before_the_end(moody, start):
    gateway = LocalGateway(host_bundles([moody]), start=start)
    gateway.__enter__()
    runtime = client(gateway.url)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(ask(runtime, [7], do="sleep", seconds=0.7)[0]["value"]))
    slow.start()
    assert eventually(lambda: status(gateway)["variants"][0]["outstanding"] == 1)
    gateway.stop()
    gateway.stop()
    slow.join()
    assert answers == [[7]]
    with pytest.raises(runtime.exceptions.ClientError.__mro__[1]):
        ask(runtime)
    runtime.close()


def test_what_is_at_work_for_too_long_is_broken_off(scripted):
    gate = threading.Event()
    start = ScriptedStart(Reply(body=[b"one", b"two"], gate=gate))
    gateway, runtime = scripted(start, limits=Limits(grace_seconds=0.2))
    body = runtime.invoke_endpoint_with_response_stream(EndpointName="moody", Body=b"x")["Body"]
    stream = iter(body)
    assert next(stream)["PayloadPart"]["Bytes"] == b"one"
    caught = []

    def ask_in_vain():
        try:
            runtime.invoke_endpoint(EndpointName="moody", Body=b"x")
        except runtime.exceptions.ServiceUnavailable as error:
            caught.append(error)

    waiting = threading.Thread(target=ask_in_vain)
    waiting.start()
    assert eventually(lambda: len(start.requests) == 2)
    threading.Timer(1, gate.set).start()
    gateway.stop()
    with pytest.raises(EventStreamError, match=r"InternalStreamFailure.*has ended"):
        next(stream)
    body._raw_stream.drain_conn()  # botocore leaves it open
    waiting.join()
    assert "has ended" in str(caught[0])


def test_a_page_and_a_schema(moody, speller, start):
    page = Page("text/html; charset=utf-8", b"<p>here", (("Content-Security-Policy", "default-src 'none'"),))
    with (
        LocalGateway(host_bundles([moody]), start=start, pages={"/": page}) as gateway,
        urllib3.PoolManager(retries=False) as http,
    ):
        found = http.request("GET", gateway.url + "/")
        assert (found.data, found.headers["Content-Type"]) == (b"<p>here", "text/html; charset=utf-8")
        assert found.headers["Content-Security-Policy"] == "default-src 'none'"
        (container,) = http.request("GET", f"{gateway.url}/-/schema?endpoint=moody").json()["variants"]["AllTraffic"]
        assert (container["bundle"], container["root_sha256"]) == ("moody", moody.root_sha256)
        assert container["schema"] == moody.schema
        assert http.request("GET", f"{gateway.url}/-/schema?endpoint=none").status == 404


def test_a_port_that_is_taken(gateway, moody):
    with pytest.raises(UsageError, match=rf"port {gateway.port} on 127\.0\.0\.1 is taken by.*free one"):
        LocalGateway(host_bundles([moody]), port=gateway.port)


PARENT = """
import sys, time
from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
with LocalGateway(host_bundles([ModelBundle.load(sys.argv[1])], copies=2)) as gateway:
    pids = [copy.running.pid for copies in gateway._all_served()[0].copy_sets for copy in copies.copies]
    print(*pids, gateway.port, flush=True)
    if sys.argv[2] == "raise":
        raise RuntimeError("an application's own")
    time.sleep(600)
"""


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT, "raise"])
def test_nothing_is_left_behind(moody, way):
    import socket

    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(moody.path), str(way)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MODELBUILDER_MASTER_KEY": MASTER_KEY},
    )
    try:
        *pids, port = map(int, parent.stdout.readline().split())
        assert len(pids) == 2
        if way != "raise":
            parent.send_signal(way)
        parent.wait(60)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    assert eventually(lambda: not any(map(alive, pids)))
    with socket.socket() as one:
        assert one.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_copies_killed_at_random_under_load():
    command = [sys.executable, "-m", "tests.local.gateway.soak", "--seconds", "12", "--kill-every", "1.5"]
    child = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    report = json.loads(child.stdout)
    assert report["faults"] == []
    assert child.returncode == 0
    assert report["killed"] >= 4
    assert report["answers"] > 200
