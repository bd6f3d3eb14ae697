"""The relay by itself: bytes, ends and back-pressure through it, from a port to a Unix socket to a port."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cdk_modelbuilder.local.container import relay

RELAY = Path(relay.__file__)


@contextlib.contextmanager
def relaying(folder: Path, target: int):
    """A port that leads to the Unix socket that leads to the port ``target``."""
    door = folder / "door"
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as running:
        inner = ["--listen", str(door), "--port", str(target)]
        outer = ["--fd", str(listener.fileno()), "--socket", str(door)]
        for words in (inner, outer):
            one = subprocess.Popen(
                [sys.executable, "-I", "-S", RELAY, "--until-end-of-input", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[listener.fileno()],
            )
            running.callback(end, one)
            assert one.stdout.readline() == "ready\n"
        yield listener.getsockname()[1]


def end(one: subprocess.Popen) -> None:
    one.stdin.close()
    assert one.wait(20) == 0  # its input has ended: so does it
    one.stdout.close()


def server(answer) -> socket.socket:
    """Calls ``answer`` with each connection, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                found, _ = listener.accept()
                threading.Thread(target=answer, args=(found,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def digest_once_it_ended(connection: socket.socket) -> None:
    with connection:
        data = read_all(connection)
        connection.sendall(hashlib.sha256(data).digest() + data[::-1])


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
def test_all_bytes_both_ways_and_each_end_by_itself(tmp_path, size):
    data = random.Random(size).randbytes(size)
    with (
        server(digest_once_it_ended) as target,
        relaying(tmp_path, target.getsockname()[1]) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == hashlib.sha256(data).digest() + data[::-1]


def test_many_at_a_time(tmp_path):
    wrong = []

    def ask(number: int) -> None:
        data = str(number).encode() * 1000
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            if read_all(client)[32:] != data[::-1]:
                wrong.append(number)

    with server(digest_once_it_ended) as target, relaying(tmp_path, target.getsockname()[1]) as port:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_client_that_reads_nothing_holds_back_the_server_and_not_the_relay_s_memory(tmp_path):
    sent = []

    def pour(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(2)
            for _ in range(200):
                connection.sendall(bytes(1 << 20))
                sent.append(1)

    with (
        server(pour) as target,
        relaying(tmp_path, target.getsockname()[1]) as port,
        socket.create_connection(("127.0.0.1", port)),
    ):
        before = -1
        while before != len(sent) or not sent:  # until no more is taken
            before = len(sent)
            time.sleep(0.5)
        assert len(sent) < 100


def test_where_nobody_listens_the_connection_ends(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    with (
        relaying(tmp_path, free) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b""
