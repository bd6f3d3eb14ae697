"""A network of its own for a server that listens on every interface: it has loopback alone, and one relay leads in.

``unshare -n`` makes the network; inside, a relay takes connections from a Unix socket to the server's port, and outside
another one takes them from 127.0.0.1 to that socket.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def can_have_one() -> bool:
    """Whether this process may make one."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    probe = [*_unshare(), "sh", "-c", "ip link set lo up"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def inside(command: Sequence[Any], *, door: Path, port: int) -> list[Any]:
    """``command`` in a network of its own, whose ``port`` the Unix socket ``door`` leads to."""
    home = Path(__file__).parents[2]
    relay = f"cd {home} && PYTHONPATH={home} {sys.executable} -m tests.containers.private_network {door} {port}"
    return [*_unshare(), "sh", "-c", f'ip link set lo up; ({relay}) & exec "$@"', "sh", *command]


def _unshare() -> list[str]:
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--net"]


def lead_in(listener: socket.socket, door: Path) -> None:
    """Take connections of ``listener`` to the Unix socket ``door``, in the background, until it is closed."""
    threading.Thread(target=_relay, args=(listener, lambda: _to_door(door)), daemon=True).start()


def _to_door(door: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    try:
        found.connect(str(door))
    except OSError:
        found.close()
        raise
    return found


def _relay(listener: socket.socket, connect: Any) -> None:
    with contextlib.suppress(OSError):
        while True:
            one, _ = listener.accept()
            try:
                other = connect()
            except OSError:
                one.close()
                continue
            threading.Thread(target=_join, args=(one, other), daemon=True).start()


def _join(one: socket.socket, other: socket.socket) -> None:
    with one, other:
        back = threading.Thread(target=_pump, args=(other, one), daemon=True)
        back.start()
        _pump(one, other)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(door: str, port: str) -> None:
    """The relay inside."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(door)
    listener.listen(64)
    _relay(listener, lambda: socket.create_connection(("127.0.0.1", int(port))))


if __name__ == "__main__":
    main(*sys.argv[1:])
