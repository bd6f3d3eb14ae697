"""What a Parquet file announces, read from its footer by hand: over broken ones, pyarrow ends the whole process.

The footer is a ``FileMetaData`` of parquet.thrift, in Thrift's compact protocol.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, List, NamedTuple

from .payload_errors import CodecError

_MAGIC = b"PAR1"
_MAX_DEPTH = 12
_TRUE, _FALSE, _BYTE, _SHORT, _INT, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
# Numbers of fields, as parquet.thrift has them.
_ROW_GROUPS, _COLUMNS, _COLUMN_METADATA = 4, 1, 3
_CODEC, _VALUES, _UNCOMPRESSED_SIZE, _DATA_START, _DICTIONARY_START = 4, 5, 6, 9, 11
_CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")


class ColumnChunk(NamedTuple):
    """One column of one row group.

    Attributes:
        place: Of the column among those of the file.
        compression: Name of the codec.
        uncompressed_size: Bytes of its pages.
        values: How many there are, nulls and what stands for an empty list included.
        start: Where its first page is in the file.
    """

    place: int
    compression: str
    uncompressed_size: int
    values: int
    start: int


def column_chunks(body: Any) -> Iterator[ColumnChunk]:
    """What each column of each row group says of itself. Raises CodecError where the footer is not in order."""
    try:
        yield from _chunks(memoryview(body).cast("B"))
    except (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError) as error:
        raise CodecError(f"the body is no Parquet: its footer is broken ({error}).") from None


def _chunks(body: Any) -> Iterator[ColumnChunk]:
    if bytes(body[-4:]) != _MAGIC:
        raise ValueError("it does not end with its magic number")
    size = struct.unpack("<I", body[-8:-4])[0]
    if size > len(body) - 12:
        raise ValueError("it is longer than the body")
    metadata = Compact(bytes(body[len(body) - 8 - size : len(body) - 8])).struct(0)
    for group in metadata[_ROW_GROUPS]:
        for place, column in enumerate(group[_COLUMNS]):
            inside = column[_COLUMN_METADATA]
            codec = inside[_CODEC]
            name = _CODECS[codec] if 0 <= codec < len(_CODECS) else f"codec {codec}"
            start = min(inside[_DATA_START], inside.get(_DICTIONARY_START) or inside[_DATA_START])
            size, values = inside[_UNCOMPRESSED_SIZE], inside[_VALUES]
            if min(size, values, start) < 0:
                raise ValueError("it has a column of less than nothing")
            yield ColumnChunk(place, name, size, values, start)


class Compact:
    """Thrift's compact protocol: each struct as a dict from numbers of fields. ``at`` is how far it has been read."""

    def __init__(self, data: Any) -> None:
        self._data, self.at = data, 0

    def struct(self, depth: int) -> Dict[int, Any]:
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        found: Dict[int, Any] = {}
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return found
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            found[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_SHORT, _INT, _LONG):
            return self._integer()
        if kind == _BINARY:
            return self._skip(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth + 1)
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list, a truth value is a byte
            return self._byte()
        if kind == _DOUBLE:
            return self._skip(8)
        raise ValueError(f"it has a value of kind {kind}")  # maps too, of which parquet.thrift has none

    def _list(self, depth: int) -> List[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()
        if count > len(self._data) - self.at:  # an item is a byte at least
            raise ValueError("it has a list that is longer than itself")
        return [self._value(head & 15, depth) for _ in range(count)]

    def _byte(self) -> int:
        self.at += 1
        return int(self._data[self.at - 1])

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self._data):
            raise ValueError("it is cut short")

    def _varint(self) -> int:
        value, shift = 0, 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("it has a number of over 64 bits")

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
