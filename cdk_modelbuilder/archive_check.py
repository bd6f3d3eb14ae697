"""Compares ``model.tar.gz`` with the manifest: it gets deployed, so it must hold what was signed and no more."""

from __future__ import annotations

import hashlib
import hmac
import tarfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Protocol, cast

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.integrity import verifier

CHUNK = 1 << 20
_RAW = 1 << 17  # small, so that what zlib leaves over, and copies, is small too: half the time of 1 MiB
_REMEDY = "Build again: the archive was changed after it was signed, or cut short."


class ByteSource(Protocol):
    """What an archive is read from: an unbuffered file, or the body of an answer."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


def check_archive(
    path: Path,
    resources: verifier.Resources,
    metadata: Mapping[str, bytes],
    on_bytes: Callable[[int], object] | None = None,
) -> None:
    """Read the archive at ``path`` once and compare it; see :func:`check_archive_stream`."""
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise IntegrityError(f"{path.name} cannot be read: {error}.", remedy=_REMEDY) from None
    with raw:
        check_archive_stream(raw, path.name, resources, metadata, on_bytes)


def check_archive_stream(
    raw: ByteSource,
    name: str,
    resources: verifier.Resources,
    metadata: Mapping[str, bytes],
    on_bytes: Callable[[int], object] | None = None,
) -> None:
    """Read an archive to its end, hashing on a second thread, and compare it.

    Args:
        raw: Where its bytes come from.
        name: What to call it in messages.
        resources: What the manifest lists.
        metadata: Name -> bytes of the members that the manifest does not list: itself and its signature.
        on_bytes: Called with the number of bytes compared.

    Raises:
        IntegrityError: A member was changed, added, removed, or is no plain file; or the archive is damaged.
    """
    try:
        stream = _Inflated(raw)
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=CHUNK) as archive:
            _check_members(archive, name, resources, metadata, on_bytes)
        while rest := stream.read(CHUNK):  # to the end, where the checksum of the whole stream is
            if rest.strip(b"\0"):
                raise ValueError("something follows its files")
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise IntegrityError(f"{name} cannot be read: {error}.", remedy=_REMEDY) from None


def _check_members(
    archive: tarfile.TarFile,
    name: str,
    resources: verifier.Resources,
    metadata: Mapping[str, bytes],
    on_bytes: Callable[[int], object] | None,
) -> None:
    expected: dict[str, list[tuple[int, int | None, bytes]]] = {}
    for listed, start, end, digest in resources:
        expected.setdefault(listed, []).append((start, end, digest))
    waiting = {*expected, *metadata}
    with ThreadPoolExecutor(1) as pool:
        for member in archive:
            if member.name not in waiting or not member.isreg():
                raise IntegrityError(f"{name} holds {member.name!r}, which was not signed.", remedy=_REMEDY)
            waiting.discard(member.name)
            content = archive.extractfile(member)
            assert content is not None
            if member.name in metadata:
                same = member.size == len(metadata[member.name]) and content.read() == metadata[member.name]
            else:
                same = _matches(content, member.size, expected[member.name], pool, on_bytes)
            if not same:
                raise IntegrityError(f"{name}: {member.name} is not what was signed.", remedy=_REMEDY)
    if waiting:
        raise IntegrityError(f"{name} lacks {min(waiting)}.", remedy=_REMEDY)


class _Inflated:
    """Reads a gzip file with bounded memory: tarfile's own reader inflates a whole chunk, be it a thousandfold."""

    def __init__(self, raw: ByteSource) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end of the stream."""
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._raw.read(_RAW)
            inflated = self._inflate.decompress(data, size)
            if inflated:
                return inflated
            if not data:
                raise EOFError("it was cut short")
        if self._inflate.unused_data or self._raw.read(1):
            raise ValueError("something follows its end")
        return b""


def _matches(
    content: IO[bytes],
    size: int,
    parts: list[tuple[int, int | None, bytes]],
    pool: ThreadPoolExecutor,
    on_bytes: Callable[[int], object] | None,
) -> bool:
    for start, end, digest in parts:
        last = size if end is None else end
        if not start <= last <= size:
            return False
        hasher = hashlib.sha256()
        pending: Future[None] | None = None
        left = last - start
        while left:
            chunk = content.read(min(CHUNK, left))
            if not chunk:
                return False
            if pending is not None:
                pending.result()
            pending = pool.submit(hasher.update, chunk)
            left -= len(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
        if pending is not None:
            pending.result()
        if not hmac.compare_digest(hasher.digest(), digest):
            return False
    return parts[-1][1] in (None, size)
