"""Well-formed bodies of binary formats that hold something else than is asked for."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.fuzz.bytes_mutations import mutated
from tests.fuzz.text_mutations import changed_csv, changed_json

Change = Callable[[Random, bytes, Sequence[bytes]], bytes]

_DTYPES = [
    *(
        "f8",
        ">f8",
        "f4",
        "f2",
        "i8",
        "i1",
        "u8",
        "?",
        "c16",
        "U3",
        "S2",
        "M8[s]",
        "M8[as]",
        "m8[ns]",
        "V4",
        "V0",
        "U0",
        "S0",
    ),
    *("O", "i4,f8", "(2,2)f4", "g", "U1000000", "M8", "m8[25Y]"),
]
_SHAPES = [
    "()",
    "(0,)",
    "(1,)",
    "(2,)",
    "(3, 0)",
    "(2, 2)",
    "(1, 2, 3, 4)",
    "(-1,)",
    "(4611686018427387904,)",
    "(1,) * 70",
]
_SHAPES += [
    "(0, 9223372036854775807)",
    "(1L,)",
    "((1,),)",
    "(True,)",
    "(1e3,)",
    "None",
    "[2]",
    "(2147483648, 2147483648)",
]
_PART_TYPES = [
    "",
    "text/plain",
    "application/json",
    "application/x-npy",
    "image/png",
    "multipart/form-data; boundary=x",
]
_PART_NAMES = [
    "/",
    "",
    "0",
    "image",
    "a/b",
    "~1",
    "x" * 300,
    "values",
    "rows/0",
    "raw",
    "at/0",
    "at/99",
    "-1",
    "\u0661",
]


def changed_npy(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Another header before the same bytes, or an array of another dtype or shape."""
    if random.random() < 0.4:
        return mutated(random, body, others)
    descr = repr(random.choice(_DTYPES)) if random.random() < 0.9 else "[('a', '<i4'), ('b', 'O')]"
    header = (
        f"{{'descr': {descr}, 'fortran_order': {random.choice((False, True))}, 'shape': {random.choice(_SHAPES)}, }}"
    )
    if random.random() < 0.1:
        header = random.choice(
            ("(" * 3000, "[" * 200 + "]" * 200, header.replace("'", "b'"), "{" * 50, header + "+1" * 999)
        )
    version = random.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00"))
    text = header.encode() + b"\n"
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text) + random.choice((0, 0, 0, 1, -1, 64)))
    return b"\x93NUMPY" + version + size + text + body[128:] * random.choice((0, 1, 1, 2))


def changed_safetensors(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Another header before the same bytes."""
    if random.random() < 0.4 or len(body) < 8:
        return mutated(random, body, others)
    size = struct.unpack_from("<Q", body)[0]
    header = changed_json(random, body[8 : 8 + size])
    size = max(0, len(header) + random.choice((0, 0, 0, 0, 1, -1, 2**40)))
    return struct.pack("<Q", size) + header + body[8 + struct.unpack_from("<Q", body)[0] :]


def changed_npz(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """An archive whose members are changed, renamed, doubled, packed, or said to be of another size."""
    if random.random() < 0.3:
        return mutated(random, body, others)
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as found, zipfile.ZipFile(stream, "w") as made:
            for name in found.namelist():
                data = found.read(name)
                for _ in range(random.choice((0, 1, 1, 1, 1, 1, 2))):
                    data = changed_npy(random, data, others) if random.random() < 0.4 else data
                    member = zipfile.ZipInfo(random.choice((name, name, name, "../x.npy", "x.npy", name[:-4])))
                    method = random.choice(
                        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
                    )
                    made.writestr(member, data, compress_type=method)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return mutated(random, body, others)
    archive = bytearray(stream.getvalue())
    if random.random() < 0.4:
        for found in list(re.finditer(rb"PK\x01\x02", archive)):  # sizes in the index
            lie = random.choice((0, 1, 2**16, 2**31 - 1, 2**32 - 1))
            struct.pack_into("<I", archive, found.start() + random.choice((20, 24, 42)), lie)
    return bytes(archive)


def changed_arrow(kind: str) -> Change:
    """Bodies of ``kind``, a format of Arrow's, whose table has other columns, types or values."""
    return lambda random, body, others: _changed_arrow(random, body, others, kind)


def _changed_arrow(random: Random, body: bytes, others: Sequence[bytes], kind: str) -> bytes:
    if random.random() < 0.7:
        return mutated(random, body, others)
    import pyarrow as pa

    try:
        table = pa.ipc.open_stream(body).read_all() if kind.endswith("stream") else _sample_table(random)
        for _ in range(random.choice((1, 1, 2, 3))):
            table = _changed_table(random, table)
        return write_arrow(table, kind, random.choice(("none", "none", "none", "zstd", "gzip")))
    except (pa.ArrowException, TypeError, ValueError, KeyError, OSError, NotImplementedError):
        return mutated(random, body, others)


def write_arrow(table: Any, kind: str, compression: str = "none") -> bytes:
    """``table`` as ``kind``, compressed if the format can be."""
    import pyarrow as pa
    from pyarrow import ipc, parquet

    sink = pa.BufferOutputStream()
    if kind.endswith("parquet"):
        parquet.write_table(table, sink, compression="snappy" if compression == "none" else compression)
    else:
        options = ipc.IpcWriteOptions(compression="zstd" if compression == "zstd" else None)
        make = ipc.new_stream if kind.endswith("stream") else ipc.new_file
        with make(sink, table.schema, options=options) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())


def _sample_table(random: Random) -> Any:
    import pyarrow as pa

    return pa.table({name: column(random) for name, column in _COLUMNS.items() if random.random() < 0.5})


def _array(values: Any, kind: Callable[[Any], Any] | None = None) -> Callable[[Random], Any]:
    def make(_: Random) -> Any:
        import pyarrow as pa

        return pa.array(values, kind(pa) if kind else None)

    return make


_COLUMNS: dict[str, Callable[[Random], Any]] = {
    "age": _array([1, None]),
    "weight": _array([1.5, float("nan")]),
    "name": _array(["a", None]),
    "whole": _array([2**62, -1], lambda pa: pa.int64()),
    "small": _array([1, 300]),
    "real": _array([None, None]),
    "text": _array([b"\xff", b"a"]),
    "word": _array(["a", "b"], lambda pa: pa.dictionary(pa.int8(), pa.string())),
    "at": _array([2**62, 0], lambda pa: pa.timestamp("ns", "Europe/Paris")),
    "since": _array([2**62, 0], lambda pa: pa.timestamp("s")),
    "span": _array([-1, 2**62], lambda pa: pa.duration("s")),
    "money": _array([None, "99999.5"], lambda pa: pa.string()),
    "day": _array([2**30, -(2**30)], lambda pa: pa.date32()),
    "point": _array([{"x": 1}, None]),
    "embedding": _array([[1.0, 2.0], None]),
    "tags": _array([["a"], None], lambda pa: pa.large_list(pa.string())),
    "raw": _array([b"ab", b"cd"], lambda pa: pa.binary(2)),
    "town": _array([0, 0], lambda pa: pa.time64("ns")),
    "half": _array([1.5, None], lambda pa: pa.float16()),
    "map": _array([[("k", 1)], None], lambda pa: pa.map_(pa.string(), pa.int64())),
    "price": _array([None, True]),
    "zone": _array([0, 1], lambda pa: pa.timestamp("us", "No/Where")),
    "view": _array(["x" * 20, None], lambda pa: pa.string_view()),
    "fixed": _array([[1, 2], [3, 4]], lambda pa: pa.list_(pa.int8(), 2)),
}


def _changed_table(random: Random, table: Any) -> Any:
    import pyarrow as pa

    names = table.column_names
    choice = random.randrange(7)
    if not names or choice == 0:
        made = random.choice(list(_COLUMNS.values()))(random)
        return pa.table({**{name: table[name][:2] for name in names}, "extra": made.slice(0, min(2, table.num_rows))})
    place = random.randrange(len(names))
    if choice == 1:
        return table.drop_columns([names[place]])
    if choice == 2:
        return table.rename_columns([random.choice((name, names[0], "index", "")) for name in names])
    if choice == 3:
        return table.slice(0, random.choice((0, 1)))
    if choice == 4:
        return pa.concat_tables([table] * random.choice((2, 50)))
    made = random.choice(list(_COLUMNS.values()))(random)
    if choice == 5:
        made = table.column(place).cast(random.choice((pa.string(), pa.int64(), pa.float64(), pa.large_string())))
    return table.slice(0, len(made)).set_column(place, names[place], made)


def changed_multipart(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Parts that are changed as their own type asks, left out, doubled, renamed or said to be of another type."""
    if random.random() < 0.3:
        return mutated(random, body, others)
    boundary = body[: body.find(b"\r\n")]
    pieces = body.split(boundary)
    made = [pieces[0]]
    for piece in pieces[1:-1]:
        for _ in range(random.choice((0, 1, 1, 1, 1, 1, 1, 2))):
            head, _blank, data = piece.partition(b"\r\n\r\n")
            if random.random() < 0.4:
                found = re.search(rb"Content-Type: ([^;\r\n]*)", head)
                data = (
                    changed(random, data.removesuffix(b"\r\n"), found.group(1).decode() if found else "", others)
                    + b"\r\n"
                )
            if random.random() < 0.15:
                head = re.sub(rb"Content-Type: [^\r]*", b"Content-Type: " + random.choice(_PART_TYPES).encode(), head)
            if random.random() < 0.15:
                head = re.sub(rb'name="[^"]*"', b'name="' + random.choice(_PART_NAMES).encode() + b'"', head)
            made.append(head + b"\r\n\r\n" + data)
    return boundary.join([*made, pieces[-1]])


def changed_png(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Chunks that are changed, left out or doubled, with the right checksum."""
    if random.random() < 0.3:
        return mutated(random, body, others)
    made, place = bytearray(body[:8]), 8
    while place + 12 <= len(body):
        size = struct.unpack_from(">I", body, place)[0]
        kind, data = body[place + 4 : place + 8], body[place + 8 : place + 8 + size]
        place += 12 + size
        for _ in range(random.choice((0, 1, 1, 1, 1, 1, 1, 1, 2))):
            if random.random() < 0.3:
                data = mutated(random, data, others)
            if random.random() < 0.05:
                kind = random.choice(
                    (b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"eXIf", b"IEND")
                )
            made += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return bytes(made)


def changed(random: Random, body: bytes, content_type: str, others: Sequence[bytes]) -> bytes:
    """``body`` changed in a way that suits its content type."""
    if content_type.endswith("json") or content_type in ("application/x-ndjson", "application/jsonlines"):
        if random.random() < 0.7:
            return changed_json(random, body)
        return mutated(random, body, others)
    return _CHANGES.get(content_type, mutated)(random, body, others)


_ARROW = "application/vnd.apache."
_CHANGES: dict[str, Change] = {
    "application/x-npy": changed_npy,
    "application/x-npz": changed_npz,
    "application/x-safetensors": changed_safetensors,
    "image/png": changed_png,
    "multipart/form-data": changed_multipart,
    "text/csv": changed_csv,
    **{_ARROW + name: changed_arrow(_ARROW + name) for name in ("arrow.stream", "arrow.file", "parquet")},
}
