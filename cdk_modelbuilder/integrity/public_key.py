"""Reads a public key for signatures: ECDSA on P-256, as a PEM file, its text, or the one line that containers get."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from cdk_modelbuilder.errors import KeyFileError

_START, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04")
"""The DER of every uncompressed P-256 SubjectPublicKeyInfo (RFC 5480) up to the point's two coordinates."""


def read_public_key(key: str | Path) -> str:
    """One line of base64: the DER SubjectPublicKeyInfo of ``key``.

    Args:
        key: A PEM file's path, its text, or that line.

    Raises:
        KeyFileError: No such file, or it holds no public key of ECDSA P-256.
    """
    place, text = _text_of(key)
    try:
        der = base64.b64decode("".join(text.replace(_START, "").replace(_END, "").split()), validate=True)
    except (binascii.Error, ValueError):
        der = b""
    if len(der) != 91 or not der.startswith(_SPKI):
        raise KeyFileError(
            f"{place} does not hold a public key of ECDSA P-256.",
            remedy="Give the .pub file that `cdk-modelbuilder keys create-pair` made.",
        )
    return base64.b64encode(der).decode()


def _text_of(key: str | Path) -> tuple[str, str]:
    if isinstance(key, str) and (_START in key or "PRIVATE KEY" in key or len(key.strip()) == 124):
        return "the given text", key
    path = Path(key)
    try:
        return str(path), path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            f"the public key in {path} cannot be read: {error}.",
            remedy="Give the .pub file that `cdk-modelbuilder keys create-pair` made.",
        ) from None
