"""Which process or container holds a port of this machine."""

from __future__ import annotations

import errno
import os
import pwd
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from cdk_modelbuilder.local.doctor import proc_net
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import DockerApi, NoAnswerError, answering_daemon
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.hidden_secrets import without_secrets

_DEFAULT_PORT = 8080
"""What ``run`` takes."""
_CONTAINER_ID = re.compile(r"(?:docker|libpod|crio|cri-containerd)[-/]([0-9a-f]{64})")
_FORWARDERS = frozenset(
    {"docker-proxy", "dockerd", "rootlesskit", "rootlessport", "slirp4netns", "pasta", "conmon", "gvproxy", "vpnkit",
     "com.docker.backend", "com.docker.backe", "com.docke", "limactl", "ssh"}
)  # fmt: skip
"""What listens in a container's stead where a port of it is published."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds a port.

    Attributes:
        port: The port.
        pid: The process; None where it may not be seen from here.
        name: The process's name, or the container's.
        command: Its command line without what may be a secret; the image of a container.
        user: Whose process it is; empty where that is not known.
        container: The container's id; None for a process outside of containers.
    """

    port: int
    pid: int | None
    name: str
    command: str = ""
    user: str = ""
    container: str | None = None

    def __str__(self) -> str:
        """What it is, as words that follow "is held by"."""
        if self.container is not None:
            return f"container {self.name or self.container[:12]} (image {self.command or 'not known'})"
        whose = f" of {self.user}" if self.user else ""
        if self.pid is None:
            return f"a process{whose} that may not be seen from here"
        if self.pid == os.getpid():
            return f"this process itself ({self.pid})"
        command = f": {self.command}" if self.command else ""
        return f"process {self.pid}, {self.name or 'not named'}{whose}{command}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that ends it, or that shows it where it may not be seen; none for this process itself."""
        if self.container is not None:
            return (f"docker stop {self.name or self.container[:12]}",)
        if self.pid is None:
            return (f"sudo lsof -nP -iTCP:{self.port} -sTCP:LISTEN",)
        return (f"kill {self.pid}",) if self.pid != os.getpid() else ()


def holder_of(port: int) -> Holder | None:
    """The process or container that holds ``port`` of 127.0.0.1 or ::1; None where none is seen.

    Linux tells it in ``/proc``; on macOS ``lsof`` does. The Docker daemon, if one answers, tells about containers. It
    takes some hundredths of a second and raises nothing.
    """
    try:
        process = _by_proc(port) if proc_net.PROC.joinpath("net/tcp").exists() else _by_lsof(port)
        if process is not None and process.container is None and process.pid and process.name not in _FORWARDERS:
            return process
        return _container(port, process.container if process else None) or process
    except Exception:  # noqa: BLE001 - it words another error, and must not replace it
        return None


def _by_proc(port: int) -> Holder | None:
    found = [one for one in proc_net.sockets() if one.port == port and one.is_loopback]
    if not found:
        return None
    # Who listens first; then the end of a connection, which can have taken the port as any free one. IPv4 before IPv6.
    one = min(found, key=lambda item: (not item.is_listening, item.address.version, item.inode))
    pid = proc_net.owner_of(one.inode)
    if pid is None:
        return Holder(port, None, "", user=_user(one.uid))
    runs_as = proc_net.user_of(pid)
    user = _user(one.uid if runs_as is None else runs_as)
    command = without_secrets(proc_net.arguments_of(pid))
    return Holder(port, pid, proc_net.name_of(pid), command, user, _container_around(pid))


def _container_around(pid: int) -> str | None:
    found = _CONTAINER_ID.search(proc_net.cgroup_of(pid))
    # Where all this runs in a container itself, that one is no news.
    return found.group(1) if found and found.group(1) not in proc_net.cgroup_of(os.getpid()) else None


def _by_lsof(port: int) -> Holder | None:
    # -F prints a field a line, each with its letter in front; nothing of it is in the user's language.
    text = _output_of(("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-F", "pcL"))
    return None if text is None else parse_lsof(port, text)


def parse_lsof(port: int, text: str) -> Holder | None:
    """The first process in the output of ``lsof -F pcL``; None where there is none."""
    pid: int | None = None
    fields: dict[str, str] = {}
    for line in text.splitlines():
        letter, value = line[:1], line[1:]
        if letter == "p":
            if pid is not None:
                break
            pid = int(value) if value.isdecimal() else None
        elif pid is not None:
            fields.setdefault(letter, value)
    if pid is None:
        return None
    command = (_output_of(("ps", "-ww", "-o", "command=", "-p", str(pid))) or "").split()
    return Holder(port, pid, fields.get("c", ""), without_secrets(command), fields.get("L", ""))


def _output_of(command: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=1.5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace")


def _container(port: int, container: str | None) -> Holder | None:
    api = answering_daemon()
    if api is None:
        return Holder(port, None, "", container=container) if container else None
    return _inspected(api, port, container) if container else _publisher(api, port)


def _publisher(api: DockerApi, port: int) -> Holder | None:
    try:
        listed = api.get("/containers/json", filters={"publish": [f"{port}/tcp"]})
    except NoAnswerError:
        return None
    for one in listed:
        # A stopped container still says which port it would publish, and an older daemon lists what is exposed only.
        if any(item.get("PublicPort") == port for item in one.get("Ports") or ()):
            name = (one.get("Names") or [""])[0].lstrip("/")
            return Holder(port, None, name, str(one.get("Image", "")), container=str(one["Id"]))
    return None


def _inspected(api: DockerApi, port: int, container: str) -> Holder:
    try:
        data = api.get(f"/containers/{container}/json")
    except NoAnswerError:
        return Holder(port, None, "", container=container)
    return Holder(
        port, None, str(data.get("Name", "")).lstrip("/"), str(data["Config"].get("Image", "")), container=container
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _run(about: Circumstances) -> Iterator[Finding]:
    port = _DEFAULT_PORT if about.port is None else about.port
    if port == 0:
        yield Finding(CHECK.name, Outcome.OK, "port 0 takes any that is free.")
        return
    held = _holding(port)
    if not held:
        yield Finding(CHECK.name, Outcome.OK, f"port {port} of 127.0.0.1 is free.")
        return
    holder = holder_of(port)
    commands = holder.commands if holder else ()
    yield Finding(
        CHECK.name,
        Outcome.WARNING if about.port is None else Outcome.FAILURE,
        f"port {port} of 127.0.0.1 {held}" + (f", by {holder}." if holder else "."),
        f"Take another (--port 0 takes any that is free){', or end what holds it' if commands else ''}.",
        commands,
    )


def _holding(port: int) -> str:
    """What keeps a server from ``port``, in words; empty if nothing does."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except PermissionError:
        return "is for root alone"
    except OSError as error:
        return "is held" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    return ""


CHECK = Check(
    "ports",
    "Ports",
    "whether the port (`--port`, else 8080) is free, and which process or container holds it",
    "ends what holds it",
    _run,
)
