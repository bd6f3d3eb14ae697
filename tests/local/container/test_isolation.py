"""A container without a network: nothing leads out, and requests lead in, as root and as someone else."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.errors import UsageError
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import python_version, run_docker, why_not
from tests.local.container.conftest import containers_of, own_containers

pytestmark = pytest.mark.docker
GATEWAY = "172.17.0.1"


@pytest.fixture(scope="module")
def isolated(start):
    one = start(network_isolation=True)
    yield one
    one.running.stop()


@pytest.fixture
def listening_everywhere():
    """A port of this machine's on every address: what a container with a network could reach."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_host_reaches_it(isolated):
    assert isolated.ask("twice", [1, 2]) == {"said": [2, 4]}
    assert isolated.ask("twice", list(range(200_000)))["said"][-1] == 399_998
    threads = [threading.Thread(target=isolated.ask, args=("twice", [0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "/invocations" not in "".join(isolated.lines[:1])


def test_nothing_is_reached_from_inside(isolated, shared, listening_everywhere):
    gateway = run_docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    # What proves that the question is a good one: with a network the same connection succeeds.
    assert shared.ask("reach", [gateway or GATEWAY, listening_everywhere])["error"] is None
    assert isolated.ask("interfaces")["names"] == ["lo"]
    for place in ([gateway or GATEWAY, listening_everywhere], ["127.0.0.1", listening_everywhere], ["10.0.0.1", 443]):
        assert isolated.ask("reach", place)["error"] is not None, place
    assert "resolution" in isolated.ask("reach", ["example.com", 443])["error"]


def test_the_port_is_on_loopback_alone(isolated):
    listening = subprocess.run(["ss", "-ltn"], capture_output=True, text=True, check=False).stdout
    rows = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{isolated.running.port}")]
    assert rows in ([f"127.0.0.1:{isolated.running.port}"], [])  # [] where there is no ss


def test_a_port_that_is_taken_leaves_nothing(start):
    before = set(own_containers())
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="is taken"):
        start(network_isolation=True, port=taken.getsockname()[1])
    assert set(own_containers()) == before


def test_what_installs_from_an_index_is_refused(probe_bundle, start):
    from dataclasses import replace

    bundle = replace(probe_bundle, container=replace(probe_bundle.container, installs="index"))
    with pytest.raises(UsageError, match="installs packages from an index when it starts"):
        start(bundle, network_isolation=True)


SOMEONE = """
import json, os, sys, urllib3
from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.local.starting import start_container
running = start_container(ModelBundle.load(sys.argv[1]), on_log=lambda line: None, network_isolation=True)
body = json.dumps({"ask": "reach", "of": ["10.0.0.1", 443]})
headers = {"Content-Type": "text/plain", "Accept": "text/plain"}
answer = urllib3.request("POST", running.url + "/invocations", body=body, headers=headers, retries=False)
print(json.dumps([running.name, running._door.kind, answer.status, answer.data.decode()]))
running.stop()
"""


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can become someone else")
@pytest.mark.skipif(
    why_not() is not None or python_version() != f"3.{sys.version_info.minor}",
    reason="someone else needs a Python, too",
)
def test_someone_who_may_not_enter_networks_reaches_it_too(probe_bundle, shared):
    folder = Path("/var/tmp", f"cdk-modelbuilder-tests-{os.getpid()}")
    socket_group = Path("/var/run/docker.sock").stat().st_gid
    try:
        shutil.copytree(probe_bundle.path, folder / "probe")
        subprocess.run(["chown", "-R", "12345", folder], check=True)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), sysconfig.get_path("purelib")]),
            "MODELBUILDER_MASTER_KEY": MASTER_KEY,
        }
        command = ["setpriv", "--reuid=12345", f"--regid={socket_group}", "--clear-groups", "/usr/bin/python3"]
        done = subprocess.run(
            [*command, "-c", SOMEONE, folder / "probe"],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        name, kind, status, said = json.loads(done.stdout)
        assert (kind, status) == ("container", 200)
        assert "unreachable" in json.loads(said)["error"]
        assert containers_of(name) == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
