"""Answers of copies, cut into pieces of every size."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.local.gateway.upstream import BROKEN, Call, Upstream, _Line


class Transport:
    """What a connection writes to."""

    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False

    def write(self, data):
        self.sent += data

    def writelines(self, parts):
        self.sent += b"".join(parts)

    def abort(self):
        self.aborted = True


class Reader:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.status, self.body, self.end = 0, b"", ""

    def begun(self, status, headers):
        assert not self.status
        self.status = status

    def part(self, data):
        self.body += data

    def ended(self):
        assert not self.end
        self.end = "ended"

    def failed(self, reason):
        assert not self.end
        self.end = reason


def line_and_reader():
    line, reader = _Line(Upstream(asyncio.new_event_loop(), 1)), Reader()
    line._pool._loop.close()
    line._pool.release = lambda released: None
    line.connection_made(Transport())
    line.begin(Call(reader), b"POST / HTTP/1.1\r\n\r\n", b"")
    return line, reader


def framed(body: bytes, form: str, cuts: list[int]) -> bytes:
    """A response in one of HTTP's three forms, after an interim one."""
    head = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 203 Fine\r\nContent-Type: text/plain\r\n"
    if form == "length":
        return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
    if form == "end":
        return head + b"\r\n" + body
    pieces, start = [], 0
    for cut in sorted(cuts):
        pieces.append(body[start:cut])
        start = max(start, cut)
    pieces.append(body[start:])
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@given(
    st.binary(max_size=300),
    st.sampled_from(["length", "chunks", "end"]),
    st.lists(st.integers(0, 300), max_size=5),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_an_answer_is_the_same_however_it_arrives(body, form, cuts, sizes):
    line, reader = line_and_reader()
    data = framed(body, form, cuts)
    turn = 0
    while data:
        size = sizes[turn % len(sizes)]
        line.data_received(data[:size])
        data, turn = data[size:], turn + 1
    if form == "end":
        assert reader.end == ""
        line.connection_lost(None)
    assert (reader.status, reader.body, reader.end) == (203, body, "ended")


@given(st.binary(min_size=1, max_size=100), st.sampled_from(["length", "chunks"]), st.integers(0, 1000))
def test_an_answer_that_breaks_off_is_no_answer(body, form, cut):
    line, reader = line_and_reader()
    data = framed(body, form, [])
    line.data_received(data[: cut % len(data)])
    line.connection_lost(None)
    assert reader.end == BROKEN


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"\x00" * 40])
def test_what_is_no_http_is_no_answer(data):
    line, reader = line_and_reader()
    line.data_received(data)
    assert line._transport.aborted
    line.connection_lost(None)
    assert (reader.status, reader.end) == (0, BROKEN)


def test_whoever_has_given_up_hears_nothing():
    line, reader = line_and_reader()
    call = line._call
    line.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
    call.cancel()
    assert line._transport.aborted
    line.data_received(b"cde")
    line.connection_lost(None)
    assert (reader.body, reader.end) == (b"ab", "")
