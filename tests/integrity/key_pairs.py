"""Key pairs for the tests of this folder. Every key is made up here."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.private_key import PrivateKey
from cdk_modelbuilder.integrity.public_signature import PublicKey

from .signed import Signed


@functools.cache
def private_pem(number: int = 0xA11CE) -> str:
    """A private key on P-256 with this number, as PEM."""
    key = ec.derive_private_key(number, ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def private_key(number: int = 0xA11CE) -> PrivateKey:
    return PrivateKey.parse(private_pem(number), "the test")


def spki(key: object, *, compressed: bool = False) -> str:
    """The public half of any key as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    if compressed:
        points = serialization.PublicFormat.CompressedPoint
        encoded = key.public_key().public_bytes(serialization.Encoding.X962, points)
        der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + encoded
        return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def sign_publicly(signed: Signed, key: PrivateKey | None = None) -> PublicKey:
    """Add a public signature to the signed folder; returns the key that verifies it."""
    key = key or private_key()
    place = Path(signed.folder) / verifier.METADATA_FOLDER / verifier.PUBLIC_SIGNATURE_NAME
    place.write_bytes(key.sign(signed.manifest.data))
    return key.public


def public_environment(signed: Signed, key: PublicKey) -> dict[str, str]:
    """What a container is given in this mode."""
    return {
        verifier.PUBLIC_KEY_VARIABLE: key.line,
        verifier.ROOT_VARIABLE: signed.manifest.root_sha256,
        verifier.MANIFEST_VARIABLE: signed.manifest.sha256,
    }
