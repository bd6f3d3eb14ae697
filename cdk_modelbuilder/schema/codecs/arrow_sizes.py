"""How many bytes the columns of an Arrow table stand for: a few may stand for many, again and again."""

from __future__ import annotations

from typing import Any, Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc


def resolved_size(table: Any, kept: Collection[str] = ()) -> int:
    """The bytes of a table (a valid one) once each value lies by itself.

    What columns share counts for each, as ``nbytes`` has it. Dictionaries in the columns ``kept`` stay dictionaries.
    """
    total = int(table.nbytes)
    for name, column in zip(table.column_names, table.columns):  # noqa: B905 - Python 3.8
        for chunk in column.chunks if _may_grow(column.type) else ():
            total += sum(_size(leaf) for leaf in _leaves(chunk) if name not in kept or _is_view(leaf.type))
    return total


def _is_view(kind: Any) -> bool:
    """Whether values of the type are text or bytes that may lie anywhere, and several in one place."""
    return hasattr(pa, "string_view") and kind in (pa.string_view(), pa.binary_view())


def _may_grow(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return any(_may_grow(kind.field(at).type) for at in range(kind.num_fields))
    if pa.types.is_nested(kind):
        return _may_grow(kind.value_type)
    return bool(pa.types.is_dictionary(kind)) or _is_view(kind)


def _leaves(array: Any) -> Iterator[Any]:
    if pa.types.is_struct(array.type):
        for at in range(array.type.num_fields):
            yield from _leaves(array.field(at))
    elif pa.types.is_nested(array.type):
        yield from _leaves(array.values)
    else:
        yield array


def _size(array: Any) -> int:
    kind = array.type
    if _is_view(kind):
        # A view is 16 bytes, of which the first four are its length; that of a null may be anything.
        lengths = memoryview(array.buffers()[1]).cast("B").cast("i")[::4] if len(array) else ()
        return sum(length for length in lengths[array.offset : array.offset + len(array)] if length > 0)
    if not pa.types.is_dictionary(kind):
        return 0
    values = array.dictionary
    if _is_view(values.type):
        return len(array) * _size(values)  # rare enough for the worst case
    if _has_width(values.type):
        return len(array) * int(values.type.bit_width) // 8
    lengths = pc.take(pc.binary_length(values), array.indices)
    return pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0


def _has_width(kind: Any) -> bool:
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind))
