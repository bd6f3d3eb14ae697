"""Where the Docker daemon listens, and what says so."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class DockerAddress:
    """An address of a daemon.

    Attributes:
        url: ``unix:///path``, ``tcp://host:port``, ``ssh://...`` or ``npipe://...``.
        origin: What named it, in words, such as ``DOCKER_HOST``.
        is_chosen: Whether the user's settings name it; else it is one of the usual places.
        must_be_named: Whether containers are run there only if the user's settings name it.
        context: The Docker context that it is of; None for none.
    """

    url: str
    origin: str
    is_chosen: bool = False
    must_be_named: bool = False
    context: str | None = None

    def __str__(self) -> str:
        return f"{self.url} ({self.origin})"

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine; a daemon elsewhere does not see the model's files."""
        parts = urlsplit(self.url)
        return parts.scheme in {"unix", "npipe"} or parts.hostname in {"localhost", "127.0.0.1", "::1"}

    @property
    def socket(self) -> Path | None:
        """The socket's path; None for an address of another kind."""
        return Path(self.url.removeprefix("unix://")) if self.url.startswith("unix://") else None


def docker_addresses() -> tuple[DockerAddress, ...]:
    """Where a daemon may listen, the one that ``docker`` would take first.

    As the CLI does: ``DOCKER_HOST``, else the context of ``DOCKER_CONTEXT``, else ``currentContext`` in its
    ``config.json``, else the default socket. Where the user's settings name none, the sockets of rootless Docker,
    Docker Desktop, Colima, Rancher Desktop and Podman follow.
    Source: https://docs.docker.com/engine/manage-resources/contexts/ and docker/cli, cli/context/store.
    """
    host = os.environ.get("DOCKER_HOST")
    if host:
        return (DockerAddress(_with_scheme(host), "DOCKER_HOST", is_chosen=True),)
    context = _context()
    if context is not None:
        return (context,)
    return tuple(_usual_places())


def _with_scheme(host: str) -> str:
    return f"unix://{host}" if host.startswith("/") else host


def _home() -> Path:
    # Unlike Path.home(), this one is silent about a user who has none.
    return Path(os.path.expanduser("~"))  # noqa: PTH111


def _config_folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or _home() / ".docker")


def chosen_context() -> str | None:
    """Name of the Docker context that the user chose; None for none, and where ``DOCKER_HOST`` overrides it."""
    if os.environ.get("DOCKER_HOST"):
        return None
    name = os.environ.get("DOCKER_CONTEXT") or _text(_read(_config_folder() / "config.json"), "currentContext")
    return None if not name or name == "default" else name


def _context() -> DockerAddress | None:
    folder = _config_folder()
    name = chosen_context()
    if name is None:
        return None
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    endpoints = _read(meta).get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = _text(docker if isinstance(docker, dict) else {}, "Host")
    return DockerAddress(_with_scheme(host), f"docker context {name}", is_chosen=True, context=name) if host else None


def _read(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(data: dict[str, object], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _usual_places() -> Iterator[DockerAddress]:
    yield DockerAddress(f"unix://{DEFAULT_SOCKET}", "the default socket")
    home = _home()
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    if sys.platform != "darwin":
        yield DockerAddress(f"unix://{runtime}/docker.sock", "rootless Docker")
    yield DockerAddress(f"unix://{home}/.docker/run/docker.sock", "Docker Desktop")
    yield DockerAddress(f"unix://{home}/.docker/desktop/docker.sock", "Docker Desktop on Linux")
    yield DockerAddress(f"unix://{home}/.colima/default/docker.sock", "Colima", must_be_named=True)
    yield DockerAddress(f"unix://{home}/.rd/docker.sock", "Rancher Desktop", must_be_named=True)
    if sys.platform != "darwin":
        yield DockerAddress(f"unix://{runtime}/podman/podman.sock", "Podman")
        yield DockerAddress("unix:///run/podman/podman.sock", "Podman of root")
