"""The load test against scripted servers, whose delays and errors are known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.load import LoadPlan, LoadRequest, LoadResult, histogram, run_load
from cdk_modelbuilder.local.memory import resident_bytes
from tests.scripted_listener import listening

SHORT = {"seconds": 1.0, "warm_up_seconds": 0.2}


@contextmanager
def server(delays: list[float], statuses: list[int] | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server whose n-th answer comes after the n-th delay; port, and the requests that it saw."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        turn = len(seen)
        seen.append(head + await reader.readexactly(size))
        await asyncio.sleep(delays[turn % len(delays)])
        status = (statuses or [200])[turn % len(statuses or [200])]
        if status:
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\nok" % status)
        return status

    with listening(answer) as port:
        yield port, seen


def request(port: int, body: bytes = b"[1]") -> LoadRequest:
    return LoadRequest(port, "/invocations", body, {"Content-Type": "application/json"})


def test_percentiles_and_throughput_are_those_of_the_script():
    delays = [0.01] * 18 + [0.1] * 2  # one in ten is slow
    with server(delays) as (port, seen):
        result = run_load(request(port), LoadPlan(concurrency=2, seconds=2.0, warm_up_seconds=0.2))
    assert seen[0].startswith(b"POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\n")
    assert seen[0].endswith(b"\r\n\r\n[1]")
    # A machine that is busy adds to each of them, and takes nothing away.
    assert 10 <= result.percentile(50) < 100 <= result.percentile(99)
    assert result.answers_per_second < 2 / 0.01
    assert len(result.milliseconds) <= len(seen)
    assert (result.error_rate, dict(result.failures)) == (0.0, {})


def test_think_time_is_time_without_requests():
    with server([0.0]) as (port, seen):
        result = run_load(request(port), LoadPlan(concurrency=4, think_seconds=0.25, **SHORT))
    assert 4 <= len(result.milliseconds) <= 4 * 5
    assert len(seen) <= 4 * 6


def test_errors_are_counted_by_kind_and_are_no_answers():
    with server([0.005], [200, 503, 0]) as (port, _):
        result = run_load(request(port), LoadPlan(concurrency=1, **SHORT))
    kinds = set(result.failures)
    assert "503" in kinds
    assert any(kind.startswith("connection") for kind in kinds)
    assert 0.4 < result.error_rate < 0.9
    data = result.to_json()
    assert data["failures"] == dict(result.failures)
    assert data["answers"] == len(result.milliseconds)


def test_what_was_under_way_at_the_end_is_told():
    with server([30.0]) as (port, _):
        result = run_load(request(port), LoadPlan(concurrency=3, **SHORT))
    assert (len(result.milliseconds), result.unanswered, result.percentile(50)) == (0, 3, None)


def test_nobody_there_is_an_error_rate_of_one():
    result = run_load(request(1), LoadPlan(concurrency=2, seconds=0.3, warm_up_seconds=0))
    assert result.error_rate == 1.0
    assert set(result.failures) == {"connection refused"}


def test_memory_is_the_most_that_was_seen():
    import os

    with server([0.001]) as (port, _):
        result = run_load(
            request(port),
            LoadPlan(concurrency=1, seconds=1.5, warm_up_seconds=0),
            memory=[lambda: resident_bytes(os.getpid()), lambda: None],
        )
    assert result.memory_bytes > 10 << 20


@pytest.mark.parametrize(
    ("option", "value"), [("concurrency", 0), ("concurrency", 5000), ("seconds", 0), ("think_seconds", -1)]
)
def test_numbers_out_of_range_are_refused(option, value):
    with pytest.raises(UsageError, match=f"{option} is {value}"):
        LoadPlan(**{option: value})


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=200), st.floats(1, 100))
def test_a_percentile_was_measured_and_covers_its_share(values, percent):
    values = sorted(values)
    found = LoadResult(LoadPlan(), 1.0, values, {}, 0, None).percentile(percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9
    assert sum(value < found for value in values) < percent / 100 * len(values)


@given(st.lists(st.floats(0.0, 1e5), min_size=1, max_size=200), st.integers(1, 30))
def test_a_histogram_shows_every_value_once(values, rows):
    drawn = histogram(sorted(values), rows=rows).splitlines()
    assert len(drawn) in (1, rows)
    total = sum(float(line.rsplit(maxsplit=2)[-2]) for line in drawn)
    assert abs(total - 100) <= 0.05 * len(drawn) + 1e-9
