"""Signed model folders for the tests of this folder."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.integrity import manifest as manifests
from cdk_modelbuilder.integrity import signature, verifier

MASTER = bytes(range(32))
DEMO = {"model.ubj": b"weights" * 5, "code/inference.py": b"x = 1\n", "code/lib/a.py": b"", "b": b"weights"}


@dataclass
class Signed:
    """A signed folder, and what its environment pins."""

    folder: Path
    manifest: manifests.Manifest
    key: bytes
    key_id: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            verifier.KEY_VARIABLE: self.key.hex(),
            verifier.KEY_ID_VARIABLE: self.key_id,
            verifier.ROOT_VARIABLE: self.manifest.root_sha256,
            verifier.MANIFEST_VARIABLE: self.manifest.sha256,
        }

    def verify(self) -> str:
        return verifier.verify(
            self.folder,
            root_sha256=self.manifest.root_sha256,
            manifest_sha256=self.manifest.sha256,
            key=self.key,
            key_id=self.key_id,
        )


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def seal(folder: Path, *, master: bytes = MASTER) -> Signed:
    """Sign ``folder`` as it is."""
    made = manifests.make_manifest(folder, name="demo")
    key = signature.BundleKey.derive(master, made.root_sha256)
    metadata = folder / verifier.METADATA_FOLDER
    metadata.mkdir(exist_ok=True)
    (metadata / verifier.MANIFEST_NAME).write_bytes(made.data)
    (metadata / verifier.SIGNATURE_NAME).write_bytes(signature.sign(made, key))
    return Signed(folder, made, key.secret, key.key_id)


def statement(
    resources: list[tuple[object, str]], *, method: str = "files", root: str | None = None, **changed: object
) -> bytes:
    """A manifest with these resources (name, hex digest), as an attacker with the key could write it."""
    digests = b"".join(bytes.fromhex(digest) for _, digest in resources)
    algorithm = "sha256" if method == "files" else "sha256-sharded-8"
    body = {
        "_type": verifier.STATEMENT_TYPE,
        "predicate": {
            "resources": [{"algorithm": algorithm, "digest": digest, "name": name} for name, digest in resources],
            "serialization": {"hash_type": "sha256", "method": method, "shard_size": 8},
        },
        "predicateType": verifier.PREDICATE_TYPE,
        "subject": [{"digest": {"sha256": root or hashlib.sha256(digests).hexdigest()}, "name": "demo"}],
        **changed,
    }
    return json.dumps(body).encode()


def verify_forged(folder: Path, manifest: bytes) -> str:
    """Verify ``folder`` with ``manifest`` put into it, signed and pinned as if honest: only its content can fail."""
    try:
        claimed = json.loads(manifest)["subject"][0]["digest"]["sha256"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        claimed = "0" * 64
    key = b"k" * 32
    key_id = hashlib.sha256(key).hexdigest()[:16]
    signed = {
        "algorithm": verifier.ALGORITHM,
        "hmac": hmac.digest(key, manifest, "sha256").hex(),
        "key_id": key_id,
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "root_sha256": claimed,
    }
    metadata = folder / verifier.METADATA_FOLDER
    metadata.mkdir(exist_ok=True)
    (metadata / verifier.MANIFEST_NAME).write_bytes(manifest)
    (metadata / verifier.SIGNATURE_NAME).write_bytes(json.dumps(signed).encode())
    return verifier.verify(
        folder,
        root_sha256=str(claimed),
        manifest_sha256=signed["manifest_sha256"],
        key=key,
        key_id=key_id,
    )
