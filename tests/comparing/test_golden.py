"""Golden tests compared without a value of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cdk_modelbuilder.comparing import Change
from cdk_modelbuilder.comparing.bundles.golden_section import golden_section
from cdk_modelbuilder.comparing.report import ABSENT


def part(value: Any, content_type: str = "application/json") -> dict[str, str]:
    body = json.dumps(value).encode() if content_type == "application/json" else value
    return {"base64": base64.b64encode(body).decode(), "content_type": content_type}


def golden(answer: Any, request: Any = "q", content_type: str = "application/json") -> dict[str, Any]:
    return {"request": part(request), "response": part(answer, content_type)}


def note(old: dict[str, Any], new: dict[str, Any]) -> str:
    (item,) = golden_section(old, new, show_values=False)
    (line,) = item.groups[0].changes
    assert (line.old, line.new) == (ABSENT, ABSENT)
    return line.note


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([100.0, 2], [101.0, 2], "1 of 2 numbers, by at most 0.99 %"),
        ([0, 1], [5, 1], "1 of 2 numbers, by at most 100 %"),
        ([-1.0], [1.0], "1 of 1 number, by at most 200 %"),
        ([1.0, 2.0], [1.0], "another form at 1 place"),
        ({"a": 1}, {"b": 1}, "another form at 1 place"),
        ({"a": "x", "b": 1}, {"a": "y", "b": 2}, "1 value that is no number, 1 of 1 number, by at most 50 %"),
        ([10**400, 1], [10**400 + 1, 1], "1 of 2 numbers, by at most inf %"),
        ([True], [False], "1 value that is no number"),
        ([None], [1], "another form at 1 place"),
    ],
)
def test_how_different(old, new, words):
    assert note(golden(old), golden(new)) == words


def test_csv_and_bytes():
    csv = "text/csv"
    assert note(golden(b"a,1\nb,2\n", content_type=csv), golden(b"a,1\nc,4\n", content_type=csv)) == (
        "1 value that is no number, 1 of 2 numbers, by at most 50 %"
    )
    octets = "application/octet-stream"
    assert note(golden(b"abc", content_type=octets), golden(b"abcdef", content_type=octets)) == (
        "other bytes, about 3 before and 6 now"
    )
    assert "content type" in note(golden(b"1", content_type=csv), golden([1]))


def test_the_comparable_form_is_looked_at_where_there_is_one():
    old, new = golden(b"\xff", content_type="x/y"), golden(b"\xfe", content_type="x/y")
    old["comparable"], new["comparable"] = part([1.0]), part([2.0])
    assert note(old, new) == "1 of 1 number, by at most 50 %"


def test_what_cannot_be_read_is_told_all_the_same():
    assert note(golden([1]), {"request": part("q"), "response": {"base64": "%", "content_type": "application/json"}})
    assert golden_section({"request": 1}, {"request": [2]}, show_values=True)
    (item,) = golden_section(golden([1]), {**golden([1]), "more": 1}, show_values=False)
    assert item.groups[0].changes == (Change("other parts of the file"),)
    assert not golden_section(golden([1]), golden([1]), show_values=False)
