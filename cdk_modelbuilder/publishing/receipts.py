"""Remembers which archive was verified, so that publishing it again does not read it again.

A receipt says: this file (by device, inode, size, and the times of its last change) held what this artifact digest
names, and its parts have these SHA-256. It lies in the user's own cache folder, and believing it asks for no more trust
than the bundle itself, which the same user could change. A file that is replaced or written to has another identity.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

FORMAT: Final = "cdk-modelbuilder/verified-archive/v1"
SETTLED_SECONDS: Final = 2.0
"""How long a file must have been left alone before it was verified. A change so soon after another may leave no other
time behind: file systems count in steps of up to two seconds."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one state of a file from another without reading it.

    Attributes:
        device: Of the file system.
        inode: Of the file.
        size: Bytes.
        mtime_ns: Last change of the content; anybody may set it.
        ctime_ns: Last change of anything; only the system sets it.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """The identity in what ``stat`` says."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def recall(archive: Path, artifact_digest: str, part_size: int) -> tuple[bytes, ...] | None:
    """The SHA-256 of each part of ``archive``, if this very file was verified as ``artifact_digest``.

    Args:
        archive: The file.
        artifact_digest: What it should have been verified as.
        part_size: Bytes in each part but the last.
    """
    try:
        found = json.loads(_place(archive).read_bytes())
        claims = found["format"], found["artifact"], found["part_size"], found["file"]
        if claims == (FORMAT, artifact_digest, part_size, asdict(Identity.of(archive.stat()))):
            return tuple(bytes.fromhex(digest) for digest in found["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no receipt, or none that this version can read
    return None


def remember(
    archive: Path, artifact_digest: str, part_size: int, identity: Identity, parts: tuple[bytes, ...], *, began: float
) -> None:
    """Keep the result of a verification for :func:`recall`; silently not, where the cache cannot be written.

    Args:
        archive: The file.
        artifact_digest: What it was verified as.
        part_size: Bytes in each part but the last.
        identity: The file's identity, the same before and after it was read.
        parts: SHA-256 of each part.
        began: When reading began, in seconds since the epoch.
    """
    if began - identity.ctime_ns / 1e9 < SETTLED_SECONDS:
        return
    receipt = {
        "format": FORMAT,
        "artifact": artifact_digest,
        "part_size": part_size,
        "file": asdict(identity),
        "parts": [digest.hex() for digest in parts],
    }
    place = _place(archive)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, aside = tempfile.mkstemp(dir=place.parent)  # of mode 0600, and whole before it has its name
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(receipt, file, indent=1)
        Path(aside).replace(place)


def _place(archive: Path) -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415 - only when something is published

    name = hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()[:32]
    return user_cache_path("cdk-modelbuilder") / "verified" / f"{name}.json"
