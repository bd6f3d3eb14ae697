"""The Docker daemon that is there, down, silent, forbidden, elsewhere or something else: real sockets, real files."""

from __future__ import annotations

import contextlib
import functools
import grp
import hashlib
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.local.docker_address import docker_addresses
from cdk_modelbuilder.local.doctor import docker_api, docker_daemon, docker_sdk, docker_service, ports
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.platforms import Platform

VERSION = {"Version": "28.1", "ApiVersion": "1.49", "Components": [{"Name": "Engine", "Version": "28.1"}]}
INFO = {"Driver": "overlay2", "DockerRootDir": "/var/lib/docker", "SecurityOptions": [], "Runtimes": {"runc": {}}}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr("cdk_modelbuilder.local.docker_address.DEFAULT_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr(docker_service, "Path", lambda text: tmp_path / "no" if "systemd" in text else Path(text))


@contextlib.contextmanager
def daemon(path, answers):
    """Answers over a Unix socket as the Engine API does: `answers` maps a path to status and data, or to raw bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                target = connection.recv(65536).split(b" ")[1].decode()
                answer = answers.get(target.partition("?")[0], (404, {"message": "no such thing"}))
                if isinstance(answer, tuple):
                    body = json.dumps(answer[1]).encode()
                    answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (answer[0], len(body), body)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        path.unlink()


def found(system=Platform.DEBIAN, check=docker_daemon.CHECK):
    return examine([check], Circumstances(system=system))


def healthy(version=None, info=None):
    return {"/version": (200, {**VERSION, **(version or {})}), "/info": (200, {**INFO, **(info or {})})}


def test_a_daemon_that_answers_is_described(tmp_path):
    with daemon(tmp_path / "docker.sock", healthy()):
        [finding] = found()
    assert finding.outcome is Outcome.OK
    for part in ("Docker 28.1", "API 1.49", "overlay2", "/var/lib/docker", "default socket"):
        assert part in finding.detail


def test_rootless_podman_is_found_where_nothing_names_it(tmp_path):
    podman = healthy(
        {"Components": [{"Name": "Podman Engine", "Version": "5.4"}]}, {"SecurityOptions": ["name=rootless"]}
    )
    with daemon(tmp_path / "run" / "podman" / "podman.sock", podman):
        [finding] = found()
    assert finding.outcome is Outcome.OK
    assert "Podman 5.4" in finding.detail
    assert "rootless" in finding.detail


def test_colima_has_to_be_named(tmp_path):
    with daemon(tmp_path / ".colima" / "default" / "docker.sock", healthy()):
        [finding] = found()
    assert finding.outcome is Outcome.WARNING
    assert finding.commands == (f"export DOCKER_HOST=unix://{tmp_path}/.colima/default/docker.sock",)


def test_vfs_is_told_for_what_it_costs(tmp_path):
    with daemon(tmp_path / "docker.sock", healthy(info={"Driver": "vfs"})):
        _, finding = found()
    assert finding.outcome is Outcome.WARNING
    assert "vfs" in finding.detail


def test_a_bridge_that_is_gone_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(docker_daemon, "_INTERFACES", tmp_path)
    options = {"com.docker.network.bridge.name": "docker0"}
    answers = {**healthy(), "/networks/bridge": (200, {"Options": options})}
    with daemon(tmp_path / "docker.sock", answers):
        _, finding = found()
        (tmp_path / "docker0").mkdir()
        assert [one.outcome for one in found()] == [Outcome.OK]
    assert finding.outcome is Outcome.FAILURE
    assert "docker0" in finding.detail
    assert finding.commands == ("sudo service docker restart",)


def test_an_api_that_the_sdk_does_not_speak(tmp_path):
    with daemon(tmp_path / "docker.sock", healthy({"ApiVersion": "1.12"})):
        [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "1.24" in finding.detail


def test_the_oldest_api_is_the_sdks_own():
    constants = pytest.importorskip("docker.constants", exc_type=ImportError)
    assert tuple(map(int, constants.MINIMUM_DOCKER_API_VERSION.split("."))) == docker_daemon._OLDEST_API


def test_a_daemon_that_is_down(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "does not run" in finding.detail
    assert "DOCKER_HOST" in finding.remedy
    assert "sudo service docker start" in finding.commands
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "docker.sock"))
    left.close()  # the file stays, as after kill -9
    monkeypatch.delenv("DOCKER_HOST")
    [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "nobody listens" in finding.detail


def test_the_start_command_is_the_systems(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    monkeypatch.setattr(docker_service, "has_systemd", lambda: True)
    monkeypatch.setattr(docker_service.shutil, "which", lambda name: None)
    assert found()[0].commands[0] == "sudo systemctl start docker"
    assert found(Platform.MACOS)[0].commands == ("open -a Docker",)
    monkeypatch.setattr(docker_service.shutil, "which", lambda name: name if name in {"podman", "colima"} else None)
    assert found()[0].commands == ("systemctl --user enable --now podman.socket",)
    assert found(Platform.MACOS)[0].commands == ("colima start",)


def test_without_docker_processes_still_work(monkeypatch):
    monkeypatch.setattr(docker_service.shutil, "which", lambda name: None)
    for system, command in (
        (Platform.DEBIAN, "sudo apt-get install docker.io"),
        (Platform.FEDORA, "sudo dnf install podman"),
        (Platform.MACOS, "brew install colima docker"),
    ):
        [finding] = found(system)
        assert finding.outcome is Outcome.WARNING
        assert finding.commands[0] == command


def test_a_socket_that_does_not_answer(monkeypatch, tmp_path):
    monkeypatch.setattr(docker_daemon, "DockerApi", functools.partial(docker_api.DockerApi, seconds=0.1))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "docker.sock"))
        silent.listen()
        [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "does not answer" in finding.detail
    assert finding.commands[0] == "sudo service docker restart"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"[:-1] + b"x", b""]
)
def test_what_answers_is_no_docker(tmp_path, answer):
    with daemon(tmp_path / "docker.sock", {"/version": answer}):
        [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "does not answer as one" in finding.detail


def test_the_daemons_own_refusal_is_told(tmp_path):
    with daemon(tmp_path / "docker.sock", {"/version": (400, {"message": "client version 1.9 is too old"})}):
        [finding] = found()
    assert "client version 1.9 is too old" in finding.detail


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("group", ["docker", "root", None])
def test_a_socket_without_permission_names_the_group(tmp_path, group):
    path = tmp_path / "docker.sock"
    common = Path(tempfile.gettempdir())
    for parent in (tmp_path, *tmp_path.parents):
        if parent != common and parent.is_relative_to(common):
            parent.chmod(0o755)
    with daemon(path, healthy()):
        try:
            os.chown(path, 0, grp.getgrnam(group).gr_gid if group else 54321)
        except KeyError:
            pytest.skip(f"no group {group} here")
        path.chmod(0o660)
        here, there = os.pipe()
        child = os.fork()
        if child == 0:  # as somebody who is in no group
            with contextlib.suppress(BaseException):
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                os.write(there, json.dumps([one.to_json() for one in found()]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        [finding] = json.loads(os.read(here, 65536))
    os.close(here)
    os.close(there)
    assert finding["outcome"] == "failure"
    assert "may not open" in finding["detail"]
    expected = {
        "docker": "sudo usermod -aG docker $USER",
        "root": "sudo groupadd --force docker",
        None: f"ls -l {path}",
    }
    assert finding["commands"][0] == expected[group]


def test_a_member_since_the_login_is_told_to_log_in_again(monkeypatch, tmp_path):
    group = grp.struct_group(("docker", "x", 1, ["me"]))
    monkeypatch.setattr(docker_daemon, "_user", lambda: "me")
    monkeypatch.setattr(docker_daemon, "_group", lambda path: group)

    def refuses(*_):
        raise docker_api.NoAnswerError("permission", "Permission denied")

    monkeypatch.setattr(docker_api.DockerApi, "get", refuses)
    [finding] = found()
    assert finding.commands == ("newgrp docker",)
    assert "session began before" in finding.detail


@pytest.mark.parametrize("url", ["tcp://me:hunter2@build.example.com:2376", "ssh://me@build.example.com"])
def test_a_daemon_elsewhere_is_named_and_not_called(monkeypatch, url):
    monkeypatch.setenv("DOCKER_HOST", url)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked the network"))
    [finding] = found()
    assert finding.outcome is Outcome.FAILURE
    assert "build.example.com" in finding.detail
    assert "hunter2" not in str(finding)
    assert finding.commands == ("unset DOCKER_HOST",)


def test_the_context_decides_as_it_does_for_docker(monkeypatch, tmp_path):
    name = "mine"
    meta = tmp_path / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": "unix:///a/b.sock"}}}))
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))
    [address] = docker_addresses()
    assert (address.url, address.is_chosen) == ("unix:///a/b.sock", True)
    assert name in address.origin
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert len(docker_addresses()) > 1
    monkeypatch.setenv("DOCKER_HOST", "/c/d.sock")
    assert [one.url for one in docker_addresses()] == ["unix:///c/d.sock"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"currentContext": 7}', '{"currentContext": "lost"}'])
def test_a_broken_config_of_docker_is_as_none(tmp_path, text):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(text)
    assert docker_addresses()[0].origin == "the default socket"


def test_a_published_port_is_told_by_its_container(tmp_path):
    listed = [
        {"Id": "a" * 64, "Names": ["/other"], "Image": "x", "Ports": [{"PrivatePort": 4711, "Type": "tcp"}]},
        {
            "Id": "b" * 64,
            "Names": ["/churn"],
            "Image": "mine:1",
            "Ports": [{"PrivatePort": 8080, "PublicPort": 4711, "Type": "tcp"}],
        },
    ]
    with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/containers/json": (200, listed)}):
        holder = ports.holder_of(4711)
    assert str(holder) == "container churn (image mine:1)"
    assert holder.commands == ("docker stop churn",)


@pytest.mark.parametrize("name", ["docker-proxy", "python"])
def test_what_listens_for_a_container_is_told_by_it_and_other_processes_are_not(tmp_path, name):
    code = "import ctypes, socket, sys; ctypes.CDLL(None).prctl(15, sys.argv[1].encode()); "  # PR_SET_NAME
    code += "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-S", "-c", code, name], **pipes) as child:
        port = int(child.stdout.readline())
        listed = [{"Id": "b" * 64, "Names": ["/churn"], "Image": "mine:1", "Ports": [{"PublicPort": port}]}]
        with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/containers/json": (200, listed)}):
            holder = ports.holder_of(port)
        child.stdin.close()
    assert (holder.name, holder.pid) == (("churn", None) if name == "docker-proxy" else ("python", child.pid))


def test_without_docker_a_bundle_that_needs_it_fails(monkeypatch, changed_bundle):
    monkeypatch.setattr(docker_service.shutil, "which", lambda name: None)
    monkeypatch.setattr(docker_sdk.importlib.util, "find_spec", lambda name: None)
    for bundle, outcome in (
        (changed_bundle(), Outcome.WARNING),
        (changed_bundle(files={}), Outcome.FAILURE),
        (changed_bundle(info={"mode": "LOCAL_CONTAINER"}), Outcome.FAILURE),
    ):
        about = Circumstances(bundle=bundle, system=Platform.DEBIAN)
        assert [one.outcome for one in examine([docker_daemon.CHECK, docker_sdk.CHECK], about)] == [outcome, outcome]


def test_a_daemon_behind_tls_is_not_asked(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    [finding] = found()
    assert (finding.outcome, "TLS" in finding.detail) == (Outcome.SKIPPED, True)


def test_the_sdk_is_told_when_it_is_missing_or_hidden(monkeypatch):
    pytest.importorskip("docker", exc_type=ImportError)
    assert found(check=docker_sdk.CHECK)[0].outcome is Outcome.OK
    monkeypatch.setattr(docker_sdk.importlib.util, "find_spec", lambda name: None)
    [finding] = found(check=docker_sdk.CHECK)
    assert finding.outcome is Outcome.WARNING
    assert finding.commands == ("pip install 'cdk-modelbuilder[local]'",)


def test_a_folder_called_docker_is_no_sdk_and_a_file_hides_it(monkeypatch, tmp_path):
    (tmp_path / "docker").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "docker", raising=False)
    importlib.invalidate_caches()
    [finding] = found(check=docker_sdk.CHECK)
    assert finding.commands == ("pip install 'cdk-modelbuilder[local]'",)
    (tmp_path / "docker.py").touch()
    (tmp_path / "docker").rmdir()
    importlib.invalidate_caches()
    [finding] = found(check=docker_sdk.CHECK)
    assert finding.outcome is Outcome.FAILURE
    assert "Rename" in finding.remedy
