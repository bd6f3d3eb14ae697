"""A way into a container that has no network: from a port of 127.0.0.1 here to a port of its loopback.

The container is started with the network ``none``, so nothing leads out of it, neither to the internet nor to this
machine nor to a name server. A relay leads in:

- Where this process may (root, or the user whose rootless daemon it is), the relay is one process here that has its
  listening socket in this network and makes its connections in the container's.
- Elsewhere a second container of the same image, with the same network and nothing of the model's, runs the relay's
  other half; a Unix socket in a folder that only this user may enter joins the two. The image must have a ``python3``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container.ownership import remove_container
from cdk_modelbuilder.local.listening import listen

_RELAY = Path(__file__).with_name("relay.py")
_SECONDS = 30


@dataclass(slots=True)
class Door:
    """The way in.

    Attributes:
        port: On 127.0.0.1.
        kind: ``process`` or ``container``: what the relay's inner end is.
    """

    port: int
    kind: str
    _relay: subprocess.Popen[str]
    _api: Any
    _companion: str | None

    def close(self) -> None:
        """End the relay."""
        assert self._relay.stdin is not None
        assert self._relay.stdout is not None
        with contextlib.suppress(OSError):
            self._relay.stdin.close()
        self._relay.wait()
        self._relay.stdout.close()
        if self._companion is not None:
            remove_container(self._api, self._companion)


def companion_name(name: str) -> str:
    """What the second container is called."""
    return f"{name}-relay"


def open_door(api: Any, name: str, *, inside: int, port: int, folder: Path, labels: dict[str, str]) -> Door:
    """Lead from a port of 127.0.0.1 to a port of a container's loopback.

    Args:
        api: The SDK's low-level client.
        name: A container that runs.
        inside: The port inside.
        port: The port here; 0 takes a free one.
        folder: A temporary folder of the container's.
        labels: Who started it.

    Raises:
        LocalEndpointError: This process may not enter the container's network, and the image has no ``python3``.
        UsageError: The port is taken.
    """
    found = api.inspect_container(name)
    with listen(port) as listener:
        chosen = listener.getsockname()[1]
        pid = int(found["State"].get("Pid") or 0)
        if _is_here(pid, found["Id"]):
            relay, said = _start(listener, "--namespace-of", str(pid), "--port", str(inside))
            if said == "ready":
                return Door(chosen, "process", relay, api, None)
            _end(relay)
        companion = _companion(api, found, inside, folder / "relay", labels)
        try:
            relay, said = _start(listener, "--socket", str(folder / "relay" / "door"))
        except BaseException:
            remove_container(api, companion)
            raise
        return Door(chosen, "container", relay, api, companion)


def _is_here(pid: int, container: str) -> bool:
    # Behind Docker Desktop is another machine, whose process ids mean something else here.
    with contextlib.suppress(OSError):
        return pid > 0 and container in Path(f"/proc/{pid}/cgroup").read_text()
    return False


def _start(listener: socket.socket, *words: str) -> tuple[subprocess.Popen[str], str]:
    handle = listener.fileno()
    relay = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_RELAY), "--fd", str(handle), "--until-end-of-input", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        pass_fds=(handle,),
        start_new_session=True,  # Ctrl-C must not cut what is being answered
    )
    assert relay.stdout is not None
    return relay, relay.stdout.readline().strip()


def _end(relay: subprocess.Popen[str]) -> None:
    assert relay.stdin is not None
    assert relay.stdout is not None
    relay.stdin.close()
    relay.wait()
    relay.stdout.close()


def _companion(api: Any, found: dict[str, Any], inside: int, folder: Path, labels: dict[str, str]) -> str:
    from docker.errors import APIError  # noqa: PLC0415 - an extra

    folder.mkdir(mode=0o700)
    shutil.copyfile(_RELAY, folder / "relay.py")
    companion = companion_name(found["Name"].lstrip("/"))
    request = {
        "Image": found["Image"],
        "Entrypoint": ["python3", "-I", "/relay/relay.py", "--listen", "/relay/door", "--port", str(inside)],
        "Cmd": [],
        "User": f"{os.getuid()}:{os.getgid()}",
        "Labels": labels,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": f"container:{found['Id']}",
            "Mounts": [{"Type": "bind", "Source": str(folder), "Target": "/relay"}],
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "PidsLimit": 64,
        },
    }
    try:
        api.create_container_from_config(request, companion)
        api.start(companion)
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if (folder / "door").exists():
                return companion
            state = api.inspect_container(companion)["State"]
            if not state["Running"]:
                raise _no_way_in(api.logs(companion, tail=3).decode("utf-8", "replace").strip())
            time.sleep(0.05)
        raise _no_way_in(f"it does not listen after {_SECONDS} s")
    except APIError as error:
        remove_container(api, companion)
        raise _no_way_in(str(error.explanation or error)) from None
    except BaseException:
        remove_container(api, companion)
        raise


def _no_way_in(reason: str) -> LocalEndpointError:
    return LocalEndpointError(
        "nothing leads into the container without a network: this user may not enter its network, and the relay in the "
        f"image did not start: {reason.rstrip('.')}.",
        remedy="Run this as root or with a rootless daemon of your own, use an image that has python3, or leave "
        "network_isolation out.",
    )
