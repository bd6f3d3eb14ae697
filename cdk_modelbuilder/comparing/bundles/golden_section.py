"""The golden test: that a request or its answer changed, and by how much, but not what is in them."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.json_data import parse_json, same
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Section, section_of
from cdk_modelbuilder.comparing.wording import counted, quoted
from cdk_modelbuilder.errors import BundleError

_UNREADABLE: Final = object()


def golden_section(old: Mapping[str, Any], new: Mapping[str, Any], *, show_values: bool) -> list[Section]:
    """What changes in ``golden.json``.

    Args:
        old: The file before; empty if there was none.
        new: The file after.
        show_values: Whether the values themselves may be shown. They are somebody's data.
    """
    if old and not new:
        lines = [
            Change(
                "there is no golden test any more",
                note="an endpoint can no longer be asked whether it answers as built",
            )
        ]
    elif new and not old:
        lines = [Change("there is a golden test now")]
    else:
        lines = list(_lines(old, new, show_values=show_values))
    return section_of(Facet.GOLDEN, "Golden test", Group("", tuple(lines)))


def _lines(old: Mapping[str, Any], new: Mapping[str, Any], *, show_values: bool) -> Iterator[Change]:
    if same(old, new):
        return
    answers = [_value(golden.get("comparable", golden.get("response"))) for golden in (old, new)]
    requests = [_value(golden.get("request")) for golden in (old, new)]
    told = False
    if not same(old.get("request"), new.get("request")):
        told = True
        yield _exchange("the request", requests, old.get("request"), new.get("request"), show_values=show_values)
    parts = ("response", "comparable")
    if any(not same(old.get(part), new.get(part)) for part in parts):
        told = True
        yield _exchange("the answer", answers, old.get("response"), new.get("response"), show_values=show_values)
    if not told:
        yield Change("other parts of the file")


def _exchange(words: str, values: list[Any], old: Any, new: Any, *, show_values: bool) -> Change:
    notes = []
    types = [part.get("content_type") if isinstance(part, Mapping) else None for part in (old, new)]
    if types[0] != types[1]:
        notes.append(f"content type {quoted(types[0])} → {quoted(types[1])}")
    if any(value is _UNREADABLE for value in values):
        sizes = [len(str(part.get("base64", ""))) * 3 // 4 if isinstance(part, Mapping) else 0 for part in (old, new)]
        notes.append(f"other bytes, about {sizes[0]} before and {sizes[1]} now")
    else:
        notes.append(_how_different(values[0], values[1]))
    old_value, new_value = values if show_values and _UNREADABLE not in values else (ABSENT, ABSENT)
    return Change(f"{words} is another", old_value, new_value, note="; ".join(notes))


def _how_different(old: Any, new: Any) -> str:
    """In words, without a value: the largest relative difference of numbers, or that the form is another."""
    tally = _Tally()
    tally.compare(old, new)
    words = []
    if tally.forms:
        words.append(f"another form at {counted(tally.forms, 'place')}")
    if tally.others:
        words.append(
            f"{counted(tally.others, 'value')} that {'is no number' if tally.others == 1 else 'are no numbers'}"
        )
    if tally.numbers:
        words.append(
            f"{tally.numbers} of {counted(tally.all_numbers, 'number')}, by at most {100 * tally.largest:.3g} %"
        )
    return ", ".join(words) or "the same values, written otherwise"


class _Tally:
    def __init__(self) -> None:
        self.forms = self.others = self.numbers = self.all_numbers = 0
        self.largest = 0.0

    def compare(self, old: Any, new: Any) -> None:
        if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
            for key in old:
                self.compare(old[key], new[key])
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                self.compare(one, other)
        elif _is_number(old) and _is_number(new):
            self.all_numbers += 1
            if old != new:
                self.numbers += 1
                self.largest = max(self.largest, _relative(old, new))
        elif type(old) is not type(new) or isinstance(old, Mapping | list):
            self.forms += 1
        elif old != new:
            self.others += 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _relative(old: float, new: float) -> float:
    try:
        found = abs(float(new) - float(old)) / max(abs(float(old)), abs(float(new)))
    except OverflowError:
        return math.inf
    return found if math.isfinite(found) else math.inf


def _value(part: Any) -> Any:
    """The payload as JSON data, if it is JSON or CSV; else ``_UNREADABLE``."""
    if not isinstance(part, Mapping):
        return _UNREADABLE
    kind = str(part.get("content_type", "")).partition(";")[0].strip().lower()
    try:
        body = base64.b64decode(str(part.get("base64", "")), validate=True)
        if kind == "application/json":
            return parse_json(body, "the payload")
        if kind == "text/csv":
            return [[_cell(cell) for cell in row] for row in csv.reader(io.StringIO(body.decode("utf-8")))]
    except (BundleError, binascii.Error, UnicodeDecodeError, csv.Error):
        pass
    return _UNREADABLE


def _cell(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
