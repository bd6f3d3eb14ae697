"""A daemon whose disk is nearly full: a second one, with its data on a small loop mount, and the errors it leads to."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from dataclasses import replace

import pytest

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container import relay
from cdk_modelbuilder.local.container.engine import find_engine
from cdk_modelbuilder.local.container.image import prepare_image
from cdk_modelbuilder.local.container.options import ContainerOptions
from tests.local.container.registry_stand_in import serving

pytestmark = pytest.mark.docker
SIZE = 48 << 20
BASE = "cdk-modelbuilder-tests/tiny:local"
LARGE = "cdk-modelbuilder-tests/large:local"


def import_image(name: str, size: int, *words: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("data")
        member.size = size
        archive.addfile(member, io.BytesIO(bytes(size)))
    subprocess.run(["docker", *words, "import", "-", name], input=buffer.getvalue(), check=True, capture_output=True)


@pytest.fixture(scope="module")
def registry(small_daemon):
    """Holds an image that is larger than that disk; it comes from the daemon that has room."""
    _, pid = small_daemon
    import_image(LARGE, 2 * SIZE)
    try:
        with serving(LARGE, listener=listener_in_network_of(pid)) as found:
            yield found
    finally:
        subprocess.run(["docker", "image", "rm", "--force", LARGE], check=True, capture_output=True)


def listener_in_network_of(pid: int) -> socket.socket:
    """One on the loopback of another process's network: a thread goes there, and its socket stays there."""
    found: list[socket.socket] = []

    def listen() -> None:
        relay.enter_network_of(pid)
        found.append(socket.create_server(("127.0.0.1", 0)))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture(scope="module")
def small_daemon(daemon, tmp_path_factory):
    """``DOCKER_HOST`` and process id of a daemon with 48 MiB of disk, in a network of its own.

    In the same one it would remove the first daemon's bridge.
    """
    if os.getuid() != 0 or not all(map(shutil.which, ("dockerd", "ip", "mkfs.ext4", "mount", "unshare"))):
        pytest.skip("a second daemon on a loop mount takes root, dockerd and mkfs.ext4")
    folder = tmp_path_factory.mktemp("small")
    disk, place = folder / "disk", folder / "data"
    place.mkdir()
    with disk.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", disk], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", disk, place], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no loop mount here: {mounted.stderr.strip()}")
    host = f"unix://{folder}/docker.sock"
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    command += ["dockerd", "--host", host, "--data-root", place, "--exec-root", folder / "exec"]
    # Not `--bridge none`: at that word a daemon removes the other one's bridge.
    alone = ["--pidfile", folder / "pid", "--iptables=false"]
    with (folder / "log").open("wb") as log:
        second = subprocess.Popen([*command, *alone], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while subprocess.run(["docker", "--host", host, "version"], capture_output=True, check=False).returncode != 0:
            if second.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"no second daemon here: {(folder / 'log').read_text()[-300:]}")
            time.sleep(0.1)
        yield host, second.pid
    finally:
        second.terminate()
        second.wait(60)
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "--recursive", place], check=True, capture_output=True)


@pytest.fixture
def small_engine(small_daemon, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", small_daemon[0])
    engine = find_engine()
    yield engine
    engine.close()


WORDS = r"does not fit: no space left on device.*docker image prune.*data-root"


def test_a_build_that_does_not_fit_says_how_to_make_room(probe_bundle, small_daemon, small_engine, tmp_path):
    import_image(BASE, 1000, "--host", small_daemon[0])
    context = tmp_path / "image"
    context.mkdir()
    (context / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY weights /weights\n")
    (context / "weights").write_bytes(os.urandom(2 * SIZE))
    image = ImageReference(uri=BASE, build="image")
    bundle = replace(probe_bundle, path=tmp_path, container=replace(probe_bundle.container, image=image))
    with pytest.raises(LocalEndpointError, match=WORDS):
        prepare_image(small_engine, bundle, ContainerOptions(), lambda line: None)


def test_a_pull_that_does_not_fit_says_how_to_make_room(probe_bundle, registry, small_engine):
    image = ImageReference(uri=f"127.0.0.1:{registry.port}/team/model:1")
    bundle = replace(probe_bundle, container=replace(probe_bundle.container, image=image))
    with pytest.raises(LocalEndpointError, match=WORDS):
        prepare_image(small_engine, bundle, ContainerOptions(), lambda line: None)
