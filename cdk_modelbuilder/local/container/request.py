"""The container spec and the user's options as the one JSON document that the daemon is asked with.

The document is that of ``POST /containers/create`` in Docker's Engine API. The key goes into it at the start: no
image, no file of ours and no command line holds it, and the daemon forgets it when the container is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.local.container.options import ContainerOptions

STOP_SECONDS = 30
"""SIGKILL follows SIGTERM after this, as SageMaker does it.

Source: the guide's page "Custom Inference Code with Hosting Services".
"""

KEPT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""What servers that start as root and go on as someone else need: nginx, Multi Model Server."""

_LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine that the container reads.

    Attributes:
        source: The folder.
        target: Where the container sees it.
    """

    source: Path
    target: str


def creation(
    spec: ContainerSpec,
    options: ContainerOptions,
    *,
    image: str,
    secrets: Mapping[str, str],
    mount: Mount | None,
    labels: Mapping[str, str],
    port: int,
) -> dict[str, Any]:
    """What ``POST /containers/create`` is sent.

    Args:
        spec: The container spec.
        options: The user's options.
        image: Name or id of an image that the daemon has.
        secrets: Values of the secret variables.
        mount: The model's files.
        labels: Who started it.
        port: On 127.0.0.1; 0 lets the daemon take a free one. Without a network none is published.
    """
    inside = f"{spec.port}/tcp"
    host: dict[str, Any] = {
        "AutoRemove": False,  # how it ended is asked afterwards
        "LogConfig": _LOG,
        "Mounts": [] if mount is None else [_read_only(mount)],
        "PidsLimit": options.pids,
        "ReadonlyRootfs": options.read_only,
        **_network(inside, port, isolated=options.network_isolation),
        **_limits(options),
    }
    if options.read_only:
        host["Tmpfs"] = {"/tmp": "rw,mode=1777"}  # noqa: S108 - the container's, not this machine's
    if options.confined:
        host |= {"CapDrop": ["ALL"], "CapAdd": list(KEPT_CAPABILITIES), "SecurityOpt": ["no-new-privileges"]}
    request: dict[str, Any] = {
        "Image": image,
        "Cmd": list(spec.command),
        "Env": [f"{name}={value}" for name, value in sorted({**spec.environment, **secrets}.items())],
        "Labels": dict(labels),
        "StopTimeout": STOP_SECONDS,
        "HostConfig": host,
    }
    if not options.network_isolation:
        request["ExposedPorts"] = {inside: {}}
    if options.user is not None:
        request["User"] = options.user
    return request


def _read_only(mount: Mount) -> dict[str, Any]:
    # Unlike a "bind" in Docker's short form, a mount whose source is missing is an error, and no empty folder.
    return {"Type": "bind", "Source": str(mount.source), "Target": mount.target, "ReadOnly": True}


def _network(inside: str, port: int, *, isolated: bool) -> dict[str, Any]:
    if isolated:
        return {"NetworkMode": "none"}
    return {"PortBindings": {inside: [{"HostIp": "127.0.0.1", "HostPort": str(port) if port else ""}]}}


def _limits(options: ContainerOptions) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if (memory := options.memory_limit) is not None:
        limits |= {"Memory": memory, "MemorySwap": memory}
    if (processors := options.processors) is not None:
        limits["NanoCpus"] = round(processors * 1e9)
    if options.shm_mb is not None:
        limits["ShmSize"] = int(options.shm_mb) << 20
    if (gpus := options.accelerators) != 0:
        count = -1 if gpus == "all" else gpus
        limits["DeviceRequests"] = [{"Driver": "", "Count": count, "Capabilities": [["gpu"]]}]
    return limits
