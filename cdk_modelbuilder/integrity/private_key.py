"""The private half of a key pair (ECDSA on P-256), which signs bundles so that a public key verifies them.

It needs the package ``cryptography``, an extra: signing takes a secret, so it is no place for plain integers.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdk_modelbuilder.errors import KeyFileError, UsageError
from cdk_modelbuilder.integrity import public_signature
from cdk_modelbuilder.integrity.key_files import create_key_file, read_key_file
from cdk_modelbuilder.integrity.public_signature import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

PRIVATE_KEY_VARIABLE = "MODELBUILDER_PRIVATE_KEY"
PRIVATE_KEY_FILE_VARIABLE = "MODELBUILDER_PRIVATE_KEY_FILE"

_REMEDY = "Make a pair with: cdk-modelbuilder keys create-pair"


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A private key. Its text form shows where it was found, and nothing of it.

    Attributes:
        source: Where it was found.
        public: Its public half.
    """

    _key: EllipticCurvePrivateKey
    source: str
    public: PublicKey

    @classmethod
    def parse(cls, pem: str, source: str) -> PrivateKey:
        """The key in ``pem`` (PKCS 8 or SEC 1, not encrypted); ``source`` is for messages.

        Raises:
            KeyFileError: It is malformed, encrypted, or of another kind or curve.
            UsageError: ``cryptography`` is not installed.
        """
        _need_cryptography()
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except TypeError:
            raise KeyFileError(
                f"the private key in {source} is encrypted.", remedy=f"Give it without a password. {_REMEDY}"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyFileError(f"{source} does not hold a private key of ECDSA on P-256 in PEM.", remedy=_REMEDY)
        return cls(key, source, _public_half(key))

    def sign(self, manifest: bytes) -> bytes:
        """The bytes of ``model.sig`` for the bytes of a manifest; the same each time (RFC 6979).

        Raises:
            UsageError: The installed ``cryptography`` cannot sign so that the result is the same each time.
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        try:
            algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
            signature = self._key.sign(public_signature.signed_bytes(manifest), algorithm)
        except (TypeError, UnsupportedAlgorithm):
            raise UsageError(
                "the installed cryptography signs differently each time, and a bundle must not.",
                remedy="Run: pip install --upgrade 'cdk-modelbuilder[signing]'",
            ) from None
        bundle = {
            "dsseEnvelope": {
                "payload": base64.b64encode(manifest).decode(),
                "payloadType": public_signature.PAYLOAD_TYPE,
                "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
            },
            "mediaType": public_signature.MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": self.public.key_id}, "tlogEntries": []},
        }
        data = json.dumps(bundle, indent=2, sort_keys=True).encode() + b"\n"
        public_signature.check_public_signature(data, manifest, self.public)
        return data

    def __repr__(self) -> str:
        return f"PrivateKey(source={self.source!r}, key_id={self.public.key_id!r})"


def find_private_key(given: str | Path | None = None) -> PrivateKey | None:
    """The private key: ``given``, else the environment's, else the file that the environment names; None for none.

    Args:
        given: A PEM file's path, or its text.

    Raises:
        KeyFileError: A key was named but cannot be read, is malformed, or its file is open to others.
        UsageError: ``cryptography`` is not installed.
    """
    if given is not None:
        if isinstance(given, str) and "-----BEGIN" in given:
            return PrivateKey.parse(given, "the signing_private_key argument")
        return _read(Path(given))
    if text := os.environ.get(PRIVATE_KEY_VARIABLE):
        return PrivateKey.parse(text, PRIVATE_KEY_VARIABLE)
    if path := os.environ.get(PRIVATE_KEY_FILE_VARIABLE):
        return _read(Path(path))
    return None


def create_key_pair(path: Path) -> tuple[PrivateKey, Path]:
    """Make a new pair: the private key at ``path`` with mode 0600, the public one beside it with the suffix ``.pub``.

    Returns:
        The private key, and the path of the public one.

    Raises:
        KeyFileError: One of the files exists already, or the folder cannot be written.
        UsageError: ``path`` ends in ``.pub``, or ``cryptography`` is not installed.
    """
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    public_path = path.with_suffix(".pub")
    if public_path == path:
        raise UsageError(f"{path} is a name for the public key.", remedy=f"Name it {path.stem}.key.")
    if public_path.exists():
        raise KeyFileError(f"{public_path} exists already.", remedy="Name another file with --file, or move it away.")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    create_key_file(path, pem, what="private key", remedy="Name another place with --file.")
    made = PrivateKey(key, str(path), _public_half(key))
    try:
        public_path.write_text(made.public.pem, "ascii")
    except OSError as error:
        path.unlink()  # nothing is signed with it yet
        raise KeyFileError(
            f"the public key cannot be written to {public_path}: {error.strerror}.",
            remedy="Name another place with --file.",
        ) from None
    return made, public_path


def _read(path: Path) -> PrivateKey:
    return PrivateKey.parse(read_key_file(path, what="private key", variable=PRIVATE_KEY_VARIABLE), str(path))


def _public_half(key: EllipticCurvePrivateKey) -> PublicKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    encoded = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(encoded.decode())


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "signing with a private key needs cryptography, which is not installed.",
            remedy="Run: pip install 'cdk-modelbuilder[signing]'",
        ) from None
