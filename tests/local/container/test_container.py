"""A bundle's own image in a container, with a real daemon: what it answers, what it sees, and how it ends."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder import Mode, ModelBundle
from cdk_modelbuilder.errors import IntegrityError, LocalEndpointError, UsageError
from cdk_modelbuilder.resources import ResourceRequirements
from tests.containers.docker_base import run_docker
from tests.local.container.conftest import containers_of, own_containers

pytestmark = pytest.mark.docker
MIB = 1 << 20


def inspect(running) -> dict:
    return json.loads(run_docker("inspect", running.name).stdout)[0]


def test_it_answers_as_the_model_in_memory_through_deploy(probe_bundle, daemon):
    from tests.local.container.probe import Probe

    question = json.dumps({"ask": "twice", "of": [1.5, -2.0]})
    with probe_bundle.deploy(mode=Mode.LOCAL_CONTAINER) as predictor:
        assert predictor.predict(question) == Probe().invoke(question, None) == '{"said": [3.0, -4.0]}'
    port = int(predictor.url.rpartition(":")[2])
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


def test_limits_are_seen_inside(shared):
    seen = shared.ask("limits")
    assert seen == {"memory": 256 * MIB, "cpu_us": 50_000, "pids": 300, "shm": 32 * MIB, "gpus": []}


@pytest.mark.heavy  # what is asked for then is in test_request.py
def test_limits_of_resource_requirements(start, probe_bundle):
    needs = ResourceRequirements(requests={"memory": 128, "num_cpus": 0.25}, limits={"memory": 192})
    one = start(resources=needs)
    seen = one.ask("limits")
    assert (seen["memory"], seen["cpu_us"]) == (192 * MIB, 25_000)
    one.running.stop()


def test_the_model_folder_can_only_be_read_and_few_capabilities_are_left(shared):
    assert shared.ask("write", "/opt/ml/model/new")["error"] == "Read-only file system"
    assert shared.ask("write", "/opt/ml/new")["error"] is None
    user = shared.ask("user")
    assert (user["uid"], user["no_new_privileges"]) == (0, "1")
    # CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE by their numbers in capabilities(7)
    assert int(user["capabilities"], 16) == sum(1 << number for number in (0, 1, 3, 5, 6, 7, 10))


def test_another_user_and_a_read_only_root(start):
    one = start(user="12345:12345", read_only=True)
    assert one.ask("user")["uid"] == 12345
    assert one.ask("user")["capabilities"].strip("0") == ""
    assert one.ask("write", "/opt/ml/new")["error"] == "Read-only file system"
    assert one.ask("write", "/tmp/new")["error"] is None
    one.running.stop()


def test_the_key_is_in_the_environment_and_nowhere_else(shared, probe_bundle):
    key = probe_bundle.check_signature(bytes.fromhex("5a" * 32)).secret.hex()
    seen = shared.ask("environment")
    assert "MODELBUILDER_HMAC_KEY" in seen["names"]
    assert not [name for name in seen["names"] if "MASTER" in name or name.startswith(("SAGEMAKER", "AWS"))]
    assert key not in seen["command"]
    found = inspect(shared.running)
    image = run_docker("inspect", found["Image"]).stdout + run_docker("history", "--no-trunc", found["Image"]).stdout
    assert key not in image
    assert key not in json.dumps(found["Config"]["Cmd"]) + json.dumps(found["Config"]["Labels"]) + found["Path"]
    shared.ask("print_key")
    deadline = time.monotonic() + 20
    while not any(line.startswith("key:") for line in shared.lines) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "key: [the bundle's key]" in shared.lines
    assert not any(key in line for line in [*shared.lines, *shared.running.last_log_lines()])


def test_a_hubs_token_is_that_of_whoever_runs_it_and_not_in_the_log(start, probe_bundle, monkeypatch):
    bundle = replace(probe_bundle, container=replace(probe_bundle.container, secrets={"HF_TOKEN": "hub/token"}))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(UsageError, match=r"HF_TOKEN is not set"):
        start(bundle)
    monkeypatch.setenv("HF_TOKEN", "hf_of_my_own")
    one = start(bundle)
    assert "HF_TOKEN" in one.ask("environment")["names"]
    one.ask("print_key", "HF_TOKEN")
    deadline = time.monotonic() + 20
    while not any(line.startswith("key:") for line in one.lines) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "key: [HF_TOKEN]" in one.lines
    one.running.stop()


def test_it_is_labelled_and_listens_on_loopback_alone(shared):
    found = inspect(shared.running)
    labels = found["Config"]["Labels"]
    assert labels["cdk-modelbuilder.bundle"] == "probe"
    assert int(labels["cdk-modelbuilder.start-time"]) > 0
    assert found["HostConfig"]["PortBindings"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert found["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert shared.running.identity == f"container {shared.running.name}"
    assert "unix://" in shared.running.engine
    assert 5 * MIB < shared.running.memory_bytes() < 256 * MIB


def test_a_log_callback_that_fails_ends_neither_the_log_nor_the_container(probe_bundle, daemon):
    said: list[str] = []

    def fail(line: str) -> None:
        said.append(line)
        raise ValueError("the user's own")

    with probe_bundle.deploy(mode=Mode.LOCAL_CONTAINER, on_log=fail) as predictor:
        assert predictor.predict('{"ask": "twice", "of": [1]}') == '{"said": [2]}'
    assert any('"stopped"' in line for line in said)


def test_nothing_is_built_twice(shared, probe_bundle, daemon):
    said: list[str] = []
    predictor = probe_bundle.deploy(mode=Mode.LOCAL_CONTAINER, on_progress=said.append)
    predictor.delete_endpoint()
    assert said == []


def test_requests_that_run_get_their_answer_and_memory_is_told(start):
    one = start()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(one.ask("sleep", 4.0)))
    slow.start()
    time.sleep(2)  # until it has surely arrived
    one.running.stop()
    slow.join()
    assert answers == [{"slept": 4.0}]
    assert one.running.wait() == 0
    assert not one.running.is_running()
    assert one.running.memory_bytes() is None
    one.running.stop()
    assert containers_of(one.running.name) == []


def test_one_that_ends_by_itself_says_its_status(start):
    one = start()
    with pytest.raises(Exception, match=r"(?i)connection|remote"):
        one.ask("exit", 7)
    assert one.running.wait() == 7
    assert str(one.running.ending) == "it ended with status 7"
    one.running.stop()
    assert containers_of(one.running.name) == []


def test_more_memory_than_the_limit_is_told_at_the_start(probe_bundle, start):
    greedy = {**probe_bundle.container.environment, "PROBE_NEEDS_MIB": "500"}
    bundle = replace(probe_bundle, container=replace(probe_bundle.container, environment=greedy))
    refusal = (
        r"(?s)killed it \(status 137\) because it needed more memory than its limit of 96 MiB.*memory_mb more than 96"
    )
    with pytest.raises(LocalEndpointError, match=refusal):
        start(bundle, memory_mb=96)


def test_more_memory_than_the_limit_is_told_later(start):
    one = start(memory_mb=96)
    with pytest.raises(Exception, match=r"(?i)connection|remote"):
        one.ask("allocate", 500)
    assert one.running.wait() == 137
    ending = one.running.ending
    assert ending.out_of_memory
    assert ending.limit == 96 * MIB
    one.running.stop()


@pytest.mark.parametrize("place", ["code/inference.py", pytest.param("model.pkl", marks=pytest.mark.heavy)])
def test_a_changed_bundle_is_refused_with_the_file_named(probe_bundle, start, tmp_path, place):
    copy = tmp_path / "copy"
    shutil.copytree(probe_bundle.path, copy)
    file = copy / "model" / place
    file.write_bytes((file.read_bytes() if file.exists() else b"") + b"\nprint('this ran')\n")
    with pytest.raises(IntegrityError, match=place):
        ModelBundle.load(copy)
    lines: list[str] = []
    with pytest.raises(LocalEndpointError, match=rf"(?s)refused: {place}.*restore it, or build again") as caught:
        start(ModelBundle.read(copy))
    assert "this ran" not in str(caught.value)
    assert lines == []


def test_a_port_that_is_taken_is_told_with_its_holder(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} on 127.0.0.1 is taken by .*{os.getpid()}.*give 0"):
            start(port=port)


def test_a_port_that_is_asked_for(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = start(port=port)
    assert one.running.url == f"http://127.0.0.1:{port}"
    assert one.ask("twice", [1]) == {"said": [2]}
    one.running.stop()


def test_a_start_that_takes_too_long_says_what_the_pings_were_answered(probe_bundle, start):
    slow = replace(probe_bundle.container, health_check=replace(probe_bundle.container.health_check, path="/nowhere"))
    with pytest.raises(LocalEndpointError, match=r"(?s)not healthy within 2 s: .* at /nowhere"):
        start(replace(probe_bundle, container=slow), startup_seconds=2)


def test_no_program_no_gpu_and_no_such_many_processors(probe_bundle, start):
    missing = replace(probe_bundle.container.image, uri="cdk-modelbuilder-tests/python:local", build=None)
    bundle = replace(probe_bundle, container=replace(probe_bundle.container, image=missing))
    with pytest.raises(LocalEndpointError, match="has no program 'serve', which it is started with"):
        start(bundle)
    if not list(Path("/dev").glob("nvidia*")):
        with pytest.raises(LocalEndpointError, match=r"no GPU to give to probe.*NVIDIA Container Toolkit"):
            start(gpus="all")
    with pytest.raises(UsageError, match="cpus is more than this machine has"):
        start(cpus=10_000)


def test_programs_for_another_processor(probe_bundle, start):
    """The header of a program for 64-bit ARM; on such a machine, of one for x86."""
    machine = b"\x3e\x00" if platform.machine() == "aarch64" else b"\xb7\x00"
    program = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + machine + b"\x01\x00\x00\x00" + bytes(200)
    name = "cdk-modelbuilder-tests/other-processor:local"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("usr/bin/serve")
        member.size, member.mode = len(program), 0o755
        archive.addfile(member, io.BytesIO(program))
    subprocess.run(["docker", "import", "-", name], input=buffer.getvalue(), check=True, capture_output=True)
    image = replace(probe_bundle.container.image, uri=name, build=None)
    try:
        with pytest.raises(LocalEndpointError, match=rf"programs in {name} do not run here \(exec format error\)"):
            start(replace(probe_bundle, container=replace(probe_bundle.container, image=image)))
    finally:
        run_docker("image", "rm", "--force", name)


def test_an_image_that_is_nowhere(probe_bundle, start):
    absent = replace(probe_bundle.container.image, uri="cdk-modelbuilder-tests/absent:1", build=None)
    bundle = replace(probe_bundle, container=replace(probe_bundle.container, image=absent))
    with pytest.raises(LocalEndpointError, match=r"has no image cdk-modelbuilder-tests/absent:1, and pull='never'"):
        start(bundle, pull="never")


def test_nothing_was_left_by_all_that(start, shared):
    shared.running.stop()
    assert own_containers() == []
