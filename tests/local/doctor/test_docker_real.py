"""A real daemon: what it says of itself, and a container that holds a port."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from cdk_modelbuilder.local.doctor import disk, docker_daemon, gpu
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.docker_api import answering_daemon
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.ports import holder_of

pytestmark = pytest.mark.docker

LABEL = "cdk-modelbuilder-test=doctor"
# A program without a library, that listens on port 8080 until it is killed.
SOURCE = """
#include <netinet/in.h>
#include <sys/socket.h>
int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
  int s = socket(AF_INET, SOCK_STREAM, 0);
  bind(s, (struct sockaddr *)&at, sizeof at);
  listen(s, 5);
  for (;;) accept(s, 0, 0);
}
"""


@pytest.fixture(scope="module")
def docker():
    if answering_daemon() is None:
        pytest.skip("no Docker daemon answers here")
    return lambda *words, **options: (
        subprocess.run(["docker", *words], capture_output=True, check=True, **options).stdout.decode().strip()
    )


@pytest.fixture(scope="module")
def image(docker, tmp_path_factory):
    if not shutil.which("cc"):
        pytest.skip("no C compiler here to make an image of one file")
    folder = tmp_path_factory.mktemp("image")
    (folder / "serve.c").write_text(SOURCE)
    subprocess.run(["cc", "-static", "-o", folder / "serve", folder / "serve.c"], check=True)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder / "serve", "serve")
    name = docker(
        "import", "--change", 'ENTRYPOINT ["/serve"]', "-", f"doctor-test-{os.getpid()}:1", input=archive.getvalue()
    )
    yield f"doctor-test-{os.getpid()}:1"
    docker("image", "rm", "--force", name)


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_the_container_that_holds_a_port_is_named(docker, image, network):
    published = ("--publish", "127.0.0.1::8080") if network == "bridge" else ("--network", "host")
    name = f"doctor-{network}-{os.getpid()}"
    if network == "host" and holder_of(8080):
        pytest.skip("port 8080 is held by something else")
    container = docker("run", "--detach", "--rm", "--label", LABEL, "--name", name, *published, image)
    try:
        port = int(docker("port", name, "8080").rpartition(":")[2]) if network == "bridge" else 8080
        holder = holder_of(port)
    finally:
        docker("kill", name)
    assert holder is not None
    assert (holder.container, holder.name, holder.command) == (container, name, image)
    assert holder.commands == (f"docker stop {name}",)


def test_the_daemon_and_its_disk(docker):
    about = Circumstances()
    [first, *_] = examine([docker_daemon.CHECK], about)
    assert first.outcome is Outcome.OK
    root = docker("info", "--format", "{{.DockerRootDir}}")
    assert root in first.detail
    assert docker("version", "--format", "{{.Server.APIVersion}}") in first.detail
    space = examine([disk.CHECK], about)[-1]
    assert (str(Path(root)) in space.detail) or space.outcome is Outcome.SKIPPED
    assert all(one.check == "gpu" for one in examine([gpu.CHECK], about))
