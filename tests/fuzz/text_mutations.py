"""Changes of JSON and CSV as what they mean: other values, keys, rows and columns, other ways to write them."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.fuzz.bytes_mutations import mutated, noise

_NUMBERS: list[Any] = [0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, -0.0, 1e308, 5e-324, 1e999]
_TEXTS = [
    *("", "x", "NaN", "Infinity", "-inf", "nan", "None", "true", "0", "1e5", "\x00", "\ud800", "Ł" * 50, "9" * 5000),
    *("2020-01-01", "2020-02-30T25:00", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+23:59", "P1D", "NaT"),
    *("AAAA", "A===", "data:image/png;base64,iVBORw0KGgo=", "__class__", "../../etc/passwd", "1+2j", "(1e999-nanj)"),
    *("00000000-0000-0000-0000-000000000007", "1E+999999999", "sNaN", "-0", "1_000", "\u0661", "+5", " 5 "),
]
_KEYS = [
    "columns",
    "data",
    "index",
    "instances",
    "inputs",
    "dtype",
    "shape",
    "values",
    "x",
    "",
    "0",
    "a",
    "indices",
    "size",
]
_DEPTHS = [3, 50, 400, 2000, 50_000]


def changed_json(random: Random, body: bytes) -> bytes:
    """The JSON document in ``body`` with some of its values replaced."""
    try:
        document = json.loads(body)
    except ValueError:
        return mutated(random, body, ())
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        document = _changed(random, document)
    return _written(random, document)


def any_json(random: Random) -> bytes:
    """A document of no schema."""
    return _written(random, _any_value(random, 3))


def _any_value(random: Random, depth: int) -> Any:
    kind = random.randrange(9 if depth else 6)
    if kind < 2:
        return random.choice(_NUMBERS)
    if kind < 4:
        return random.choice(_TEXTS)
    if kind < 6:
        return random.choice((None, True, False, [], {}))
    if kind == 6:
        return {random.choice(_KEYS): _any_value(random, depth - 1) for _ in range(random.randrange(4))}
    count = random.choice((0, 1, 2, 3, 3, 200))
    if kind == 7:
        return [_any_value(random, depth - 1)] * count
    return [_any_value(random, depth - 1) for _ in range(min(count, 5))]


def _changed(random: Random, document: Any) -> Any:
    if isinstance(document, (dict, list)) and document and random.random() < 0.85:
        keys = list(document) if isinstance(document, dict) else range(len(document))
        key = random.choice(keys)
        copy = document.copy()
        if random.random() < 0.75:
            copy[key] = _changed(random, copy[key])
        else:
            _restructured(random, copy, key)
        return copy
    choice = random.randrange(10)
    if choice == 0:
        return [document]
    if choice == 1:
        return {random.choice(_KEYS): document}
    if choice == 2 and isinstance(document, str):
        return _other_text(random, document)
    if choice == 3 and isinstance(document, (list, str)):
        return document * random.choice((0, 2, 3, 100))
    if choice == 4 and isinstance(document, list):
        return {str(number): item for number, item in enumerate(document)}
    return _any_value(random, random.choice((0, 0, 0, 2)))


def _restructured(random: Random, holder: Any, key: Any) -> None:
    choice = random.randrange(4)
    if choice == 0:
        del holder[key]
    elif isinstance(holder, list):
        if choice == 1:
            holder.append(_any_value(random, 1))
        elif choice == 2:
            holder.insert(key, holder[key])
        else:
            holder.reverse()
    elif choice == 1:
        holder[random.choice(_KEYS)] = _any_value(random, 1)
    else:
        holder[random.choice((key + "x", key.upper(), "", *_KEYS))] = holder.pop(key)


def _other_text(random: Random, text: str) -> str:
    """Another text of the same kind: files in base64 are changed inside."""
    try:
        return base64.b64encode(mutated(random, base64.b64decode(text, validate=True), ())).decode()
    except ValueError:
        return mutated(random, text.encode("utf-8", "surrogatepass"), ()).decode("utf-8", "replace")


def _written(random: Random, document: Any) -> bytes:
    style = random.randrange(12)
    try:
        text = json.dumps(document, ensure_ascii=style % 2 == 0, indent=1 if style == 1 else None)
    except (RecursionError, ValueError):
        return b"[]"
    if style == 2:
        depth = random.choice(_DEPTHS)
        text = random.choice(("[" * depth + text + "]" * depth, "[" * depth, '{"a":' * depth, text + "]" * depth))
    elif style == 3:
        text = text.replace("1e+308", "1" * random.choice((20, 400, 5000)), 1).replace("0.5", "5e-1")
    elif style == 4:
        text = random.choice(("", " ", "\n\t")) + text + random.choice((" ", ",", "\x00", "{}", "\n\n", "]"))
    elif style == 5:
        return text.encode(random.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-le")), "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def changed_csv(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """The table in ``body`` with cells, rows or columns changed."""
    choice = random.randrange(4)
    if choice == 0:
        return mutated(random, body, others)
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8", "replace"))))
    except csv.Error:
        return noise(random)
    for _ in range(random.choice((1, 1, 2, 4))):
        _change_rows(random, rows)
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=random.choice((",", ",", ",", ";", "\t")),
        quoting=random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        lineterminator=random.choice(("\n", "\r\n", "\r", "\n\n")),
    )
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _change_rows(random: Random, rows: list[list[str]]) -> None:
    if not rows:
        rows.append([str(random.choice(_NUMBERS))])
        return
    place = random.randrange(len(rows))
    row = rows[place]
    choice = random.randrange(8)
    if choice < 3 and row:
        row[random.randrange(len(row))] = random.choice((*_TEXTS, *map(str, _NUMBERS), "a,b", 'q"', "\n"))
    elif choice == 3:
        rows.insert(place, list(row))
    elif choice == 4:
        del rows[place]
    elif choice == 5:
        row.append(random.choice(_TEXTS))
    elif choice == 6 and row:
        column = random.randrange(len(row))
        for other in rows:
            del other[column : column + 1]
    else:
        rows[place:place] = [list(row)] * random.choice((1, 10, 500))
