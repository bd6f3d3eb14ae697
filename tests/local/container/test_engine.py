"""Every way of having no daemon is told apart, and each error names the way out."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local import docker_address
from cdk_modelbuilder.local.container import engine
from cdk_modelbuilder.local.container.engine import find_engine
from cdk_modelbuilder.local.container.fit import check_engine
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.sockets import addresses
from cdk_modelbuilder.local.docker_address import DockerAddress
from tests.containers.docker_base import why_not


@pytest.fixture(autouse=True)
def no_choice(monkeypatch, tmp_path):
    """Nothing of the user's settings, and no socket but those of the test."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@contextlib.contextmanager
def daemon_at(path: Path, version: dict):
    """Answers as a daemon would that is too old, or is Podman: over a Unix socket, in HTTP."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(version).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self):
            return "unix"

        def log_message(self, *unused):
            pass

    path.parent.mkdir(parents=True, exist_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


PODMAN = {
    "Version": "5.4.0",
    "ApiVersion": "1.41",
    "Arch": "arm64",
    "Components": [{"Name": "Podman Engine", "Version": "5.4.0"}],
}
OLD = {"Version": "18.09", "ApiVersion": "1.39", "Arch": "amd64"}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            "unix://{folder}/none.sock",
            r"there is no socket at unix://.*none.sock \(DOCKER_HOST\).*systemctl start docker",
        ),
        ("tcp://127.0.0.1:{free}", r"no daemon answers at tcp://127.0.0.1:\d+ \(DOCKER_HOST\): Connection refused"),
        ("unix://{folder}/dead.sock", r"no daemon answers at .*dead.sock \(DOCKER_HOST\): Connection refused"),
    ],
)
def test_a_daemon_that_is_down(tmp_path, monkeypatch, host, words):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    monkeypatch.setenv("DOCKER_HOST", host.format(folder=tmp_path, free=free))
    with pytest.raises(LocalEndpointError, match=words):
        find_engine()


def test_one_that_says_something_else(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/other.sock")
    with daemon_at(tmp_path / "other.sock", {"hello": "you"}), pytest.raises(LocalEndpointError, match="no daemon"):
        find_engine()


@pytest.mark.parametrize(
    "url", ["tcp://192.0.2.1:2375", "ssh://someone@example.com", "tcp://localhost.example.com:1", "x"]
)
def test_one_on_another_machine_is_refused_before_it_is_asked(monkeypatch, url):
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(UsageError, match="on another machine, which does not see the model's folder"):
        find_engine()


def test_one_that_is_too_old(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/old.sock")
    with (
        daemon_at(tmp_path / "old.sock", OLD),
        pytest.raises(LocalEndpointError, match=r"Docker 18.09 at .* speaks version 1.39 .* needs 1.41.*Docker 20.10"),
    ):
        find_engine()


def listening_at(monkeypatch, *places) -> None:
    """Paths of sockets, each followed by what is said of it, in the place of the usual ones."""
    usual = [DockerAddress(f"unix://{path}", origin) for path, origin in zip(places[::2], places[1::2], strict=True)]
    monkeypatch.setattr(docker_address, "_usual_places", lambda: iter(usual))


def test_podman_is_found_where_it_listens_and_named(tmp_path, monkeypatch):
    place = tmp_path / "run" / "podman" / "podman.sock"
    listening_at(monkeypatch, place, "rootless Podman")
    with daemon_at(place, PODMAN):
        found = find_engine()
        found.close()
    assert (found.name, found.architecture) == ("Podman 5.4.0", "arm64")
    assert found.is_podman
    with pytest.raises(UsageError, match="gives none without saying so"):
        check_engine(found, ContainerOptions(gpus=1))
    check_engine(found, ContainerOptions())
    assert str(found) == f"Podman 5.4.0 at unix://{place} (rootless Podman)"


def test_a_socket_that_nobody_serves_any_more_does_not_hide_the_next(tmp_path, monkeypatch):
    dead, alive = tmp_path / "dead.sock", tmp_path / "run" / "docker.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(dead))
    listening_at(monkeypatch, dead, "Docker", alive, "rootless Docker")
    with daemon_at(alive, PODMAN):
        found = find_engine()
        found.close()
    assert found.address.origin == "rootless Docker"
    with pytest.raises(LocalEndpointError, match=r"dead.sock \(Docker\): Connection refused"):
        find_engine()


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ([], r"neither Docker nor Podman is installed here.*Mode.LOCAL_PROCESS"),
        (["docker", "dockerd"], r"dockerd is installed, but no daemon listens.*systemctl start docker"),
        (["podman"], r"podman is installed, but no daemon listens.*--user start podman.socket"),
    ],
)
def test_no_socket_at_all(tmp_path, monkeypatch, programs, words):
    monkeypatch.setattr(docker_address, "_usual_places", lambda: iter(()))
    for name in programs:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalEndpointError, match=words):
        find_engine()


def context(folder: Path, name: str, host: str) -> None:
    """A context as `docker context create` writes it."""
    import hashlib

    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (place / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))


def test_a_docker_context_is_honoured_and_docker_host_comes_first(tmp_path, monkeypatch):
    config = tmp_path / "config"
    context(config, "mine", f"unix://{tmp_path}/mine.sock")
    (config / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    assert addresses() == [
        DockerAddress(f"unix://{tmp_path}/mine.sock", "docker context mine", is_chosen=True, context="mine")
    ]
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    with pytest.raises(UsageError, match="no Docker context 'other'"):
        addresses()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/host.sock")
    assert [address.origin for address in addresses()] == ["DOCKER_HOST"]


def test_without_the_sdk_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(UsageError, match=r"cdk-modelbuilder\[local\]"):
        find_engine()


ASK = """
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container.engine import find_engine
try:
    find_engine()
except LocalEndpointError as error:
    print(error)
"""


@pytest.mark.docker
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can become someone else")
def test_one_whose_socket_is_not_for_this_user_names_the_group(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/",
        "PYTHONPATH": os.pathsep.join([str(Path(engine.__file__).parents[3]), sysconfig.get_path("purelib")]),
    }
    command = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "/usr/bin/python3", "-c", ASK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=True)
    assert "user 12345 may not use unix:///var/run/docker.sock (the default socket)" in done.stdout
    assert "`sudo usermod --append --groups docker user 12345`" in done.stdout or "rootless daemon" in done.stdout
