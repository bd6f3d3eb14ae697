"""Where a daemon that speaks Docker's API may listen: what the user set, then the places that installers use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """One place to ask.

    Attributes:
        url: Such as ``unix:///var/run/docker.sock``.
        source: Who says so, such as ``DOCKER_HOST``.
        chosen: Whether the user chose it: then no other place is tried.
        tls: The SDK's TLS configuration, where a context brings one.
    """

    url: str
    source: str
    chosen: bool = False
    tls: Any = None

    @property
    def path(self) -> Path | None:
        """The socket's path, if it is a Unix socket."""
        scheme, _, path = self.url.partition("://")
        return Path(path) if scheme in ("unix", "http+unix") else None

    def __str__(self) -> str:
        return f"{self.url} ({self.source})"


def addresses() -> list[Address]:
    """Where to ask, in this order; one alone if the user chose it.

    ``DOCKER_HOST``, then the context that ``docker context use`` or ``DOCKER_CONTEXT`` chose, as Docker's own CLI has
    it; then the sockets of Docker, rootless Docker, Docker Desktop and Podman that exist.

    Raises:
        UsageError: The context has no such name, or the daemon is on another machine.
    """
    chosen = _chosen()
    if chosen is not None:
        _check_is_local(chosen)
        return [chosen]
    # Unlike Path.exists(), this one is silent about a folder that is closed to this user.
    return [Address(f"unix://{path}", source) for path, source in _usual_places() if os.path.exists(path)]  # noqa: PTH110


def _chosen() -> Address | None:
    if os.environ.get("DOCKER_HOST"):
        return Address(os.environ["DOCKER_HOST"], "DOCKER_HOST", chosen=True)
    from docker.context import ContextAPI  # noqa: PLC0415 - an extra
    from docker.context.config import get_current_context_name  # noqa: PLC0415

    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if name == "default":
        return None
    context = ContextAPI.get_context(name)
    if context is None:
        raise UsageError(
            f"there is no Docker context {name!r}.",
            remedy="`docker context ls` lists them; `docker context use default` goes back.",
        )
    return Address(context.Host, f"docker context {name}", chosen=True, tls=context.TLSConfig)


def _check_is_local(address: Address) -> None:
    scheme, _, rest = address.url.partition("://")
    if scheme in ("unix", "http+unix", "npipe"):
        return
    host = rest.partition("/")[0].rpartition("@")[2].rpartition(":")[0].strip("[]")
    if scheme in ("tcp", "http", "https") and host in ("localhost", "127.0.0.1", "::1"):
        return
    raise UsageError(
        f"{address} is on another machine, which does not see the model's folder here.",
        remedy="Unset it, or choose a daemon of this machine.",
    )


def _usual_places() -> Iterator[tuple[Path, str]]:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    home = Path(os.environ.get("HOME", "/"))
    yield Path("/var/run/docker.sock"), "Docker"
    yield runtime / "docker.sock", "rootless Docker"
    yield home / ".docker" / "run" / "docker.sock", "Docker Desktop"
    yield home / ".docker" / "desktop" / "docker.sock", "Docker Desktop"
    yield runtime / "podman" / "podman.sock", "rootless Podman"
    yield Path("/run/podman/podman.sock"), "Podman"
