"""What the pages of a Parquet file announce, which is what a reader believes: the footer may say less.

A page is a ``PageHeader`` of parquet.thrift, in Thrift's compact protocol, and its bytes behind it.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, Tuple

from .parquet_footer import ColumnChunk, Compact
from .payload_errors import CodecError

# Numbers of fields, as parquet.thrift has them.
_COMPRESSED_SIZE, _DATA_PAGE, _DATA_PAGE_2 = 3, 5, 8
_COUNT = 1
_ENCODINGS = {_DATA_PAGE: 2, _DATA_PAGE_2: 4}
# The latter has each text by what it shares with the one before: so a few bytes are as many long texts as there are
# values. The former is harmless, but pyarrow does not read it into dictionaries, as which texts are read.
_DELTAS = {6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY"}


def values_in(body: Any, chunk: ColumnChunk) -> int:
    """How many values the pages of a column chunk announce. Raises CodecError for a broken one, or an odd encoding."""
    try:
        return sum(count for count, _ in _pages(memoryview(body).cast("B"), chunk))
    except (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"the body is no Parquet: a page is broken ({error}).") from None


def _pages(body: Any, chunk: ColumnChunk) -> Iterator[Tuple[int, int]]:
    """Values and encoding of each data page, as far as a reader would go."""
    at, left = chunk.start, chunk.values
    while left > 0 and at < len(body):
        reader = Compact(body[at:])
        header: Dict[int, Any] = reader.struct(0)
        at += reader.at + header[_COMPRESSED_SIZE]
        if header[_COMPRESSED_SIZE] < 0:
            raise ValueError("it is of a size below zero")
        for kind, place in _ENCODINGS.items():
            if kind not in header:
                continue
            count, encoding = header[kind][_COUNT], header[kind][place]
            if count < 0:
                raise ValueError("it announces less than no values")
            if encoding in _DELTAS:
                raise CodecError(f"the Parquet holds text encoded as {_DELTAS[encoding]}: write it without that.")
            left -= count
            yield count, encoding
