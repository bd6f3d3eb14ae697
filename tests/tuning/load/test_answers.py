"""Streams that come in any pieces give the same tokens; frames go through a pipe and arrive as they were."""

from __future__ import annotations

import io
import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.tuning.load.answers import Answer
from cdk_modelbuilder.tuning.load.figures import Circumstances, measure
from cdk_modelbuilder.tuning.load.records import Frame, Record, Records, read_frame
from cdk_modelbuilder.tuning.load.sameness import are_alike

EVENTS = {b"content-type": b"text/event-stream; charset=utf-8"}


class Clock:
    """One second more at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def read(pieces, *, headers=EVENTS, stream=True) -> Answer:
    answer = Answer(stream=stream, clock=Clock())
    answer.begun(headers)
    for piece in pieces:
        answer.part(piece)
    return answer


def event(**data) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


STREAM = b"".join(
    [
        b": a comment\n\n",
        event(choices=[{"delta": {"role": "assistant", "content": ""}}]),
        event(choices=[{"delta": {"content": "a"}}], usage=None),
        event(choices=[{"delta": {"reasoning_content": "b"}}]),
        event(choices=[{"delta": {}, "finish_reason": "stop"}]),
        b"data: [DONE]\r\n\r\n",
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_where_a_stream_is_cut_does_not_matter(places):
    edges = [0, *sorted(places), len(STREAM)]
    answer = read(STREAM[low:high] for low, high in pairwise(edges))
    assert answer.tokens == -2
    assert (answer.first, answer.last) == (1.0, 2.0)
    assert not answer.failed


@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_no_bytes_break_the_reader(data, events, stream):
    answer = read([b"data: " + data, data], headers=EVENTS if events else {}, stream=stream)
    assert math.isnan(answer.tokens) or abs(answer.tokens) >= 0


@pytest.mark.parametrize(
    ("data", "tokens"),
    [
        (event(text="mine"), -1),  # a server with a shape of its own: each event is a token
        (b"data: plain words\n\n", -1),
        (event(choices=[{"text": "a"}]) + event(choices=[{"text": ""}]), -1),
        (event(choices=None) + event(choices=[3]), 0),
        (event(choices=[], usage={"completion_tokens": 12}), 12),
        (event(choices=[], usage={"completion_tokens": "many"}), 0),
        (event(usage={"completion_tokens": 3}) + event(choices=[], usage={"completion_tokens": 5}), 5),
        (b"event: ping\n\n", 0),
    ],
)
def test_what_counts_as_a_token(data, tokens):
    assert read([data]).tokens == tokens


@pytest.mark.parametrize("data", [event(error={"message": "no"}), b"event: error\ndata: no\n\n"])
def test_an_error_in_a_stream_is_no_good_answer(data):
    assert read([data]).failed


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"usage": {"completion_tokens": 4}}', 4),
        (b'{"text": "' + b"x" * 200_000 + b'", "usage":{"completion_tokens":4,"details":{}}, "id": 1}', 4),
        (b'{"usage": {"completion_tokens": 4', math.nan),
        (b'{"usage": 3}', math.nan),
        (b"[1, 2]", math.nan),
    ],
)
def test_the_tokens_of_a_whole_answer(body, tokens):
    halves = [body[: len(body) // 2], body[len(body) // 2 :]]
    assert read(halves, headers={}, stream=False).tokens == pytest.approx(tokens, nan_ok=True)


NUMBERS = st.floats(allow_nan=False)
RECORDS = st.builds(Record, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(-5, 599))
FRAMES = st.builds(Frame, NUMBERS, NUMBERS, NUMBERS, st.lists(RECORDS, max_size=5).map(tuple))


@given(st.lists(FRAMES, max_size=4), st.integers(1, 30))
def test_frames_there_and_back_and_cut_short(frames, missing):
    data = b"".join(one.to_bytes() for one in frames)
    whole = io.BytesIO(data)
    assert [read_frame(whole) for _ in frames] == frames
    assert read_frame(whole) is None
    short = io.BytesIO(data[:-missing])
    found = [read_frame(short) for _ in frames]
    assert found[:-1] == frames[:-1]
    assert not frames or found[-1] is None


def test_something_else_is_no_frame():
    with pytest.raises(ValueError, match="is no frame"):
        read_frame(io.BytesIO(b"Traceback (most recent call last)" * 3))


def recorded(*spans: tuple[float, float, int]) -> Records:
    found, nan = Records(), math.nan
    for start, end, outcome in sorted(spans, key=lambda one: one[1]):
        found.add(Record(start, start, nan, nan, end, nan, outcome))
    return found


def test_requests_at_the_windows_ends_count_for_what_they_are():
    users = [(number * 0.5 + shift, number * 0.5 + 0.5 + shift, 0) for shift in (0, 0.1, 0.3) for number in range(40)]
    found = measure(recorded(*users), 2.2, 12.2, Circumstances())
    assert found.requests_per_second.value == pytest.approx(6.0, abs=0.11)
    assert found.concurrency == pytest.approx(3.0)
    assert found.latency_ms["p50"].value == pytest.approx(500)
    assert found.latency_ms["p99"].value == pytest.approx(500)


def test_what_was_slow_at_the_end_is_not_left_out():
    quick = [(number * 0.1, number * 0.1 + 0.1, 0) for number in range(90)]
    found = measure(recorded(*quick, (9.0, 14.0, 0)), 0, 10, Circumstances())
    assert found.answers == 91
    assert found.latency_ms["p99"].value == pytest.approx(5000)
    assert found.requests_per_second.value == pytest.approx(9.0, abs=0.11)  # it was completed later
    assert found.concurrency == pytest.approx((9 + 1) / 10)


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.floats(0.001, 5), st.sampled_from([0, 0, 500, -1])), min_size=1, max_size=60
    )
)
def test_answers_and_failures_are_all_that_was_due(requests):
    spans = [(start, start + length, outcome) for start, length, outcome in requests]
    found = measure(recorded(*spans), 0, 10.5, Circumstances())
    failed = sum(found.failures.values())
    assert found.answers + failed == len(spans)
    assert found.error_rate == pytest.approx(failed / len(spans))
    assert 0 <= found.concurrency <= len(spans)


def test_a_busy_sender_and_late_requests_are_warned_of():
    records, nan = Records(), math.nan
    for number in range(10):
        records.add(Record(number, number + 0.01, nan, nan, number + 0.02, nan, 0))
    found = measure(records, 0, 10, Circumstances(sender_busy=0.97))
    assert "more than 85 % of a processor" in found.warnings[0]
    assert "more than 1 ms late" in found.warnings[1]


@pytest.mark.parametrize(("faster", "warned"), [(1.0, False), (1.05, False), (2.0, True), (0.5, True)])
def test_a_speed_that_changes_is_warned_of(faster, warned):
    first = [(number * 0.05, number * 0.05 + 0.05, 0) for number in range(100)]
    step = 0.05 / faster
    second = [(5 + number * step, 5 + (number + 1) * step, 0) for number in range(int(5 / step))]
    found = measure(recorded(*first, *second), 0, 10, Circumstances())
    assert ["the speed changed" in one for one in found.warnings] == [True] * warned


@pytest.mark.parametrize(
    ("answer", "expected", "alike"),
    [
        (b"[1, 2.0000001]", b"[1, 2.0]", True),
        (b"[1, 2.1]", b"[1, 2.0]", False),
        (b"[1, 2]", b"[1, 2, 3]", False),
        (b'{"a": 1e-9}', b'{"a": 2e-9}', True),
        (b'{"a": 1}', b'{"b": 1}', False),
        (b"-1", b"1", False),
        (b"\xff\x00", b"\xff\x01", True),
        (b"\xff\x00", b"\xff", False),
        (b"9" * 500, b"9" * 500 + b".0", True),
    ],
)
def test_answers_are_alike_but_for_the_last_digits(answer, expected, alike):
    assert are_alike(answer, expected) is alike


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_two_answers_can_be_compared(answer, expected):
    assert are_alike(answer, answer)
    assert are_alike(answer, expected) == are_alike(expected, answer)
