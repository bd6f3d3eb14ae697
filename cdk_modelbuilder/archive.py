"""``model.tar.gz``: byte-identical for identical content, and as fast as the disk allows.

Members come in a fixed order with fixed times, owners and modes. The gzip stream mixes two kinds of deflate blocks:
*stored* blocks for what does not compress (weights: gzip -9 takes 56 times as long for 8 % less), and zlib level 1 for
large files of which a sample shrinks. Stored blocks are the same on every machine; compressed ones on every machine
with the same zlib. Any gunzip reads both.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

CHUNK = 1 << 20
COMPRESS_FROM = 1 << 20
"""Bytes from which a file is worth a look at whether it compresses."""
WORTHWHILE = 0.9
"""A sample must shrink below this share to be compressed."""

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, unknown system
_STORED_LIMIT = 0xFFFF
_PIECES_LIMIT = 512  # writev() takes 1024 on Linux and macOS


class ArchiveWriter:
    """Writes one archive. Use as a context manager; the end of the stream is written on a clean exit only."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("wb", buffering=0)
        self._crc = 0
        self._size = 0
        self._deflate: zlib._Compress | None = None
        self._write_all([_HEADER])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            if kind is None:
                # Two zero blocks end a tar; tools expect whole records of 20 blocks.
                self._put(b"\0" * (1024 + (-(self._size + 1024)) % tarfile.RECORDSIZE))
                self._write_all([b"\x01\x00\x00\xff\xff", struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF)])
        finally:
            self._out.close()

    def add_file(self, name: str, path: Path, on_bytes: Callable[[int], object] | None = None) -> None:
        """Append the file at ``path`` as ``name`` (POSIX, relative)."""
        with path.open("rb", buffering=0) as source:
            size = os.fstat(source.fileno()).st_size
            self._put(_header(name, size))
            with self._compressed(size >= COMPRESS_FROM and _shrinks(source, size)):
                buffer = memoryview(bytearray(CHUNK))
                left = size
                while left:
                    count = source.readinto(buffer[: min(CHUNK, left)])
                    if not count:
                        raise OSError(f"{path} became shorter while it was read")
                    self._put(buffer[:count])
                    left -= count
                    if on_bytes is not None:
                        on_bytes(count)
        self._put(b"\0" * (-size % tarfile.BLOCKSIZE))

    def add_bytes(self, name: str, data: bytes) -> None:
        """Append ``data`` as the file ``name``."""
        self._put(_header(name, len(data)) + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE))

    @contextmanager
    def _compressed(self, wanted: bool) -> Iterator[None]:
        if not wanted:
            yield
            return
        self._deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        try:
            yield
            # A sync flush ends on a byte boundary without ending the stream, so stored blocks may follow.
            self._write_all([self._deflate.flush(zlib.Z_SYNC_FLUSH)])
        finally:
            self._deflate = None

    def _put(self, data: bytes | memoryview) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        if self._deflate is not None:
            self._write_all([self._deflate.compress(data)])
            return
        pieces: list[bytes | memoryview] = []
        view = memoryview(data)
        for start in range(0, len(view), _STORED_LIMIT):
            block = view[start : start + _STORED_LIMIT]
            pieces += [struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block]
            if len(pieces) >= _PIECES_LIMIT:
                self._write_all(pieces)
                pieces = []
        if pieces:
            self._write_all(pieces)

    def _write_all(self, pieces: list[bytes | memoryview]) -> None:
        written = os.writev(self._out.fileno(), pieces)
        expected = sum(map(len, pieces))
        if written < expected:  # a short write: an almost full disk, or a signal
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[self._out.write(rest) or 0 :]


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, 0
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _shrinks(source: io.FileIO, size: int) -> bool:
    source.seek(size // 2)  # heads of weight files are text-like even if the rest is not
    sample = source.read(CHUNK)
    source.seek(0)
    return len(zlib.compress(sample, 1)) < WORTHWHILE * len(sample)
