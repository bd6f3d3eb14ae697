"""Who listens on a TCP port, as Linux tells it in ``/proc``. Its format is the same in every language.

Source: Documentation/networking/proc_net_tcp.rst and proc(5) of the Linux kernel.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_LISTEN, _TIME_WAIT = "0A", "06"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Socket:
    """A line of ``/proc/net/tcp`` or ``tcp6``.

    Attributes:
        address: The local address.
        port: The local port.
        is_listening: Whether it waits for connections; else it is an end of one.
        uid: Whose it is.
        inode: Finds it among the open files of processes.
    """

    address: _Address
    port: int
    is_listening: bool
    uid: int
    inode: int

    @property
    def is_loopback(self) -> bool:
        """Whether it takes what is sent to this machine's own address, 127.0.0.1 or ::1."""
        mapped = getattr(self.address, "ipv4_mapped", None) or self.address
        return bool(mapped.is_unspecified) or str(mapped) in {"127.0.0.1", "::1"}


def sockets(proc: Path = PROC) -> Iterator[Socket]:
    """All TCP sockets of this network namespace that somebody still holds."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):  # no IPv6 here
            for line in (proc / "net" / name).read_text("utf-8").splitlines()[1:]:
                found = parse_socket(line)
                if found is not None:
                    yield found


def parse_socket(line: str) -> Socket | None:
    """The socket that ``line`` describes; None where nobody holds it any more, or the line is cut short."""
    fields = line.split()
    try:
        local, state, uid, inode = fields[1], fields[3], int(fields[7]), int(fields[9])
        host, port = local.split(":")
        if state == _TIME_WAIT or inode == 0:
            return None
        return Socket(_address(host), int(port, 16), state == _LISTEN, uid, inode)
    except (IndexError, ValueError):
        return None


def _address(text: str) -> _Address:
    # Each 32-bit word is printed as the number that it is to this machine.
    words = [int(text[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(words))


def owner_of(inode: int, proc: Path = PROC) -> int | None:
    """The process that has the socket open; the eldest if several share it; None where it may not be seen.

    A server's workers share its socket, and it starts new ones when they end; so the one whose parent does not hold the
    socket is the one to end.
    """
    wanted = f"socket:[{inode}]"
    found = [pid for pid in _pids(proc) if _has_open(proc / str(pid) / "fd", wanted)]
    among = set(found)
    return next((pid for pid in found if _parent_of(pid, proc) not in among), None)


def arguments_of(pid: int, proc: Path = PROC) -> tuple[str, ...]:
    """Its command line; empty where it has ended."""
    try:
        data = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in data.rstrip(b"\0").split(b"\0") if part)


def name_of(pid: int, proc: Path = PROC) -> str:
    """Its short name; empty where it has ended."""
    try:
        return (proc / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def user_of(pid: int, proc: Path = PROC) -> int | None:
    """Id of the user that it runs as; None where it has ended."""
    try:
        fields = (proc / str(pid) / "status").read_text(errors="replace").splitlines()
        return next(int(line.split()[2]) for line in fields if line.startswith("Uid:"))  # real, effective, saved
    except (OSError, IndexError, StopIteration, ValueError):
        return None


def cgroup_of(pid: int, proc: Path = PROC) -> str:
    """Its control groups; they name the container that it is in. Empty where it has ended."""
    try:
        return (proc / str(pid) / "cgroup").read_text(errors="replace")
    except OSError:
        return ""


def _pids(proc: Path) -> list[int]:
    return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())  # noqa: PTH208 - names alone


def _has_open(folder: Path, wanted: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # closed in between
                    if os.readlink(entry.path) == wanted:  # noqa: PTH115 - quicker by far for thousands of files
                        return True
    except OSError:  # it ended, or belongs to somebody else
        pass
    return False


def _parent_of(pid: int, proc: Path) -> int | None:
    try:
        return int((proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None
