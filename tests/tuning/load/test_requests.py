"""Where the requests of a load come from: a bundle's sample, or a file."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.load import Load, LoadRequest, read_requests, sample_requests

REQUESTS = st.builds(
    LoadRequest,
    st.binary(max_size=50),
    content_type=st.sampled_from(["application/json", "text/csv"]),
    accept=st.sampled_from(["*/*", "application/json"]),
    stream=st.booleans(),
    path=st.none() | st.just("/v1/completions"),
    expected=st.none() | st.binary(max_size=50),
)


def write(folder, *lines):
    path = folder / "requests.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8")
    return path


def test_a_line_is_a_body_or_says_what_is_to_be_known_of_it(tmp_path):
    found = read_requests(
        write(
            tmp_path,
            [1, 2, 3],
            "",
            {"inputs": "größer"},
            {"body": {"a": 1}, "accept": "text/csv", "path": "/other"},
            {"base64": base64.b64encode(b"\x00\x01").decode(), "content_type": "application/x-npy"},
            {"body": 1, "rows": 2},  # "rows" is nothing of ours, so all of this is the body
        )
    )
    assert found == (
        LoadRequest(b"[1, 2, 3]"),
        LoadRequest(json.dumps({"inputs": "größer"}).encode()),
        LoadRequest(b'{"a":1}', accept="text/csv", path="/other"),
        LoadRequest(b"\x00\x01", "application/x-npy"),
        LoadRequest(b'{"body": 1, "rows": 2}'),
    )


def test_streams_in_openais_shape_are_asked_how_many_tokens_they_had(tmp_path):
    chat = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    own = {**chat, "stream_options": {"include_usage": False}}
    asked, kept, whole, other = read_requests(
        write(tmp_path, chat, own, {**chat, "stream": False}, {"text": "x", "stream": True})
    )
    assert json.loads(asked.body) == {**chat, "stream_options": {"include_usage": True}}
    assert json.loads(kept.body) == own
    assert [asked.stream, kept.stream, whole.stream, other.stream] == [True, True, False, True]
    assert json.loads(other.body) == {"text": "x", "stream": True}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1 of .* is no JSON"),
        ({"body": 1, "base64": "AA=="}, "both body and base64"),
        ({"base64": "?"}, "base64 in line 1"),
        ({"base64": 5}, "base64 in line 1"),
        ({"body": 1, "stream": "yes"}, "stream in line 1 .* is 'yes'. Give true or false"),
        ({"body": 1, "path": "other"}, "path in line 1 .* is 'other'. Give a path that begins with /"),
        ({"body": 1, "accept": None}, "accept in line 1"),
        ("", "has no request"),
    ],
)
def test_a_line_that_is_no_request_is_named(tmp_path, line, words):
    with pytest.raises(UsageError, match=words):
        read_requests(write(tmp_path, line))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none.jsonl cannot be read"):
        read_requests(tmp_path / "none.jsonl")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        read_requests(tmp_path / "bytes")


@pytest.mark.parametrize("name", ["content_type", "accept", "path"])
def test_a_line_cannot_write_headers_of_its_own(tmp_path, name):
    value = "/x\r\nevil: 1" if name == "path" else "text/csv\r\nevil: 1"
    with pytest.raises(UsageError, match=f"{name} .*cannot stand in a request"):
        read_requests(write(tmp_path, {"body": 1, name: value}))


@pytest.mark.parametrize(("answer", "streams"), [("word", False), (iter(["w"]), True)])
def test_the_sample_of_a_bundle(tmp_path, answer, streams):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder
    from tests.tuning.trials import specs

    bundle = ModelBuilder(
        inference_spec=specs.Spelled() if streams else specs.Moody(),
        schema_builder=SchemaBuilder("word", answer),
        model_path=tmp_path / "bundle",
        dependencies={"auto": False},
    ).build()
    (request,) = sample_requests(bundle)
    assert (request.content_type, bool(request.body), request.stream) == ("text/plain", True, streams)


@given(st.lists(REQUESTS, min_size=1, max_size=3).map(tuple), st.integers(1, 1000), st.integers(0, 99))
def test_a_load_goes_to_the_sender_and_arrives_as_it_was(requests, concurrency, seed):
    load = Load(requests=requests, concurrency=concurrency, seed=seed)
    assert Load.from_json(json.loads(json.dumps(load.to_json()))) == load


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "concurrency None and rate None"),
        ({"concurrency": 1, "rate": 1.0}, "Give one of them"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"concurrency": 2.5}, "concurrency is 2.5"),
        ({"concurrency": 1001}, "concurrency is 1001"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"rate": 1.0, "arrivals": "gamma"}, "arrivals='gamma'"),
        ({"concurrency": 1, "requests": ()}, "has no request"),
        ({"concurrency": 1, "min_seconds": 9, "max_seconds": 8}, "min_seconds 9 is more than its max_seconds 8"),
        ({"concurrency": 1, "most_errors": 2}, "most_errors is 2"),
        ({"concurrency": 1, "timeout_seconds": "5"}, "timeout_seconds is '5'"),
        ({"concurrency": 1, "figures": ("latency",)}, "no figure 'latency'"),
    ],
)
def test_a_load_that_cannot_be_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        Load(**{"requests": (LoadRequest(b"1"),), **given})


def test_a_load_in_words():
    one = (LoadRequest(b"1"),)
    assert Load(requests=one, concurrency=1).describe() == "1 user at a time"
    assert Load(requests=one, rate=2.5, arrivals="constant").describe() == "2.5 requests a second, evenly spaced"
