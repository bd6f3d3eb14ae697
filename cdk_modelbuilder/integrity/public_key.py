"""Reads a public key that the user names: a file, its text, or its one line of base64."""

from __future__ import annotations

from pathlib import Path

from cdk_modelbuilder.errors import IntegrityError, KeyFileError
from cdk_modelbuilder.integrity.public_signature import (
    PublicKey,
    SignatureError,
    check_public_signature,
    claimed_key_id,
)

_LINE_LENGTH = 124
"""Characters of base64 in every public key on P-256."""


def read_public_key(key: str | Path) -> PublicKey:
    """The public key in ``key``.

    Args:
        key: A PEM file's path, its text, or its base64 on one line.

    Raises:
        KeyFileError: No such file, or it holds no public key of ECDSA on P-256.
    """
    place, text = _text_of(key)
    try:
        return PublicKey(text)
    except SignatureError as error:
        raise KeyFileError(f"{place}:", remedy=str(error)) from None


def check_signed_by(key: PublicKey, signature: bytes, manifest: bytes) -> None:
    """Check that ``signature`` (the bytes of ``model.sig``) is of ``key`` over exactly ``manifest``.

    Raises:
        IntegrityError: It is not.
    """
    try:
        check_public_signature(signature, manifest, key)
    except SignatureError as error:
        raise IntegrityError("the public signature does not hold:", remedy=str(error)) from None


def signer_of(signature: bytes, manifest: bytes) -> str:
    """The id of the key that ``signature`` (the bytes of ``model.sig``) says it was made with; not checked with any.

    Raises:
        IntegrityError: It is no such file, or signs another manifest.
    """
    try:
        return claimed_key_id(signature, manifest)
    except SignatureError as error:
        raise IntegrityError(str(error), remedy="Restore the bundle from version control, or build again.") from None


def _text_of(key: str | Path) -> tuple[str, str]:
    if isinstance(key, str) and ("-----BEGIN" in key or len(key.strip()) == _LINE_LENGTH):
        return "the public key given", key
    try:
        return f"the public key in {key}", Path(key).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            f"the public key in {key} cannot be read: {error}.",
            remedy="Name the .pub file that `cdk-modelbuilder keys create-pair` made.",
        ) from None
