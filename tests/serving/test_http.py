"""HTTP/1.1 as clients speak it, well or badly; over raw sockets, so that every byte is ours."""

from __future__ import annotations

import json
import os
import struct

import pytest
import urllib3

from tests.serving.raw_http import bodies, post
from tests.serving.running_server import ECHO, eventually, read_until_quiet, running

SHAPES = """
    def model_fn(model_dir):
        return None

    def input_fn(request_body, content_type):
        return request_body

    def predict_fn(input_data, model):
        if bytes(input_data[:4]) == b"exit":
            raise SystemExit("the model wants to end the process")
        if bytes(input_data[:3]) == b"odd":
            raise Odd(int(input_data[3:]))
        return input_data

    class Odd(Exception):
        def __init__(self, status):
            self.http_status = status

        def __str__(self):
            raise RuntimeError("an error with an error in it")

    def output_fn(prediction, accept):
        kind = type(prediction).__name__
        forms = {
            "kind": lambda: kind,
            "text": lambda: "naïve",
            "view": lambda: (memoryview(bytearray(prediction)), "a/b"),
            "wide": lambda: (memoryview(bytearray(prediction)).cast("I"), "a/b"),
            "stride": lambda: (memoryview(bytes(prediction))[::2], "a/b"),
            "array": lambda: (bytearray(prediction), "a/b"),
            "split": lambda: (b"", "text/plain\\r\\nx-evil: 1"),
        }
        return forms[accept]()
"""


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    with running(tmp_path_factory.mktemp("echo") / "model", ECHO, "--max-payload-bytes", "300000") as server:
        yield server


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    with running(tmp_path_factory.mktemp("shapes") / "model", SHAPES) as server:
        yield server


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield pool


def test_a_request_in_single_bytes(echo):
    request = post(b"hello")
    assert bodies(echo.send(*[request[i : i + 1] for i in range(len(request))])) == [b"hello"]


def test_pipelined_requests_are_answered_in_their_order(echo):
    requests = [post(b"%d" % number) for number in range(50)]
    requests.insert(20, b"GET /ping HTTP/1.1\r\nHost: here\r\n\r\n")
    expected = [b"%d" % number for number in range(50)]
    expected.insert(20, b"\n")
    assert bodies(echo.send(b"".join(requests))) == expected


def test_chunks_become_one_body(echo):
    head = b"POST /invocations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert bodies(echo.send(head, b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n")) == [b"abcde"]


def test_connection_close_and_http_1_0(echo):
    closed = echo.send(post(b"a", b"Connection: close") + post(b"b"))
    assert b"connection: close" in closed
    assert bodies(closed) == [b"a"]
    old = echo.send(post(b"a", version=b"1.0") + post(b"b", version=b"1.0"))
    assert bodies(old) == [b"a"]
    kept = echo.send(post(b"a", b"Connection: keep-alive", version=b"1.0") * 2)
    assert bodies(kept) == [b"a", b"a"]
    assert kept.count(b"connection: keep-alive") == 2


def test_expect_continue_is_answered_before_the_body_comes(echo):
    with echo.connect() as client:
        client.sendall(post(b"", b"Expect: 100-continue").replace(b"Length: 0", b"Length: 4"))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert bodies(read_until_quiet(client)) == [b"body"]


def test_expect_continue_of_too_much_is_refused_at_once(echo):
    with echo.connect() as client:
        client.sendall(post(b"", b"Expect: 100-continue").replace(b"Length: 0", b"Length: 300001"))
        answer = read_until_quiet(client)
        assert answer.startswith(b"HTTP/1.1 413 ")
        # The client will not send the body now, so nothing on this connection could be told from it.
        assert b"connection: close" in answer
        assert client.recv(1) == b""


@pytest.mark.parametrize("extra", [(), (b"Connection: close",)])
def test_a_client_that_sends_too_much_sees_the_answer(echo, extra):
    body = bytes(5_000_000)  # more than the sockets' buffers hold: it is read to its end, and thrown away
    answer = echo.send(post(body, *extra) + (b"" if extra else post(b"next")))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert "300000 bytes" in json.loads(bodies(answer)[0])["message"]
    assert bodies(answer)[1:] == ([] if extra else [b"next"])


def test_offers_of_another_protocol_are_ignored(echo):
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    assert bodies(echo.send(post(b"a", *offer) + post(b"b"))) == [b"a", b"b"]
    chunked = post(b"", *offer).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert bodies(echo.send(chunked, b"2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n" + post(b"b"))) == [b"abc", b"b"]
    assert echo.send(b"CONNECT here:80 HTTP/1.1\r\nHost: here\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    websocket = b"GET /ping HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert bodies(echo.send(websocket + post(b"b"))) == [b"\n", b"b"]


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (b"\x16\x03\x01\x02\x00 hello TLS\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, "Content-Length"),
        (
            b"POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "Transfer-Encoding",
        ),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
        (b"GET /ping HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431, "larger than 65536 bytes"),
        (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "larger than 65536 bytes"),
    ],
)
def test_what_is_not_understood_is_answered_and_the_connection_closed(echo, request_, status, words):
    answer = echo.send(request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer
    assert words in json.loads(bodies(answer)[0])["message"]


def test_the_answer_before_the_nonsense_still_comes(echo):
    first, second = bodies(echo.send(post(b"good") + b"nonsense\r\n\r\n"))
    assert first == b"good"
    assert b"not valid" in second


def test_routes_in_all_spellings(echo):
    assert bodies(echo.send(post(b"a", target=b"/invocations?x=1"))) == [b"a"]
    assert bodies(echo.send(post(b"a", target=b"http://here:1/invocations"))) == [b"a"]
    head = echo.send(b"HEAD /ping HTTP/1.1\r\nHost: here\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"content-length: 1\r\n\r\n")
    assert b"allow: POST\r\n" in echo.send(b"PUT /invocations HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n")
    assert echo.send(post(b"", target=b"//")).startswith(b"HTTP/1.1 404 ")


def test_large_bodies_both_ways(shapes, http):
    body = os.urandom(9_000_001)
    for form in ("view", "array"):
        answer = http.request("POST", shapes.url + "/invocations", body=body, headers={"Accept": form})
        assert answer.data == body
        assert answer.headers["Content-Type"] == "a/b"


@pytest.mark.parametrize(
    ("size", "kind"),
    [(0, b"bytes"), (1, b"bytes"), (40_000, b"bytes"), (70_000, b"bytearray"), (3 << 20, b"bytearray")],
)
def test_a_large_body_is_one_bytearray(shapes, http, size, kind):
    headers = {"Accept": "kind"}
    answer = http.request("POST", shapes.url + "/invocations", body=bytes(size), headers=headers)
    assert answer.data == kind


def test_forms_that_a_hook_may_return(shapes, http):
    def ask(form: str, body: bytes) -> urllib3.BaseHTTPResponse:
        return http.request("POST", shapes.url + "/invocations", body=body, headers={"Accept": form})

    assert ask("text", b"").data.decode() == "naïve"
    numbers = struct.pack("5I", *range(5))
    assert ask("wide", numbers).data == numbers
    assert ask("stride", b"a-b-c").data == b"abc"
    assert ask("split", b"").status == 500
    assert "x-evil" not in ask("split", b"").headers
    assert ask("kind", b"exit").status == 500
    assert [ask("kind", b"odd%d" % status).status for status in (200, 418, 477, 503, 9)] == [500, 418, 477, 503, 500]
    assert ask("text", b"").status == 200


def test_a_request_whose_client_has_gone_is_not_answered(echo):
    with echo.connect() as client:
        client.sendall(post(b"x" * 1000, b"X-Amzn-SageMaker-Inference-Id: gone")[:-10])
    assert bodies(echo.send(post(b"next"))) == [b"next"]


def test_log_lines_carry_the_callers_id_and_odd_headers_whole(echo):
    odd = b'text/"plain"\xe9'
    echo.send(post(b"abc", b"X-Amzn-SageMaker-Inference-Id: mine-7", b"Content-Type: " + odd))
    assert eventually(lambda: any(line["request_id"] == "mine-7" for line in echo.events("invocation")))
    line = next(line for line in echo.events("invocation") if line["request_id"] == "mine-7")
    assert line["content_type"] == odd.decode("latin-1")
    assert (line["status"], line["bytes_in"], line["bytes_out"], line["level"]) == (200, 3, 3, "info")
    refused = [line for line in echo.events("invocation") if line["status"] == 413]
    assert all(line["level"] == "info" for line in refused)
    ids = [line["request_id"] for line in echo.events("invocation")]
    assert len(ids) == len(set(ids))


@pytest.mark.heavy
def test_nothing_of_the_log_is_lost_when_the_server_is_stopped(tmp_path):
    with running(tmp_path / "model", ECHO) as server:
        for number in range(20):
            server.send(*[post(b"%d" % number) for _ in range(10)])
        server.child.terminate()
        server.stop()
        assert len(server.events("invocation")) == 200
