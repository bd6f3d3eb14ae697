"""Carries connections into a network that has no other way in.

One file, the standard library only, and nothing that Python 3.8 lacks: it runs inside of images too.

    relay.py --fd 3 --port 8080 --namespace-of 4711    from a listening socket into another process's network
    relay.py --fd 3 --socket PATH                      from a listening socket to a Unix socket
    relay.py --listen PATH --port 8080                 from a Unix socket to a port of this network

It says ``ready`` on its standard output, or why not, and may end when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER and CLONE_NEWNET of Linux's sched.h
_BACKLOG = 1024


class Side(asyncio.Protocol):
    """One connection of a pair: what comes in here goes out there."""

    def __init__(self, other: Side | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        if (there := self._there) is not None:
            there.write(data)

    def eof_received(self) -> bool:
        """Nothing more comes from here, but the answer may still be on its way."""
        there = self._there
        if there is not None and there.can_write_eof():
            with contextlib.suppress(OSError):
                there.write_eof()
        return True

    def pause_writing(self) -> None:
        """It takes no more for now, so the other side is not read."""
        if (there := self._there) is not None:
            with contextlib.suppress(RuntimeError):
                there.pause_reading()

    def resume_writing(self) -> None:
        """It takes more again."""
        if (there := self._there) is not None:
            with contextlib.suppress(RuntimeError):
                there.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone, and the other side goes too: gracefully, or as this one did."""
        there, other = self._there, self.other
        self.other = None
        if other is None or there is None:
            return
        other.other = None
        if error is None:
            there.close()
        else:
            there.abort()

    @property
    def _there(self) -> asyncio.Transport | None:
        return None if self.other is None else self.other.transport


class Caller(Side):
    """The side that connects to us; what it says before the other side is there is kept for that."""

    def __init__(self, connect: Callable[[Callable[[], Side]], Any]) -> None:
        super().__init__()
        self._connect = connect
        self._opening: asyncio.Future[None] | None = None
        self._early: list[bytes] = []
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Call the other side."""
        super().connection_made(transport)
        self._opening = asyncio.ensure_future(self._open())

    def data_received(self, data: bytes) -> None:
        """Hand on, or keep one piece and take no more yet: pausing before the first one has no effect in Python 3.8."""
        if self.other is not None:
            super().data_received(data)
            return
        self._early.append(data)
        assert self.transport is not None
        self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Hand on, or keep in mind."""
        self._has_ended = True
        return super().eof_received()

    async def _open(self) -> None:
        here = self.transport
        assert here is not None
        try:
            there, side = await self._connect(lambda: Side(self))
        except OSError:
            here.abort()  # nobody listens there yet
            return
        if here.is_closing():
            there.abort()
            return
        self.other = side
        there.writelines(self._early)
        self._early.clear()
        if self._has_ended:
            there.write_eof()
        else:
            here.resume_reading()


def enter_network_of(pid: int) -> None:
    """Move this process into the network of another; the sockets that it has stay where they are.

    A rootless daemon's networks belong to a user namespace of its own, which its user may enter first.

    Raises:
        OSError: It may not.
    """
    namespaces = Path("/proc", str(pid), "ns")
    with (namespaces / "net").open("rb") as network, (namespaces / "user").open("rb") as user:
        if _setns(network.fileno(), _NEW_NETWORK) == 0:
            return
        number = ctypes.get_errno()
        if _setns(user.fileno(), _NEW_USER) != 0 or _setns(network.fileno(), _NEW_NETWORK) != 0:
            raise OSError(number, os.strerror(number))


def _setns(handle: int, kind: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).setns(handle, kind))


async def _serve(given: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()

    def connect(make: Callable[[], Side]) -> Any:
        if given.socket:
            return loop.create_unix_connection(make, given.socket)
        return loop.create_connection(make, "127.0.0.1", given.port)

    def caller() -> Caller:
        return Caller(connect)

    if given.listen:
        await loop.create_unix_server(caller, given.listen, backlog=_BACKLOG)
    else:
        await loop.create_server(caller, sock=socket.socket(fileno=given.fd), backlog=_BACKLOG)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    if given.until_end_of_input:
        loop.add_reader(0, ended.set)
    await ended.wait()


def main(words: list[str]) -> None:
    """Relay until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int)
    parser.add_argument("--listen")
    parser.add_argument("--port", type=int)
    parser.add_argument("--socket")
    parser.add_argument("--namespace-of", type=int)
    parser.add_argument("--until-end-of-input", action="store_true")
    given = parser.parse_args(words)
    try:
        if given.namespace_of:
            enter_network_of(given.namespace_of)
    except OSError as error:
        sys.stdout.write(f"{error.strerror}\n")
        return
    asyncio.run(_serve(given))


if __name__ == "__main__":
    main(sys.argv[1:])
