"""Writes the manifest: an OpenSSF Model Signing v1.0 statement over every file of a model folder.

The format is https://github.com/ossf/model-signing-spec; docs/integrity.md says what of it is used. Small folders get
one SHA-256 a file. A folder with a file above one shard is listed by shards, so that one large file is hashed by
several threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.integrity import verifier

SHARD_SIZE = 32 << 20
"""Bytes in a shard. Part of the format: another size gives another root digest for the same files."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's bytes, and what they say.

    Attributes:
        data: The exact bytes of ``manifest.json``; the signature is over these.
        root_sha256: The root digest in hex, the bundle's identity.
        files: POSIX path below the model folder -> size in bytes.
    """

    data: bytes
    root_sha256: str
    files: dict[str, int]

    @property
    def sha256(self) -> str:
        """SHA-256 of ``data`` in hex; unlike the root digest it also binds the files' names."""
        return hashlib.sha256(self.data).hexdigest()


def make_manifest(model_dir: Path, *, name: str, on_bytes: Callable[[int], object] | None = None) -> Manifest:
    """Hash every file below ``model_dir`` and state the result.

    Args:
        model_dir: The folder that the container will see as ``/opt/ml/model``.
        name: The subject's name in the statement: the bundle's name.
        on_bytes: Called from several threads with the number of bytes that were just hashed.

    Raises:
        IntegrityError: The folder holds a symlink, a special file, or a name that cannot be signed.
    """
    files = signable_files(model_dir)
    sharded = any(size > SHARD_SIZE for size in files.values())
    ranges: list[tuple[str, int, int | None]] = []
    for path in files:
        if sharded:
            starts = range(0, max(files[path], 1), SHARD_SIZE)
            ranges += [(path, start, min(start + SHARD_SIZE, files[path])) for start in starts]
        else:
            ranges.append((path, 0, None))

    def digest(part: tuple[str, int, int | None]) -> bytes:
        path, start, end = part
        found = verifier.hash_range(model_dir / path, start, end)
        if on_bytes is not None:
            on_bytes((files[path] if end is None else end) - start)
        return found

    with ThreadPoolExecutor(verifier.worker_count()) as pool:
        digests = list(pool.map(digest, ranges))
    resources = [(*part, found) for part, found in zip(ranges, digests, strict=True)]
    root = verifier.root_digest(resources)
    return Manifest(_statement(name, root, resources, sharded=sharded), root, files)


def signable_files(model_dir: Path) -> dict[str, int]:
    """Every file below ``model_dir`` as POSIX path -> size, in the manifest's order.

    Raises:
        IntegrityError: The folder holds a symlink, a special file, or a name that cannot be signed.
    """
    try:
        files = verifier.list_files(model_dir)
    except verifier.IntegrityError as error:
        raise IntegrityError(f"{model_dir} cannot be signed:", remedy=str(error)) from None
    for path in files:
        if not verifier.safe_name(path):
            raise IntegrityError(
                f"the file name {path!r} cannot be signed.",
                remedy="Rename it: no ':', no backslash, no control character.",
            )
    return {path: files[path] for path in sorted(files, key=lambda path: path.split("/"))}


def read_manifest(data: bytes) -> Manifest:
    """The manifest in ``data``; sizes are known only for sharded ones (else -1).

    Raises:
        IntegrityError: The bytes are no manifest that this version can read.
    """
    try:
        resources = verifier.read_resources(data)
    except verifier.IntegrityError as error:
        raise IntegrityError(str(error), remedy="Restore the bundle from version control or build it again.") from None
    files = {path: -1 if end is None else end for path, _, end, _ in resources}
    return Manifest(data, verifier.root_digest(resources), files)


def _statement(name: str, root: str, resources: verifier.Resources, *, sharded: bool) -> bytes:
    serialization: dict[str, object] = {
        "allow_symlinks": False,
        "hash_type": "sha256",
        "ignore_paths": [verifier.METADATA_FOLDER],
        "method": "shards" if sharded else "files",
    }
    if sharded:
        serialization["shard_size"] = SHARD_SIZE
    entries = [
        {
            "algorithm": f"sha256-sharded-{SHARD_SIZE}" if sharded else "sha256",
            "digest": digest.hex(),
            "name": path if end is None else f"{path}:{start}:{end}",
        }
        for path, start, end, digest in resources
    ]
    # One resource a line: a reviewer sees which file changed.
    lines = ",\n".join("      " + json.dumps(entry, sort_keys=True) for entry in entries)
    body = {
        "_type": verifier.STATEMENT_TYPE,
        "predicate": {"resources": ["@"], "serialization": serialization},
        "predicateType": verifier.PREDICATE_TYPE,
        "subject": [{"digest": {"sha256": root}, "name": name}],
    }
    text = json.dumps(body, indent=2, sort_keys=True)
    return text.replace('      "@"', lines, 1).encode() + b"\n"
