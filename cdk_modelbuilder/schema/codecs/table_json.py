"""The shapes in which JSON holds a table.

{"columns": [...], "data": [[...], ...], "index": [...]}     native; the index only where it is not 0, 1, 2, ...
{"instances": ...} {"inputs": ...} {"dataframe_split": ...} {"dataframe_records": ...} {"data": ...}  around another
[{"age": 41, ...}, ...]                                      records; a column may be missing in some of the rows
{"age": 41, ...}                                             one record
[[41, ...], ...]                                             rows in the sample's order of columns
{"age": [41, ...], ...}                                      columns
{"age": {"0": 41, ...}, ...}                                 columns by labels of rows, as DataFrame.to_json() writes
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, Dict, List, Optional, Sequence

from .payload_errors import CodecError, listed

_WRAPPERS = ("instances", "inputs", "dataframe_split", "dataframe_records", "data")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_SHAPES = '{"columns": [...], "data": [[...]]}, a list of records, or a list of rows'


class PlainTable:
    """Columns by name, each a list of JSON values, and the index, if there is one."""

    def __init__(self, columns: Dict[str, List[Any]], rows: int, index: Optional[List[Any]] = None) -> None:
        self.columns, self.rows, self.index = columns, rows, index


def read_table_json(plain: Any, names: Sequence[str]) -> PlainTable:
    """The table in JSON data, with the columns ``names`` in this order. Raises CodecError."""
    if _is_wrapped(plain, names):
        found = [name for name in _WRAPPERS if name in plain]
        if len(found) > 1:
            raise CodecError(f"expected one of {', '.join(found)}, got them all.")
        plain = plain[found[0]]
    if _is_split(plain) and not {"columns", "data"} <= set(names):
        return _from_split(plain, names)
    if isinstance(plain, dict) and plain:
        return _from_dict(plain, names)
    if isinstance(plain, list) and all(isinstance(row, dict) for row in plain) and (plain or not names):
        return _from_records(plain, names)
    if isinstance(plain, list):
        return _from_rows(plain, names, names, None)
    raise CodecError(f"expected {_SHAPES}.")


def write_table_json(
    names: Sequence[Any], columns: Sequence[List[Any]], index: Optional[List[Any]], rows: int
) -> Dict[str, Any]:
    """The native shape."""
    document: Dict[str, Any] = {
        "columns": list(names),
        "data": [list(row) for row in zip(*columns)] if columns else [[] for _ in range(rows)],  # noqa: B905 - Python 3.8
    }
    if index is not None:
        document["index"] = index
    return document


def table_schema(columns: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    """JSON Schema of those shapes, by the schemas of the columns' values.

    The last two are left out: that their columns are of one length cannot be said.
    """
    row = {"type": "array", "minItems": len(columns), "maxItems": len(columns)}
    if columns:
        row["prefixItems"] = list(columns.values())
    record = {
        "type": "object",
        "properties": columns,
        "required": list(columns),
        "additionalProperties": False,
    }
    rows, records = {"type": "array", "items": row}, {"type": "array", "items": record}
    split = {
        "type": "object",
        "properties": {"columns": {"const": list(columns)}, "data": rows},
        "required": ["columns", "data"],
    }
    shapes: List[Dict[str, Any]] = [split, records, rows, record]
    others = [*columns, "columns", "index", *_WRAPPERS]
    if len(set(others)) == len(others):  # else a column may be taken for one of the words
        nothing: Dict[str, Any] = dict.fromkeys(others, False)
        shapes += [
            {"type": "object", "properties": {**nothing, name: {"anyOf": shapes[:4]}}, "required": [name]}
            for name in _WRAPPERS
        ]
    return {"anyOf": shapes}


def names_text(expected: Sequence[Any], got: Sequence[Any]) -> str:
    """How the columns differ, in words."""
    wanted, found = set(expected), set(got)
    missing = [name for name in expected if name not in found]
    extra = [name for name in got if name not in wanted]
    parts = [f"missing: {listed(missing)}"] * bool(missing) + [f"unexpected: {listed(extra)}"] * bool(extra)
    return f"expected the columns {listed(list(expected))}; " + ("; ".join(parts) or "some come twice") + "."


def _is_wrapped(plain: Any, names: Sequence[str]) -> bool:
    if not isinstance(plain, dict) or "columns" in plain or any(name in plain for name in names):
        return False
    found = [name for name in _WRAPPERS if name in plain]
    return bool(found) and not (found == ["data"] and "index" in plain)  # which would be rows without their columns


def _is_split(plain: Any) -> bool:
    return isinstance(plain, dict) and "columns" in plain and "data" in plain


def _from_dict(plain: Dict[str, Any], names: Sequence[str]) -> PlainTable:
    kinds = set(map(type, plain.values()))
    if kinds == {list}:
        return _checked(plain, names, None)
    if kinds != {dict}:
        return _from_records([plain], names)
    labels = list(next(iter(plain.values())))
    if any(column.keys() != set(labels) for column in plain.values()):
        raise CodecError("expected the same labels of rows in each column.")
    columns = {name: [column[label] for label in labels] for name, column in plain.items()}
    is_default = labels == list(map(str, range(len(labels))))
    index = [int(label) for label in labels] if all(map(_WHOLE.fullmatch, labels)) else labels
    return _checked(columns, names, None if is_default else index)


def _from_split(plain: Dict[str, Any], names: Sequence[str]) -> PlainTable:
    columns, data, index = plain["columns"], plain["data"], plain.get("index")
    if not isinstance(columns, list) or not isinstance(data, list):
        raise CodecError(f"expected {_SHAPES}.")
    if index is not None and (not isinstance(index, list) or len(index) != len(data)):
        raise CodecError(f"expected as many index entries as rows: {len(data)}.")
    return _from_rows(data, ["" if name is None else str(name) for name in columns], names, index)


def _from_rows(rows: List[Any], given: Sequence[str], names: Sequence[str], index: Any) -> PlainTable:
    if len(names) == 1:
        rows = [row if isinstance(row, list) else [row] for row in rows]
    width = len(given)
    if not (set(map(type, rows)) <= {list} and set(map(len, rows)) <= {width}):
        for number, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != width:
                got = f"{len(row)} values" if isinstance(row, list) else "no list"
                raise CodecError(f"expected rows of {width} values, got {got} in row {number}.")
    if len(set(given)) != width:
        raise CodecError(names_text(names, given))
    cells = list(chain.from_iterable(rows))  # zip(*rows) would make an iterator of each row
    return _checked({name: cells[at::width] for at, name in enumerate(given)}, names, index, len(rows))


def _from_records(records: List[Dict[str, Any]], names: Sequence[str]) -> PlainTable:
    got = {str(name): None for name in dict.fromkeys(chain.from_iterable(records))}
    if set(got) != set(names):
        raise CodecError(names_text(names, list(got)))
    return PlainTable({name: [record.get(name) for record in records] for name in names}, len(records))


def _checked(columns: Dict[str, List[Any]], names: Sequence[str], index: Any, rows: Optional[int] = None) -> PlainTable:
    if set(columns) != set(names):
        raise CodecError(names_text(names, list(columns)))
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise CodecError(f"expected columns of one length, got {sorted(lengths)}.")
    count = lengths.pop() if lengths else rows or 0
    return PlainTable({name: columns[name] for name in names}, count, index)
