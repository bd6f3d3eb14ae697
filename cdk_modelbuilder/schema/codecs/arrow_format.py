"""Tables as bytes in Arrow's IPC stream and file formats and in Parquet, read as from a stranger.

Before anything is decoded, the schema is held to an allow-list of types, and what the body announces to a limit: 16 MiB
and 64 bytes for each byte of the body; as Python objects, that may be several times as much. Compressed IPC, and
Parquet compressed otherwise than by Snappy, are refused, because a few bytes could then announce more than any machine
holds. Then every buffer is validated, so that no offset leads outside. Needs pyarrow 14.0.1 or newer: older ones
unpickle what an extension type asks them to.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Collection, Dict, Iterator, Tuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from .arrow_sizes import resolved_size
from .parquet_footer import column_chunks
from .parquet_pages import values_in
from .payload_errors import CodecError, shown

ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
TYPES = (ARROW_STREAM, ARROW_FILE, PARQUET)

ALLOWANCE = 16 << 20
EXPANSION = 64
_MAX_DEPTH = 5
_MAX_COLUMNS = 100_000

if tuple(int(part) for part in pa.__version__.split(".")[:2]) < (14, 0):
    raise ImportError("pyarrow is older than 14.0.1, which must not read what strangers send", name="pyarrow>=14.0.1")


def write_table(table: Any, content_type: str) -> Any:
    """``table`` (a pyarrow Table) as one of :data:`TYPES`: a memoryview, or bytes."""
    if content_type == PARQUET:
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="snappy", store_schema=True)
        return memoryview(sink.getvalue())
    if content_type == ARROW_FILE:
        table = table.unify_dictionaries()  # a file takes one dictionary for all chunks of a column
    make = ipc.new_stream if content_type == ARROW_STREAM else ipc.new_file
    counter = pa.MockOutputStream()  # the size first, so that the bytes are written once, where they stay
    with make(counter, table.schema) as writer:
        writer.write_table(table)
    buffer = pa.allocate_buffer(counter.size())
    with pa.FixedSizeBufferWriter(buffer) as sink, make(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(buffer)


def read_table(body: Any, content_type: str, kept: Collection[str] = ()) -> Any:
    """The pyarrow Table in ``body``, views of it where the format allows. Raises CodecError.

    What its dictionaries stand for is held to the limit as well, but for those of the columns ``kept``, which the
    caller never resolves.
    """
    try:
        table = _READERS[content_type](body)
        _check_schema(table.schema)
        table.validate(full=True)
        _check_bytes(resolved_size(table, kept), body)
    except CodecError:
        raise
    except (
        pa.ArrowException,
        ValueError,
        TypeError,
        LookupError,
        OSError,
        struct.error,
        OverflowError,
        MemoryError,
    ) as error:
        text = str(error).split("\n", 1)[0]
        raise CodecError(f"the body is not {content_type}: {text[:200]}.") from None
    return table.replace_schema_metadata(None)


def empty_rows(count: int) -> Any:
    """A table of so many rows and no column."""
    return pa.table([pa.nulls(count)], names=[""]).select([])  # only one that had a column keeps its rows without it


def plain_column(column: Any) -> Any:
    """A chunked column as one array, dictionaries resolved."""
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(array, pa.ChunkedArray):  # before pyarrow 15, for empty ones
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    return pc.take(array.dictionary, array.indices) if pa.types.is_dictionary(array.type) else array


def _check_size(rows: int, columns: int, body: Any) -> None:
    if columns > _MAX_COLUMNS or rows * max(columns, 1) * 8 > ALLOWANCE + EXPANSION * len(body):
        raise CodecError(f"the body announces {rows} rows of {columns} columns, too many for its {len(body)} bytes.")


def _check_bytes(announced: int, body: Any) -> None:
    if announced > ALLOWANCE + EXPANSION * len(body):
        raise CodecError(f"the body announces {announced} bytes, too many for its {len(body)}.")


def _check_schema(schema: Any) -> None:
    if len(schema) > _MAX_COLUMNS or len(set(schema.names)) != len(schema):
        raise CodecError("the table's columns are not all of different names.")
    for field in schema:
        _check_type(field.name, field.type, 0)


def _check_type(name: str, kind: Any, depth: int) -> None:
    types = pa.types
    if depth < _MAX_DEPTH and (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        if types.is_null(kind.value_type):
            raise CodecError(f"column {shown(name)} holds lists of nothing.")
        _check_inner_name(kind.value_field.name)
        _check_type(name, kind.value_type, depth + 1)
        return
    if depth < _MAX_DEPTH and types.is_struct(kind):
        for number in range(kind.num_fields):
            _check_inner_name(kind.field(number).name)
            _check_type(name, kind.field(number).type, depth + 1)
        return
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_decimal(kind) and not 0 <= kind.scale <= kind.precision:  # casting it leads outside of Arrow's memory
        raise CodecError(f"column {shown(name)} is of Arrow type {kind}, whose scale is out of range.")
    simple = types.is_primitive(kind) or types.is_decimal(kind) or (types.is_null(kind) and not depth)
    texts = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), *_view_types())
    if not simple and kind not in texts and not types.is_fixed_size_binary(kind):
        raise CodecError(f"column {shown(name)} is of Arrow type {kind}, which is not read.")


def _check_inner_name(name: str) -> None:
    """Refuse what polars gives up at. To read the name has already refused what is not UTF-8."""
    if "\0" in name:
        raise CodecError("a type of the table names a part of it with a zero byte.")


def _view_types() -> Tuple[Any, ...]:
    return (pa.string_view(), pa.binary_view()) if hasattr(pa, "string_view") else ()


def _read_stream(body: Any) -> Any:
    _check_messages(pa.py_buffer(body), body)
    with ipc.open_stream(pa.py_buffer(body)) as reader:
        _check_schema(reader.schema)
        return reader.read_all()


def _read_file(body: Any) -> Any:
    with ipc.open_file(pa.py_buffer(body)) as reader:
        _check_schema(reader.schema)
    # The file is a stream between two magic numbers, with an index behind it that could lead anywhere.
    return _read_stream(memoryview(body)[8:])


def _check_messages(buffer: Any, body: Any) -> None:
    source = pa.BufferReader(buffer)
    rows, columns = 0, 0
    while True:
        try:
            message = ipc.read_message(source)
        except EOFError:
            break
        if message.type == "schema":
            columns = len(ipc.read_schema(message))
        else:
            for length, compressed in _batches(bytes(message.metadata)):
                if compressed:
                    raise CodecError("the body is compressed Arrow IPC: write it without compression.")
                rows += length
    _check_size(rows, columns, body)


def _batches(metadata: bytes) -> Iterator[Tuple[int, bool]]:
    """Rows and whether it is compressed, of the batch in a message: Message.fbs of the Arrow format, read by hand."""
    root = struct.unpack_from("<I", metadata, 0)[0]
    kind = metadata[_field(metadata, root, 1)] if _field(metadata, root, 1) else 0
    header = _table(metadata, _field(metadata, root, 2))
    if kind == 2:  # DictionaryBatch holds a RecordBatch
        header = _table(metadata, _field(metadata, header, 1))
    elif kind != 3:
        raise ValueError("a message of an unknown kind")
    place = _field(metadata, header, 0)
    rows = struct.unpack_from("<q", metadata, place)[0] if place else 0
    if rows < 0:
        raise ValueError("a batch of less than no rows")
    yield rows if kind == 3 else 0, bool(_field(metadata, header, 3))


def _table(data: bytes, place: int) -> int:
    return place + int(struct.unpack_from("<I", data, place)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Where field ``number`` of a FlatBuffers table is; 0 if it is not there."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise ValueError("a message of an unknown kind")
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + entry)[0] if entry + 2 <= size else 0
    return table + offset if offset else 0


def _read_parquet(body: Any) -> Any:
    import pyarrow.parquet as pq

    limits = {"thrift_string_size_limit": 8 << 20, "thrift_container_size_limit": 1 << 20}
    source = pa.BufferReader(pa.py_buffer(body))
    metadata = pq.ParquetFile(source, **limits).metadata
    _check_size(metadata.num_rows, metadata.num_columns, body)
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    announced = 0
    for chunk in column_chunks(body):
        if chunk.compression not in ("UNCOMPRESSED", "SNAPPY"):
            raise CodecError(f"the Parquet is compressed by {chunk.compression}: write it with compression='snappy'.")
        announced += chunk.uncompressed_size + values_in(body, chunk) * _width(columns[chunk.place])
        _check_bytes(announced, body)
    _check_schema(metadata.schema.to_arrow_schema())
    # As dictionaries, because a text may be in there once, and be meant a million times.
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    if len({column.path for column in columns}) < len(columns):
        raise CodecError("the Parquet has two columns of one path.")
    source.seek(0)
    file = pq.ParquetFile(source, read_dictionary=texts, pre_buffer=False, **limits)
    if any("." in path for path in texts):  # pyarrow has no way to join dictionaries inside of lists
        groups = [file.read_row_group(place, use_threads=False) for place in range(metadata.num_row_groups)]
        return pa.concat_tables(groups) if groups else file.read(use_threads=False)
    return file.read(use_threads=False)


def _width(column: Any) -> int:
    """The bytes of one value of a Parquet column, or of its place in a dictionary."""
    kind = column.physical_type
    return int(column.length) if kind == "FIXED_LEN_BYTE_ARRAY" else {"INT96": 12}.get(kind, 8)


_READERS: Dict[str, Callable[[Any], Any]] = {ARROW_STREAM: _read_stream, ARROW_FILE: _read_file, PARQUET: _read_parquet}
