"""Which content type an Accept header gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import CodecError, NotAcceptableError
from cdk_modelbuilder.schema.codecs.negotiation import choose_accepted, media_type
from cdk_modelbuilder.schema.codecs.raw_bytes import BytesCodec

OFFERED = ("application/x-npy", "application/json", "text/csv")
RAW = BytesCodec({"kind": "bytes"})


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/x-npy"),
        ("", "application/x-npy"),
        ("   ", "application/x-npy"),
        (" , ,", "application/x-npy"),
        ("*/*", "application/x-npy"),
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("text/*", "text/csv"),
        ("application/*", "application/x-npy"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("application/json;q=0.1, */*;q=0.5", "application/x-npy"),
        ("application/x-npy;q=0, */*", "application/json"),
        ("application/*;q=0, */*", "text/csv"),
        ("application/*;q=0.2, application/json;q=0.9", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/x-npy"),
        ("image/png, text/csv", "text/csv"),
        ("text/csv ; Q = 0.5 , application/json ; q=0.4", "text/csv"),
        ("application/json;q=5, text/csv;q=1", "application/json"),
        ("application/json;q=oops, text/csv;q=0.1", "text/csv"),
        ("application/json;q=nan, text/csv;q=0.1", "text/csv"),
        ("application/json, application/json;q=0", "application/json"),
    ],
)
def test_what_an_accept_header_gets(accept, chosen):
    assert choose_accepted(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        "image/*",
        "*/*;q=0",
        "application/json;q=0",
        "text/csv;q=-1",
        "json",
        "*",
        "application/json;q=oops",
    ],
)
def test_what_gets_nothing(accept):
    with pytest.raises(NotAcceptableError, match="Ask for: application/x-npy, application/json, text/csv") as caught:
        choose_accepted(accept, OFFERED)
    assert caught.value.http_status == 406
    assert isinstance(caught.value, CodecError)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/octet-stream"),
        (",", "application/octet-stream"),
        ("*/*", "application/octet-stream"),
        ("image/png", "image/png"),
        ("image/png;q=0.5, image/webp", "image/webp"),
        ("image/png;q=0.5, */*;q=0.1", "image/png"),
        ("application/*", "application/octet-stream"),
    ],
)
def test_raw_bytes_are_whatever_is_asked_for(accept, chosen):
    assert RAW.choose(accept, b"") == chosen


def test_raw_bytes_can_be_declined_too():
    with pytest.raises(NotAcceptableError):
        RAW.choose("application/octet-stream;q=0", b"")


@given(st.text(max_size=60), st.sampled_from([OFFERED, RAW]))
def test_any_header_gets_something_offered_or_a_refusal(accept, offered):
    try:
        chosen = RAW.choose(accept, b"") if offered is RAW else choose_accepted(accept, offered)
    except NotAcceptableError:
        return
    assert offered is RAW or chosen in offered
    assert "*" not in chosen


@pytest.mark.parametrize(
    ("header", "expected"),
    [("Text/CSV", "text/csv"), (" text/csv ; header=present", "text/csv"), ("", ""), (";q=1", "")],
)
def test_media_type(header, expected):
    assert media_type(header) == expected


def test_a_type_that_is_named_beats_one_that_a_wildcard_lets_pass():
    assert choose_accepted("application/json, text/plain, */*", OFFERED) == "application/json"
    assert choose_accepted("text/*, application/json;q=0.9", OFFERED) == "text/csv"
