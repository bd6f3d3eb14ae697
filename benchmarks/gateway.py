"""What the local gateway adds to a request, against the same request sent to the same process directly."""

from __future__ import annotations

import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import read_answer
from benchmarks.measure import ROOT, Row, Settings, fresh
from benchmarks.throughput import build_no_op

LIMIT_MS = 0.3
_WARM_UP = 200


def rows(settings: Settings) -> list[Row]:
    fresh(build_no_op, settings.scratch)
    count, rounds = (500, 3) if settings.quick else (4000, 7)
    table = []
    with served(settings.scratch / "no-op") as (gateway, direct):
        for connections in (1, 8):
            through, straight = [], []
            for _ in range(rounds):
                through.append(fresh(median_ms, gateway, "/endpoints/no-op/invocations", connections, count))
                straight.append(fresh(median_ms, direct, "/invocations", connections, count))
            added = min(through) - min(straight)
            table.append(
                Row(
                    what=f"the local gateway, a no-op, {connections} connection{'s' * (connections > 1)}, median",
                    measured=f"{min(through):.3f} ms",
                    limit=f"directly {min(straight):.3f} ms",
                    ratio=min(through) / min(straight),
                    target=f"<= {LIMIT_MS} ms more",
                    reached=added <= LIMIT_MS,
                    note="Best of the rounds' medians. Client, gateway and the process behind it share the machine's "
                    "processors, so with eight connections what the gateway takes is waited for eight times.",
                )
            )
    shutil.rmtree(settings.scratch / "no-op")
    return table


def median_ms(port: int, path: str, connections: int, count: int) -> float:
    """Median time of ``count`` requests, one in flight on each connection; for :func:`benchmarks.measure.fresh`."""
    from benchmarks.specs import REQUEST

    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/octet-stream\r\n"
        f"Accept: application/octet-stream\r\nContent-Length: {len(REQUEST)}\r\n\r\n"
    )
    request = head.encode() + REQUEST
    times: list[float] = []
    with selectors.DefaultSelector() as selector:
        sockets = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(connections)]
        sent = {}
        for connection in sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            sent[connection] = time.perf_counter()
            connection.sendall(request)
        while len(times) < count + _WARM_UP:
            for key, _ in selector.select(1):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                read_answer(connection)
                now = time.perf_counter()
                times.append(now - sent[connection])
                sent[connection] = now
                connection.sendall(request)
        for connection in sockets:
            connection.close()
    return statistics.median(times[_WARM_UP:]) * 1000


@contextmanager
def served(path: Path) -> Iterator[tuple[int, int]]:
    """Ports of a gateway in front of the bundle at ``path``, and of the process behind it."""
    command = [sys.executable, "-m", "benchmarks.gateway_app", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        gateway, direct = child.stdout.readline().split()
        yield int(gateway), int(direct)
        child.stdin.close()
