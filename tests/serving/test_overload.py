"""What waits for a busy model is bounded, and is let go when nobody waits for its answer."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.raw_http import bodies, post
from tests.serving.running_server import RunningServer, eventually, read_until_quiet, running

HELD = """
    import time
    from pathlib import Path

    def model_fn(model_dir):
        return Path(model_dir).parent

    def input_fn(request_body, content_type):
        return bytes(request_body)

    def predict_fn(body, folder):
        with open(folder / "seen", "a") as seen:
            seen.write(body[:10].decode() + ",")
        if body == b"hold":
            (folder / "held").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)
        return b"%d" % len(body)

    def output_fn(prediction, accept):
        return prediction, "text/plain"
"""


@contextlib.contextmanager
def held(folder: Path, *options: str) -> Iterator[RunningServer]:
    """A server whose model is busy until there is a file named ``go``."""
    with running(folder / "model", HELD, *options) as server, server.connect() as holder:
        holder.sendall(post(b"hold"))
        assert eventually((folder / "held").exists)
        try:
            yield server
        finally:
            (folder / "go").touch()
        assert bodies(read_until_quiet(holder)) == [b"4"]


def hang_up_after(server: RunningServer, *parts: bytes) -> None:
    with server.connect() as client, contextlib.suppress(ConnectionError):  # it may have been refused meanwhile
        for part in parts:
            client.sendall(part)


def statuses(clients: list[socket.socket], seconds: float = 0.5) -> list[int]:
    return [int(read_until_quiet(client, seconds)[9:12] or 0) for client in clients]


@pytest.mark.heavy
def test_requests_of_clients_that_hung_up_are_neither_answered_nor_kept(tmp_path):
    memory = Path("/proc")
    if sys.platform != "linux":
        pytest.skip("reads the server's memory from /proc")
    with held(tmp_path) as server:
        resident = memory / str(server.child.pid) / "statm"
        before = int(resident.read_text().split()[1])
        for _ in range(30):
            hang_up_after(server, post(b"x" * 20_000_000))
        # At most two bodies are left of thirty: the server has noticed the others' end.
        assert eventually(lambda: (int(resident.read_text().split()[1]) - before) * 4096 < 45_000_000)
        with server.connect() as client:
            client.sendall(post(b"y" * 20_000_000))  # there is room again
            (tmp_path / "go").touch()
            assert bodies(read_until_quiet(client, 5)) == [b"20000000"]
        seen = (tmp_path / "seen").read_text()
        assert seen.startswith("hold,")
        assert seen.endswith("yyyyyyyyyy,")
        assert seen.count("xxxxxxxxxx,") <= 2
        assert eventually(lambda: any(line["status"] == 499 for line in server.events("invocation")))


@pytest.mark.heavy
def test_more_bytes_than_may_wait_are_refused(tmp_path):
    with held(tmp_path, "--max-payload-bytes", "100000") as server, contextlib.ExitStack() as stack:

        def clients(count: int, request: bytes) -> list[socket.socket]:
            opened = [stack.enter_context(server.connect()) for _ in range(count)]
            for client in opened:
                client.sendall(request)
            return opened

        large = post(b"x" * 100_000)
        waiting = clients(14, large) + clients(1, post(b"x" * 50_000))
        chunked = large.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked").replace(
            b"\r\n\r\n", b"\r\n\r\n186a0\r\n"
        )
        (half,) = clients(1, chunked[:-30_000])
        assert statuses(waiting[:1]) == [0]
        (refused,) = clients(1, large)  # at its head already: no room for so much
        answer = read_until_quiet(refused)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in answer
        assert "too many requests" in json.loads(bodies(answer)[0])["message"]
        refused.sendall(post(b"small"))  # the connection is good for what there is room for
        (other,) = clients(1, chunked)
        assert statuses([other]) == [503]  # somewhere in its body
        half.sendall(chunked[-30_000:] + b"\r\n0\r\n\r\n")
        (tmp_path / "go").touch()
        assert statuses([*waiting, half, refused]) == [200] * 17
        for _ in range(3):  # and nothing of all that is counted any more
            hang_up_after(server, large[:50_000])
            assert statuses(clients(1, chunked + b"\r\n0\r\n\r\n")) == [200]


def test_more_requests_than_may_wait_are_refused(tmp_path):
    with held(tmp_path) as server:
        for _ in range(1000):
            hang_up_after(server, post(b"gone"))
        with server.connect() as client:
            client.sendall(post(b"late"))
            assert eventually(lambda: any(line["status"] == 503 for line in server.events("invocation")))
            (tmp_path / "go").touch()
            assert read_until_quiet(client).startswith(b"HTTP/1.1 503 ")
            client.sendall(post(b"later"))
            assert bodies(read_until_quiet(client)) == [b"5"]


@pytest.mark.parametrize(("version", "count"), [(b"1.1", 1), (b"1.1", 3), (b"1.0", 1)])
def test_a_client_that_only_ends_its_side_gets_its_answers(tmp_path, version, count):
    with held(tmp_path) as server, server.connect() as client, server.connect() as cut:
        client.sendall(post(b"first", version=version) * count)
        client.shutdown(socket.SHUT_WR)
        cut.sendall(post(b"incomplete")[:-1])
        cut.shutdown(socket.SHUT_WR)
        assert read_until_quiet(cut) == b""
        asked = read_until_quiet(client, 1)  # whether it is there; of several, the last is where the end is seen
        assert asked == (b"HTTP/1.1 100 Continue\r\n\r\n" if (version, count) == (b"1.1", 1) else b"")
        (tmp_path / "go").touch()
        client.settimeout(20)
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))  # and then the connection is closed
        assert bodies(answer) == [b"5"] * count
