"""Small bodies that ask for much memory or time: announced sizes that are lies, and truths that unpack to far more."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

from tests.fuzz.structures import write_arrow

_MIB = 1 << 20


@functools.cache
def bombs_for(content_type: str) -> tuple[bytes, ...]:
    """Bombs in a content type."""
    if content_type.endswith("json") or content_type == "application/jsonl":
        return tuple(_json())
    if content_type.startswith("application/vnd.apache."):
        return tuple(_arrow(content_type))
    makers = {
        "text/csv": _csv,
        "application/x-npy": _npy,
        "application/x-npz": _npz,
        "application/x-safetensors": _safetensors,
        "multipart/form-data": _multipart,
        "image/png": _png,
        "image/gif": _gif,
        "image/tiff": _tiff,
        "image/webp": _webp,
        "image/jpeg": _jpeg,
        "text/event-stream": _events,
    }
    return tuple(makers[content_type]()) if content_type in makers else ()


def _json() -> Iterator[bytes]:
    yield b"[" * 200_000
    yield b"[" * 100_000 + b"]" * 100_000
    yield b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    yield b"[" + b"[]," * 60_000 + b"[]]"
    yield b"[" + b"0," * 100_000 + b"0]"
    yield b"[" + b"null," * 40_000 + b"null]"
    yield b"1" * 200_000
    yield b"[" + b"1" * 5000 + b"]"
    yield b"1e" + b"9" * 1000
    yield b'"' + b"\\ud800" * 20_000 + b'"'
    yield json.dumps({str(number): number for number in range(20_000)}).encode()
    yield json.dumps({"columns": [str(number) for number in range(20_000)], "data": []}).encode()
    yield json.dumps({"shape": [2**62, 0], "values": []}).encode()
    yield b'{"shape":[' + b"1," * 5000 + b'1],"data":[1],"values":[1]}'


def _events() -> Iterator[bytes]:
    yield b"data: \n" * 50_000
    yield b"data: [\n" * 30_000 + b"\n"
    yield b"\n" * 200_000


def _csv() -> Iterator[bytes]:
    yield b"\n" * 200_000
    yield b"," * 200_000
    yield b'"' * 200_001
    yield b'"' + b"a,\n" * 60_000
    yield b"0\n" * 100_000
    yield b"age,weight\n" + b"1,2\n" * 50_000
    yield b"9" * 200_000
    yield b"1e999999999\n"


def _npy_of(descr: str, shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def _npy() -> Iterator[bytes]:
    yield _npy_of("'<f8'", "(1152921504606846976,)", bytes(64))
    yield _npy_of("'|V0'", "(4611686018427387904,)")
    yield _npy_of("'<U0'", "(9223372036854775807,)")
    yield _npy_of("'<f8'", "(0, 9223372036854775807)")
    yield _npy_of("'<f8'", "(" + "1, " * 64 + ")", bytes(8))
    yield _npy_of("'<U536870911'", "(1,)", bytes(64))
    yield _npy_of("'(4000000,4000000)f8'", "(0,)")
    yield _npy_of(repr([(f"f{number}", "<f8") for number in range(500)]), "(1,)", bytes(4000))
    yield _npy_of("[('a', [('b', [('c', [('d', '<f8')])])])]", "(1,)", bytes(8))
    yield b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000
    yield b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 100
    yield b"\x93NUMPY\x03\x00" + struct.pack("<I", 90) + b"-" * 88 + b"1\n"


def _npz() -> Iterator[bytes]:
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(40 * _MIB, "u1"))
    names = ["a.npy", "data.npy", "indices.npy", "indptr.npy", "shape.npy", "format.npy"]
    for chosen in (names, names[:1]):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in chosen:
                archive.writestr(name, zeros.getvalue())
        yield stream.getvalue()
    lying = bytearray(stream.getvalue())
    struct.pack_into("<I", lying, lying.rfind(b"PK\x01\x02") + 24, 10)
    yield bytes(lying)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.npy", b"")
    yield stream.getvalue()


def _safetensors() -> Iterator[bytes]:
    def of(header: object, data: bytes = b"") -> bytes:
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    yield struct.pack("<Q", 2**63) + b"{}"
    yield struct.pack("<Q", 100_000) + b"{" * 100_000
    yield of({"a": {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}})
    yield of({"a": {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]}})
    yield of({"a": {"dtype": "F32", "shape": [1] * 5000, "data_offsets": [0, 4]}}, bytes(4))
    yield of({f"t{number}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for number in range(3000)})
    for name in ("values", "indices", "data", "indptr", "tensor", "shape"):
        yield of({name: {"dtype": "I64", "shape": [0, 2**40], "data_offsets": [0, 0]}})


def _multipart() -> Iterator[bytes]:
    part = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n\r\n'
    yield part * 4000 + b"--x--\r\n"
    yield b"--x\r\n\r\n" * 30_000 + b"--x--\r\n"
    yield b'--x\r\nContent-Disposition: form-data; name="' + b"a/" * 100_000 + b'"\r\n\r\n\r\n--x--\r\n'
    yield b'--x\r\nContent-Disposition: form-data; name="' + b'\\"' * 1900 + b"\r\n\r\n\r\n--x--\r\n"
    yield b"\r\n--x" * 60_000
    deep = b'--x\r\nContent-Disposition: form-data; name="/"\r\nContent-Type: application/json\r\n\r\n'
    yield deep + b"[" * 100_000 + b"\r\n--x--\r\n"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png() -> Iterator[bytes]:
    zeros = zlib.compress(bytes(30 * _MIB), 9)
    for width, height, depth, color in ((2**31 - 1, 2**31 - 1, 8, 6), (60_000, 60_000, 8, 2), (8192, 8192, 16, 6)):
        head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
        yield head + _chunk(b"IDAT", zeros) + _chunk(b"IEND", b"")
        yield head + _chunk(b"iCCP", b"x\0\0" + zeros) + _chunk(b"IDAT", zeros[:99]) + _chunk(b"IEND", b"")
        yield head + _chunk(b"zTXt", b"x\0\0" + zeros) * 9 + _chunk(b"IDAT", zeros[:99]) + _chunk(b"IEND", b"")
    small = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    yield small + _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + _chunk(b"IDAT", zeros) + _chunk(b"IEND", b"")


def _gif() -> Iterator[bytes]:
    for width, height in ((65535, 65535), (8192, 8192)):
        yield b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b";"
        yield (
            b"GIF89a"
            + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0)
            + bytes(6)
            + b","
            + struct.pack("<HHHHB", 0, 0, width, height, 0)
            + b"\x02\x02\x4c\x01\x00;"
        )


def _tiff() -> Iterator[bytes]:
    def of(tags: list[tuple[int, int, int, int]]) -> bytes:
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + bytes(64)

    base = [(258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    for width, height in ((2**31, 2**31), (65535, 65535), (8192, 8192)):
        size = [(256, 4, 1, width), (257, 4, 1, height)]
        yield of([*size, *base, (273, 4, 1, 8), (278, 4, 1, height), (279, 4, 1, 2**31)])
        yield of([*size, *base, (322, 4, 1, 65520), (323, 4, 1, 65520), (324, 4, 1, 8), (325, 4, 1, 64)])
    yield of([(256, 4, 2**31, 8), (257, 4, 1, 1), *base, (273, 4, 2**30, 8)])


def _webp() -> Iterator[bytes]:
    def of(kind: bytes, data: bytes) -> bytes:
        chunk = kind + struct.pack("<I", len(data)) + data
        return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk

    yield of(b"VP8X", b"\x02\0\0\0" + b"\xff" * 6) + bytes(32)
    yield of(b"VP8L", b"\x2f" + b"\xff\xff\xff\x0f" + bytes(64))
    yield of(b"VP8 ", b"\x10\x02\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(64))


def _jpeg() -> Iterator[bytes]:
    for height, width in ((65535, 65535), (8192, 8192)):
        frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
        scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
        yield b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame + scan + b"\xff\xd9"
    yield b"\xff\xd8" + b"\xff\xe1\xff\xff" * 3 + bytes(70_000)


def _arrow(kind: str) -> Iterator[bytes]:
    import pyarrow as pa

    indices = pa.array(np.zeros(2000, "i4"))
    texts = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 100_000]))
    tables = [
        lambda: pa.table(dict.fromkeys(("name", "text", "word"), texts)),
        lambda: pa.table({"name": pa.DictionaryArray.from_arrays(indices, pa.array([[1.0] * 10_000]))}),
        lambda: pa.table({"whole": pa.nulls(1 << 21), "age": pa.nulls(1 << 21)}),
        lambda: pa.table({"a": pa.FixedSizeBinaryArray.from_buffers(pa.binary(0), 1 << 21, [None, pa.py_buffer(b"")])}),
        lambda: pa.table({"price": pa.array(np.zeros(1 << 21, bool))}),
        lambda: pa.table({f"c{number}": pa.array([1]) for number in range(3000)}),
        lambda: pa.table({"embedding": pa.ListArray.from_arrays([0] * 100_000 + [1], pa.array([1.0]))}),
        lambda: pa.table({"tags": pa.array([[[[[[["a"]]]]]]])}),
        lambda: pa.table({"a": pa.nulls(1 << 21, pa.struct([("x", pa.null())]))}),
        lambda: pa.table({"age": pa.RunEndEncodedArray.from_arrays(pa.array([1 << 24], pa.int32()), pa.array([1]))}),
        lambda: pa.table({"age": pa.array(np.zeros(1 << 22, "i8")), "weight": pa.array(np.zeros(1 << 22))}),
        lambda: pa.table({"whole": pa.array(np.zeros(1 << 21, "i4"))}),
        lambda: pa.table({"empty": pa.nulls(1 << 21, pa.list_(pa.int8(), 0))}),
    ]
    for make_table in tables:
        for compression in ("none", "zstd"):
            try:
                body = write_arrow(make_table(), kind, compression)
            except (pa.ArrowException, NotImplementedError, ValueError, OSError):
                continue  # a type that this format has no form for
            if len(body) <= 2 * _MIB:
                yield body
    if not kind.endswith("parquet"):
        for column in (pa.nulls(54_321), pa.array(np.zeros(54_321, bool))):
            whole = write_arrow(pa.table({"whole": column}), kind)
            for announced in (1 << 33, 1 << 62):
                yield whole.replace(struct.pack("<q", 54_321), struct.pack("<q", announced))


def repeated(table_body: bytes) -> bytes | None:
    """A Parquet table with its first row so often that it is just not refused: a few bytes for each of its columns."""
    import pyarrow as pa
    from pyarrow import parquet

    from cdk_modelbuilder.schema.codecs.arrow_format import ALLOWANCE

    table = parquet.read_table(pa.BufferReader(table_body))
    rows = ALLOWANCE // 8 // max(table.num_columns, 1) - 1
    try:
        often = pa.table({name: pa.repeat(table[name][0], rows) for name in table.column_names})
    except (pa.ArrowException, NotImplementedError):
        return None  # a type that it has no way to repeat
    body = write_arrow(often, "parquet")
    return body if len(body) <= 2 * _MIB else None
