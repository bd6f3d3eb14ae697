"""Events come out as they went in, wherever the bytes are cut."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.calling.server_sent_events import (
    EventParser,
    ServerSentEvent,
    json_lines,
    server_sent_events,
)

ENDS = st.sampled_from(["\n", "\r", "\r\n"])
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n"), max_size=12)


@st.composite
def written_events(draw):
    """Events, and a text that has them: comments, unknown fields and empty events in between."""
    events, lines = [], []
    for _ in range(draw(st.integers(0, 5))):
        data, kind = draw(st.lists(TEXT, min_size=1, max_size=3)), draw(TEXT)
        events.append(ServerSentEvent("\n".join(data), kind or "message"))
        fields = [("data", line) for line in data]
        fields.insert(draw(st.integers(0, len(fields))), ("event", kind))
        for name, value in fields:
            if draw(st.booleans()):
                lines.append(draw(st.sampled_from([": comment", ":", "id: 7", "retry: 10", "unknown", "data2: x"])))
            # A space behind the colon is not part of the value, and a value that begins with one needs it.
            space = " " if value.startswith(" ") or draw(st.booleans()) else ""
            lines.append(f"{name}:{space}{value}" if value or draw(st.booleans()) else name)
        lines += [""] * draw(st.integers(1, 2))
    bom = "\ufeff" if draw(st.booleans()) else ""
    end = draw(ENDS)  # of mixed ones, a carriage return and the next line's line feed would be one
    return events, (bom + "".join(line + end for line in lines)).encode()


def cut(raw, places):
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(edges)]


@given(written_events(), st.lists(st.integers(0, 10_000), max_size=20))
def test_cut_anywhere(written, places):
    events, raw = written
    assert list(server_sent_events(cut(raw, places))) == events


@given(written_events())
def test_byte_by_byte(written):
    events, raw = written
    assert list(server_sent_events(bytes([byte]) for byte in raw)) == events


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_there_with_its_empty_line(end):
    parser = EventParser()
    assert parser.feed(b"data: one" + end) == []
    # A carriage return is a line's end by itself: nothing waits for a line feed behind it.
    assert parser.feed(end[:1]) == [ServerSentEvent("one")]
    assert parser.feed(end[1:] + b"data: two" + end + end) == [ServerSentEvent("two")]


def test_what_has_no_empty_line_behind_it_is_cut_short():
    assert list(server_sent_events([b"data: one\n\ndata: tw"])) == [ServerSentEvent("one")]
    assert list(server_sent_events([b"data: one\n\ndata: two\n"])) == [ServerSentEvent("one")]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_at_all(raw, places):
    assert list(server_sent_events(cut(raw, places))) == list(server_sent_events([raw]))
    assert list(json_lines(cut(raw, places))) == list(json_lines([raw]))


JSON = st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.dictionaries(TEXT, inner, max_size=3))


@given(st.lists(JSON, max_size=6), st.lists(st.integers(0, 500), max_size=10), st.booleans(), ENDS)
def test_lines_of_json(values, places, ended, end):
    end = "\n" if end == "\r" else end
    raw = end.join(json.dumps(value, ensure_ascii=False) for value in values).encode() + (
        end.encode() if ended else b""
    )
    assert [json.loads(line) for line in json_lines(cut(raw, places))] == values
