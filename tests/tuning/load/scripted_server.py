"""A server whose delays, statuses and streams are written down beforehand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.scripted_listener import listening


@dataclass
class Script:
    """What the server does.

    Attributes:
        delay: Seconds until the n-th answer.
        status: Of the n-th answer; 0 closes the connection instead.
        body: Of an answer that is no stream.
        events: Pieces of a stream: seconds to wait, then bytes; empty for no stream.
        content_type: Of the answer.
        stall: From when to when, in seconds since the first request, no answer is sent at all.
        bodies: Requests that it saw.
    """

    delay: Callable[[int], float] = lambda _: 0.0
    status: Callable[[int], int] = lambda _: 200
    body: bytes = b"ok"
    events: tuple[tuple[float, bytes], ...] = ()
    content_type: str = "application/json"
    stall: tuple[float, float] = (0.0, 0.0)
    bodies: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    began: float | None = None


class _Server:
    def __init__(self, script: Script) -> None:
        self.script = script

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        script = self.script
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        turn = len(script.bodies)
        script.heads.append(head)
        script.bodies.append(await reader.readexactly(size))
        script.began = script.began or time.perf_counter()
        await asyncio.sleep(script.delay(turn))
        since = time.perf_counter() - script.began
        if script.stall[0] <= since < script.stall[1]:
            await asyncio.sleep(script.stall[1] - since)
        status = script.status(turn)
        if status == 0:
            return False
        start = f"HTTP/1.1 {status} X\r\ncontent-type: {script.content_type}\r\n".encode()
        if script.events and status < 400:
            writer.write(start + b"transfer-encoding: chunked\r\n\r\n")
            for wait, data in script.events:
                await asyncio.sleep(wait)
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(start + b"content-length: %d\r\n\r\n%s" % (len(script.body), script.body))
        return True


def serving(script: Script) -> AbstractContextManager[int]:
    """Serve the script on a port of its own."""
    return listening(_Server(script).connected)
