"""Signs a manifest with the key of one bundle, made from the master key for that bundle alone.

``bundle key = HKDF-SHA256(master key, salt = root digest, info = "cdk-modelbuilder/bundle-key/v1")``: whoever reads
it from a container's environment can sign nothing but the content that is pinned beside it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import Manifest, read_manifest

BUNDLE_KEY_INFO = b"cdk-modelbuilder/bundle-key/v1"


@dataclass(frozen=True, slots=True, repr=False)
class BundleKey:
    """The HMAC key of one bundle. Its text form never shows the secret."""

    secret: bytes

    @classmethod
    def derive(cls, master_key: bytes, root_sha256: str) -> BundleKey:
        """The key for the bundle with this root digest (64 hex digits)."""
        return cls(hkdf_sha256(master_key, salt=bytes.fromhex(root_sha256), info=BUNDLE_KEY_INFO, length=32))

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the key."""
        return hashlib.sha256(self.secret).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"BundleKey(key_id={self.key_id!r})"


def hkdf_sha256(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    r"""RFC 5869 extract-and-expand with SHA-256; ``length`` in bytes, at most 8160.

    >>> hkdf_sha256(b"\x0b" * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42).hex()[:32]
    '3cb25f25faacd57a90434f64d0362f2a'
    """
    extracted = hmac.digest(salt, secret, "sha256")
    blocks = b""
    block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        blocks += block
    return blocks[:length]


def sign(manifest: Manifest, key: BundleKey) -> bytes:
    """The bytes of ``signature.json`` for ``manifest``."""
    fields = {
        "algorithm": verifier.ALGORITHM,
        "hmac": hmac.digest(key.secret, manifest.data, "sha256").hex(),
        "key_id": key.key_id,
        "manifest_sha256": manifest.sha256,
        "root_sha256": manifest.root_sha256,
    }
    return json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n"


def check_signature(manifest: bytes, signature: bytes, master_key: bytes) -> BundleKey:
    """Check ``signature`` over ``manifest`` with the key derived from ``master_key``, and return that key.

    Raises:
        IntegrityError: Signed with another master key, or changed since.
    """
    key = BundleKey.derive(master_key, read_manifest(manifest).root_sha256)
    try:
        fields = verifier.parse_json_object(signature, verifier.SIGNATURE_NAME)
        if fields.get("key_id") != key.key_id:
            raise IntegrityError(
                f"the bundle was signed with key {fields.get('key_id')}, but the master key in use gives "
                f"{key.key_id}: it was built with another master key.",
                remedy="Give that master key (MODELBUILDER_MASTER_KEY or the key file), or build the bundle again.",
            )
        verifier.check_signature(manifest, fields, key.secret, key.key_id)
    except verifier.IntegrityError as error:
        raise IntegrityError(str(error), remedy="Restore the bundle from version control.") from None
    return key
