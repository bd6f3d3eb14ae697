"""What S3 has to hold for a bundle: keys, and the SHA-256 of every part, known before anything is sent.

A part of an upload is a shard of the manifest. So the checksum that S3 states for an object follows from the signed
manifest alone, and what lies in the bucket is compared without reading a file; and a part that is read to be sent is
hashed and compared first, so nothing leaves this machine but what was signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import BundleError, IntegrityError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.publishing.location import KEY_BYTES, artifact_key

MAX_PARTS: Final = 10_000
"""Parts of one upload (Amazon S3 User Guide, "Amazon S3 multipart upload limits")."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an object.

    Attributes:
        number: From 1, as S3 counts.
        offset: Bytes before it.
        size: Bytes in it.
        sha256: Its digest.
    """

    number: int
    offset: int
    size: int
    sha256: bytes

    @property
    def checksum(self) -> str:
        """The digest as S3 writes it."""
        return base64.b64encode(self.sha256).decode()


@dataclass(frozen=True, slots=True)
class ArtifactObject:
    """One object of a published bundle.

    Attributes:
        key: Its key in the bucket.
        source: The file with its content, or the content.
        parts: What it is sent in; one part is sent by PutObject, more of them as a multipart upload.
        closes: Whether it may appear only once all others are there.
    """

    key: str
    source: Path | bytes
    parts: tuple[Part, ...]
    closes: bool = False

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.parts[-1].offset + self.parts[-1].size

    @property
    def checksum(self) -> str:
        """What S3 states as its SHA-256: of several parts, the digest of their digests and how many they are.

        S3 has no SHA-256 over the whole of a multipart object (User Guide, "Checking object integrity": composite).
        """
        if len(self.parts) == 1:
            return self.parts[0].checksum
        digest = hashlib.sha256(b"".join(part.sha256 for part in self.parts)).digest()
        return f"{base64.b64encode(digest).decode()}-{len(self.parts)}"

    def read(self, part: Part) -> bytes | bytearray:
        """The bytes of ``part``.

        Raises:
            IntegrityError: They are not what was signed.
        """
        data: bytes | bytearray
        if isinstance(self.source, bytes):
            data = self.source[part.offset : part.offset + part.size]
        else:
            data = _read(self.source, part.offset, part.size)
        if len(data) != part.size or not hmac.compare_digest(hashlib.sha256(data).digest(), part.sha256):
            raise IntegrityError(
                f"the file for {self.key} was changed: its bytes from {part.offset} on are not what was signed.",
                remedy="They were not sent. Restore the bundle, or build again.",
            )
        return data


def _read(path: Path, offset: int, size: int) -> bytearray:
    data = bytearray(size)
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            done = 0
            while done < size and (count := file.readinto(memoryview(data)[done:])):
                done += count
    except OSError as error:
        raise IntegrityError(
            f"{path} cannot be read any more: {error.strerror}.", remedy="Restore the bundle, or build again."
        ) from None
    return data[:done] if done < size else data


def folder_objects(bundle: ModelBundle, prefix: str) -> tuple[ArtifactObject, ...]:
    """The objects of ``bundle`` as a folder, in the order in which they may appear: the signature's files last.

    Raises:
        BundleError: The model's files are not here.
        IntegrityError: There are other files than the manifest lists, or of another size.
        UsageError: A key would be too long, or a file too large.
    """
    base = artifact_key(bundle.artifact_digest, prefix=prefix, form="folder")
    sizes = _sizes(bundle)
    shards: dict[str, list[Part]] = {}
    for name, start, end, digest in verifier.read_resources(bundle.manifest.data):
        parts = shards.setdefault(name, [])
        parts.append(Part(len(parts) + 1, start, (sizes[name] if end is None else end) - start, digest))
    for name, parts in shards.items():
        if len(parts) > MAX_PARTS:
            raise UsageError(
                f"{bundle.model_dir / name} has {sizes[name]} bytes, in {len(parts)} shards; S3 takes {MAX_PARTS}.",
                remedy="Save the weights in several files.",
            )
        if len(f"{base}{name}".encode()) > KEY_BYTES:
            raise UsageError(
                f"the key {base}{name} is longer than the {KEY_BYTES} bytes that S3 allows.",
                remedy="Give a shorter prefix, or publish the archive.",
            )
    content = [
        ArtifactObject(base + name, bundle.model_dir / name, tuple(parts)) for name, parts in sorted(shards.items())
    ]
    metadata = [
        ArtifactObject(
            f"{base}{verifier.METADATA_FOLDER}/{name}",
            data,
            (Part(1, 0, len(data), hashlib.sha256(data).digest()),),
            closes=True,
        )
        for name, data in bundle.metadata.items()
    ]
    return (*content, *metadata)


def _sizes(bundle: ModelBundle) -> dict[str, int]:
    if not bundle.model_dir.is_dir():
        raise BundleError(
            f"{bundle.model_dir} is missing: only the bundle's text files are here.",
            remedy="Build the bundle, or fetch its model files.",
        )
    listed = bundle.manifest.files
    try:
        found = verifier.list_files(bundle.model_dir)
    except verifier.IntegrityError as error:
        raise IntegrityError(f"{bundle.path} is not what was signed:", remedy=str(error)) from None
    for name in sorted({*listed, *found}):
        wrong = (
            "is missing"
            if name not in found
            else "was not signed"
            if name not in listed
            else f"has {found[name]} bytes, but {listed[name]} were signed"
            if listed[name] not in (-1, found[name])
            else None
        )
        if wrong is not None:
            raise IntegrityError(
                f"{bundle.path} is not what was signed: {name} {wrong}.", remedy="Restore the bundle, or build again."
            )
    return found
