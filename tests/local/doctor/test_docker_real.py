"""A real daemon: what it says of itself, and a container that holds a port."""

from __future__ import annotations

import os
import time

import pytest

from cdk_modelbuilder.local.doctor import disk, docker_daemon, gpu
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.ports import holder_of
from tests.containers.docker_base import make_base_image, run_docker, why_not

pytestmark = pytest.mark.docker

LABEL = "cdk-modelbuilder-test=doctor"
LISTENS = (
    "import socket, time; s = socket.create_server(('0.0.0.0', 8080)); print('listens', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def image():
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    return make_base_image()


def said(*words):
    return run_docker(*words).stdout.strip()


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_the_container_that_holds_a_port_is_named(image, network):
    published = ("--publish", "127.0.0.1::8080") if network == "bridge" else ("--network", "host")
    if network == "host" and holder_of(8080):
        pytest.skip("port 8080 is held by something else")
    name = f"doctor-{network}-{os.getpid()}"
    command = ("/usr/bin/python3", "-S", "-c", LISTENS)
    container = said("run", "--detach", "--rm", "--label", LABEL, "--name", name, *published, image, *command)
    try:
        for _ in range(600):
            if said("logs", name):
                break
            time.sleep(0.1)
        port = int(said("port", name, "8080").rpartition(":")[2]) if network == "bridge" else 8080
        holder = holder_of(port)
    finally:
        run_docker("kill", name)
    assert holder is not None
    assert (holder.container, holder.name, holder.command) == (container, name, image)
    assert holder.commands == (f"docker stop {name}",)


def test_the_daemon_and_its_disk(image):
    about = Circumstances()
    [first, *_] = examine([docker_daemon.CHECK], about)
    assert first.outcome is Outcome.OK
    root = said("info", "--format", "{{.DockerRootDir}}")
    assert root in first.detail
    assert said("version", "--format", "{{.Server.APIVersion}}") in first.detail
    space = examine([disk.CHECK], about)[-1]
    assert root in space.detail
    assert all(one.check == "gpu" for one in examine([gpu.CHECK], about))
