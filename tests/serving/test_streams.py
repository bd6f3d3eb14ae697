"""Streamed answers: pieces as they come, at the client's pace, and never an end that looks regular when it is not."""

from __future__ import annotations

import json
import socket
import struct
import time
from pathlib import Path

import pytest
import urllib3

from tests.serving.running_server import eventually, read_until_quiet, running

STREAMS = """
    import os, threading, time
    from pathlib import Path

    def model_fn(model_dir):
        return None

    def input_fn(request_body, content_type):
        return bytes(request_body).decode().split(" ")

    class Refused(Exception):
        http_status = 422

    def predict_fn(words, model):
        kind, *rest = words
        return globals()[kind](*rest)

    def output_fn(prediction, accept):
        return prediction if isinstance(prediction, bytes) else b"".join(prediction), "text/plain"

    def stream_fn(prediction, accept):
        return None if isinstance(prediction, bytes) else (prediction, "text/event-stream")

    def whole():
        return b"whole"

    def count(last):
        for number in range(int(last)):
            yield b"" if number % 3 == 2 else b"%d," % number  # empty pieces are no end
        yield memoryview(b"end")

    def gated(folder):
        for number in range(3):
            yield b"%d," % number
            while not Path(folder, str(number)).exists():
                time.sleep(0.01)

    def breaks(after):
        for number in range(int(after)):
            yield b"%d," % number
        raise OSError("the disk of the model")

    def refuses():
        raise Refused("not this one")
        yield b""

    def nothing():
        yield b""

    def wrong():
        yield b"right,"
        yield 7

    def fast(folder, size="65536"):
        try:
            for number in range(100_000):
                Path(folder, "made").write_text(str(number + 1))
                yield bytes(int(size))
        finally:
            Path(folder, "closed").write_text(threading.current_thread().name)

    def slow(seconds, pieces):
        for _ in range(int(pieces)):
            time.sleep(float(seconds))
            yield b"."

    class Fragile:
        def __iter__(self):
            return iter([b"a", b"b"])

    class ClosesBadly:
        def __init__(self):
            self.left = [b"a", b"b"]

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            return self.left.pop(0)

        def close(self):
            raise RuntimeError("cannot close")
"""


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    with running(tmp_path_factory.mktemp("streams") / "model", STREAMS, "--stuck-after", "1.5") as server:
        yield server


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield pool


def request(words: str, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST /invocations HTTP/{version}", "Host: here", f"Content-Length: {len(words)}", *headers, "", words]
    return "\r\n".join(lines).encode()


def last_line(server) -> dict:
    assert eventually(lambda: server.events("invocation"))
    return server.events("invocation")[-1]


def test_pieces_arrive_as_they_are_made(streams, http, tmp_path):
    response = http.request("POST", streams.url + "/invocations", body=f"gated {tmp_path}", preload_content=False)
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert response.headers["Content-Type"] == "text/event-stream"
    pieces = response.stream()
    for number in range(3):  # the next one is only made once this one has been seen here
        assert next(pieces) == b"%d," % number
        (tmp_path / str(number)).touch()
    assert list(pieces) == []
    response.release_conn()


def test_many_pieces_empty_ones_and_other_requests_on_the_connection(streams):
    found = streams.send(request("count 10") + request("whole") + request("nothing") + request("count 0"))
    first, second, third, fourth = found.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(
        b"\r\n\r\n2\r\n0,\r\n2\r\n1,\r\n2\r\n3,\r\n2\r\n4,\r\n2\r\n6,\r\n2\r\n7,\r\n2\r\n9,\r\n3\r\nend\r\n0\r\n\r\n"
    )
    assert second.endswith(b"content-length: 5\r\n\r\nwhole")
    assert third.endswith(b"\r\n\r\n0\r\n\r\n")
    assert fourth.endswith(b"3\r\nend\r\n0\r\n\r\n")


def test_the_log_says_how_much_was_streamed(streams):
    words = request("count 5", "X-Amzn-SageMaker-Inference-Id: counted")
    streams.send(words)
    assert eventually(lambda: last_line(streams)["request_id"] == "counted")
    line = last_line(streams)
    assert (line["streamed"], line["pieces"], line["bytes_out"], line["status"]) == (True, 5, 11, 200)


def test_an_error_before_the_first_piece_is_an_answer_of_its_own(streams, http):
    refused = http.request("POST", streams.url + "/invocations", body="refuses")
    assert (refused.status, json.loads(refused.data)["message"]) == (422, "not this one")
    broken = http.request("POST", streams.url + "/invocations", body="breaks 0")
    assert broken.status == 500
    assert b"disk" not in broken.data


@pytest.mark.parametrize(("words", "reason"), [("breaks 3", "OSError: the disk"), ("wrong", "TypeError")])
def test_an_error_in_the_middle_leaves_the_answer_incomplete(streams, http, words, reason):
    headers = {"X-Amzn-SageMaker-Inference-Id": f"id-{words[:5]}"}
    response = http.request("POST", streams.url + "/invocations", body=words, headers=headers, preload_content=False)
    assert response.status == 200
    with pytest.raises(urllib3.exceptions.ProtocolError):
        list(response.stream())
    response.close()
    assert eventually(lambda: last_line(streams)["request_id"] == f"id-{words[:5]}")
    line = last_line(streams)
    assert line["incomplete"] is True
    assert line["error"].startswith(reason)
    assert line["level"] == "error"
    trace = streams.events("model error")[-1]
    assert trace["request_id"] == line["request_id"] == headers["X-Amzn-SageMaker-Inference-Id"]
    assert "Traceback" in trace["traceback"]


def test_http_1_0_has_no_chunks_but_still_tells_an_end_from_an_error(streams):
    whole = streams.send(request("count 2", "Connection: keep-alive", version="1.0"))
    assert whole.endswith(b"\r\n\r\n0,1,end")
    assert b"connection: close" in whole
    with pytest.raises(ConnectionResetError):
        streams.send(request("breaks 3", version="1.0"))


def test_a_slow_client_is_not_run_ahead_of(streams, tmp_path):
    with streams.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.sendall(request(f"fast {tmp_path}"))
        made = tmp_path / "made"
        assert eventually(made.exists)

        def settled() -> bool:
            before = made.read_text()
            time.sleep(0.3)
            return before == made.read_text() != ""

        assert eventually(settled)
        assert int(made.read_text()) < 200  # of 100 000: what the sockets' buffers hold, and a little more
        before = int(made.read_text())
        for _ in range(200):
            client.recv(1 << 20)
        assert eventually(lambda: int(made.read_text() or 0) > before)


@pytest.mark.parametrize("rude", [True, False])
def test_a_client_that_leaves_closes_the_generator_and_frees_the_model(streams, http, tmp_path, rude):
    client = streams.connect()
    client.sendall(request(f"fast {tmp_path} 10"))
    client.recv(1000)
    if rude:  # a reset instead of a regular end
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert eventually((tmp_path / "closed").exists)
    assert (tmp_path / "closed").read_text().startswith("model-")  # in the thread that ran it
    assert http.request("POST", streams.url + "/invocations", body="whole").data == b"whole"
    assert eventually(lambda: any(line["status"] == 499 for line in streams.events("invocation")))


def test_a_stream_is_not_stuck_while_pieces_come(streams, http):
    url = streams.url + "/invocations"
    response = http.request("POST", url, body="slow 0.5 8", preload_content=False)  # 4 s; /ping gives up after 1.5
    states = set()
    for piece in response.stream():
        assert piece == b"."
        states.add(http.request("GET", streams.url + "/ping").status)
    response.release_conn()
    assert states == {200}


@pytest.mark.heavy
def test_a_stream_without_pieces_is_stuck(streams, http):
    with streams.connect() as client:
        client.sendall(request("slow 3 1"))
        assert eventually(lambda: http.request("GET", streams.url + "/ping").status == 503)
        assert read_until_quiet(client, 4).endswith(b"0\r\n\r\n")
    assert http.request("GET", streams.url + "/ping").status == 200


def test_iterables_without_close_and_with_a_bad_one(streams):
    assert streams.send(request("Fragile")).endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    assert streams.send(request("ClosesBadly")).endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    assert eventually(lambda: "cannot close" in str(streams.events("model error")[-1:]))


def test_sigterm_lets_a_stream_finish(tmp_path: Path):
    with running(tmp_path / "model", STREAMS) as server, server.connect() as client:
        client.sendall(request("slow 0.2 8"))
        client.recv(1000)
        server.child.terminate()
        assert read_until_quiet(client, 3).endswith(b"0\r\n\r\n")
        server.stop()
        assert server.events("invocation")[-1]["pieces"] == 8
