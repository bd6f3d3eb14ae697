"""Requests that are made to confuse, whether on purpose or not."""

from __future__ import annotations

import json

import pytest

from tests.serving.raw_http import bodies, post
from tests.serving.running_server import eventually, running

TELLS = """
    def model_fn(model_dir):
        return None

    def input_fn(request_body, content_type):
        return bytes(request_body) + b"|" + content_type.encode("latin-1")

    class Refused(Exception):
        http_status = 400

    class Delegates(Exception):
        def __getattr__(self, name):  # a wrapper whose inner error was never set: endless
            return getattr(self.inner, name)

    class Quits(Exception):
        @property
        def http_status(self):
            raise SystemExit("out of the model's thread")

        def __str__(self):
            raise SystemExit("out of the log")

    def predict_fn(input_data, model):
        kind, _, rest = input_data.partition(b"|")[0].partition(b" ")
        if kind == b"refused":
            raise Refused("start" + "x" * int(rest) + "end")
        if kind == b"large":
            raise ValueError("start" + "x" * int(rest) + "end")
        if kind == b"delegates":
            raise Delegates("e")
        if kind == b"quits":
            raise Quits("e")
        return input_data

    def output_fn(prediction, accept):
        return prediction, accept
"""
CHUNKED = (
    b"POST /invocations HTTP/1.1\r\nHost: here\r\nAccept: a/b\r\nTransfer-Encoding: %b\r\n\r\n2\r\nhi\r\n0\r\n%b\r\n"
)


@pytest.fixture(scope="module")
def tells(tmp_path_factory):
    with running(tmp_path_factory.mktemp("tells") / "model", TELLS) as server:
        yield server


def test_thousands_of_offers_of_another_protocol_in_one_breath(tells):
    offer = b"GET /ping HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert bodies(tells.send(offer * 2000)) == [b"\n"] * 2000
    assert not tells.events("server error")


def test_trailers_change_nothing(tells):
    trailers = b"Content-Type: text/forged\r\nX-Amzn-SageMaker-Inference-Id: forged\r\n"
    assert bodies(tells.send(CHUNKED % (b"chunked", trailers))) == [b"hi|"]
    assert eventually(lambda: tells.events("invocation"))
    assert not any("forged" in line for line in tells.lines)


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Encoding: gzip",),
        (b"Content-Encoding: GZip, identity",),
        (b"Content-Encoding: br", b"Content-Encoding: identity"),
    ],
)
def test_a_compressed_body_is_refused_with_the_remedy(tells, headers):
    answer = tells.send(post(b"\x1f\x8b", *headers) + post(b"next", b"Accept: a/b"))
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"\r\naccept-encoding: identity\r\n" in answer
    refused, following = bodies(answer)
    assert "send it as it is, without that header" in json.loads(refused)["message"]
    assert following == b"next|"
    assert bodies(tells.send(post(b"a", b"Accept: a/b", b"Content-Encoding: Identity"))) == [b"a|"]


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"xchunked", b"gzip\r\nTransfer-Encoding: chunked"])
def test_codings_beside_chunked_are_refused(tells, coding):
    answer = tells.send(CHUNKED % (coding, b""))
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"connection: close" in answer
    assert len(bodies(answer)) == 1
    assert bodies(tells.send(CHUNKED % (b"Chunked", b""))) == [b"hi|"]


def test_no_request_splits_a_line_of_the_log_or_speaks_to_the_terminal(tells):
    forged = b'odd\x85{"event": "forged"}\x9b31m'
    tells.send(post(b"", b"Accept: a/b", b"Content-Type: a\x85b", b"X-Amzn-SageMaker-Inference-Id: " + forged))
    tells.send(post(b"large 1", b"X-Amzn-SageMaker-Inference-Id: " + forged))
    assert eventually(lambda: sum("odd" in line for line in tells.lines) == 3)
    assert all(line.isascii() for line in tells.lines)
    ids = [line["request_id"] for line in tells.events("invocation")]
    assert ids.count(forged.decode("latin-1")) == 2


def test_messages_that_echo_the_request_are_cut_in_their_middle(tells):
    before = len(tells.lines)
    message = json.loads(bodies(tells.send(post(b"refused 3000000")))[0])["message"]
    assert (message[:6], message[-4:], "x...x" in message) == ("startx", "xend", True)
    assert len(message) <= 2000
    tells.send(post(b"large 3000000", b"X-Amzn-SageMaker-Inference-Id: " + b"i" * 60_000))
    assert eventually(lambda: len(tells.lines) == before + 3)
    assert max(map(len, tells.lines)) < 30_000
    assert tells.events("model error")[-1]["traceback"].endswith("xend")


def test_an_error_that_fails_when_it_is_looked_at_is_an_ordinary_500(tells):
    for kind in (b"delegates", b"quits"):
        answer = tells.send(post(kind))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert "in predict_fn" in tells.events("model error")[-1]["traceback"]
    assert bodies(tells.send(post(b"next", b"Accept: a/b"))) == [b"next|"]
    assert all(line.startswith("{") for line in tells.lines)


def test_a_browser_does_not_guess_what_an_answer_is(tells):
    for request in (post(b"<script>", b"Accept: text/html"), post(b"refused 1"), post(b"", b"Content-Encoding: br")):
        assert b"\r\nx-content-type-options: nosniff\r\n" in tells.send(request)


def test_a_server_whose_model_thread_ends_does_not_linger(tmp_path):
    with running(tmp_path / "model", TELLS + "\n    BATCH = {'max_batch_size': 'many'}\n") as server:
        assert server.child.wait(30) == 4
        server.stop()
        assert "'many'" in server.events("model thread failed")[0]["traceback"]
