"""``model.tar.gz`` as an object: its content checked against the manifest, and the SHA-256 of its parts.

The manifest lists the files in the archive, not the archive's own bytes, which depend on the zlib that wrote them. So
the archive is read once: what is in it is compared, and its parts are hashed on the way. The digests are then
remembered for this very file (see receipts.py), so that publishing it again reads nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from cdk_modelbuilder.archive_check import ByteSource, check_archive_stream
from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.publishing.artifact_objects import MAX_PARTS, ArtifactObject, Part
from cdk_modelbuilder.publishing.location import artifact_key
from cdk_modelbuilder.publishing.receipts import Identity, recall, remember

PART_SIZE: Final = 32 << 20
"""Bytes in a part of an archive, as in a shard of the manifest; more only if the archive would have too many parts."""
_BATCH: Final = 1 << 20


def archive_object(bundle: ModelBundle, prefix: str, on_bytes: Callable[[int], object] | None = None) -> ArtifactObject:
    """The archive of ``bundle`` as an object.

    Args:
        bundle: A bundle that was built with an archive.
        prefix: See :func:`~cdk_modelbuilder.publishing.artifact_key`.
        on_bytes: Called with the number of bytes checked.

    Raises:
        BundleError: There is no archive.
        IntegrityError: The archive holds something else than was signed.
    """
    if not bundle.archive_path.is_file():
        built_without = bundle.container.model_data.form != "archive"
        raise BundleError(
            f"{bundle.archive_path} is missing"
            + (": the bundle was built with archive=False." if built_without else "."),
            remedy="Publish the files with --form folder (form='folder'), or build with archive=True."
            if built_without
            else "Build the bundle again, or publish its files with --form folder (form='folder').",
        )
    key = artifact_key(bundle.artifact_digest, prefix=prefix, form="archive")
    size = bundle.archive_path.stat().st_size
    step = part_size(size)
    digests = recall(bundle.archive_path, bundle.artifact_digest, step)
    if digests is None:
        digests = _verify(bundle, step, on_bytes)
    parts = tuple(
        Part(index + 1, index * step, min(step, size - index * step), digest) for index, digest in enumerate(digests)
    )
    return ArtifactObject(key, bundle.archive_path, parts)


def part_size(size: int) -> int:
    """Bytes in each part but the last of an archive of ``size`` bytes."""
    mebibytes = -(-size // (MAX_PARTS << 20))
    return max(PART_SIZE, mebibytes << 20)


def check_bundle_archive(
    raw: ByteSource, name: str, bundle: ModelBundle, on_bytes: Callable[[int], object] | None = None
) -> None:
    """Check that the archive that ``raw`` gives holds what was signed, and no more.

    Raises:
        IntegrityError: It does not.
    """
    members = {f"{verifier.METADATA_FOLDER}/{member}": data for member, data in bundle.metadata.items()}
    check_archive_stream(raw, name, verifier.read_resources(bundle.manifest.data), members, on_bytes)


def _verify(bundle: ModelBundle, step: int, on_bytes: Callable[[int], object] | None) -> tuple[bytes, ...]:
    began = time.time()
    with bundle.archive_path.open("rb", buffering=0) as raw, ThreadPoolExecutor(1) as pool:
        identity = Identity.of(os.fstat(raw.fileno()))
        hashed = _HashedParts(raw, step, pool)
        check_bundle_archive(hashed, bundle.archive_path.name, bundle, on_bytes)
        digests = hashed.digests()
        unchanged = Identity.of(os.fstat(raw.fileno())) == identity
    if unchanged:
        remember(bundle.archive_path, bundle.artifact_digest, step, identity, digests, began=began)
    return digests


class _HashedParts:
    """Passes on what is read, while another thread hashes it by parts."""

    def __init__(self, raw: ByteSource, step: int, pool: ThreadPoolExecutor) -> None:
        self._raw = raw
        self._step = step
        self._pool = pool
        self._batch: list[bytes] = []
        self._batched = 0
        self._pending: Future[None] | None = None
        self._part = hashlib.sha256()
        self._left = step
        self._digests: list[bytes] = []

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        self._batch.append(data)
        self._batched += len(data)
        if self._batched >= _BATCH:
            self._hand_over()
        return data

    def digests(self) -> tuple[bytes, ...]:
        """The digests of all parts, once everything was read."""
        self._hand_over()
        if self._pending is not None:
            self._pending.result()
        if self._left < self._step or not self._digests:
            self._digests.append(self._part.digest())
        return tuple(self._digests)

    def _hand_over(self) -> None:
        if self._pending is not None:
            self._pending.result()  # one batch waits at most: memory stays bounded
        self._pending = self._pool.submit(self._hash, self._batch)
        self._batch, self._batched = [], 0

    def _hash(self, batch: list[bytes]) -> None:
        for data in batch:
            rest = memoryview(data)
            while rest:
                taken = rest[: self._left]
                self._part.update(taken)
                self._left -= len(taken)
                rest = rest[len(taken) :]
                if not self._left:
                    self._digests.append(self._part.digest())
                    self._part, self._left = hashlib.sha256(), self._step
