"""Checks ``model.sig``: a signature over the manifest that anyone with the public key can check, and nobody forge.

Travels into bundles as ``code/modelbuilder_public_signature.py``, beside the verifier, which imports it in this mode
only: standard library, Python 3.8. The file is an OpenSSF Model Signing bundle, which the ``model_signing`` tool reads
too: a Sigstore bundle (v0.3) with a DSSE envelope, whose payload is ``manifest.json`` byte for byte and whose one
signature is ECDSA on P-256 with SHA-256. There is no secret here, so plain integers do; they take some 6 ms.

Sources: DSSE v1.0.0 (protocol.md), FIPS 186-5 section 6.4.2 (verification), SP 800-186 section 3.2.1.3 (the curve),
RFC 5480 (keys), RFC 3279 section 2.2.3 (signatures).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Optional, Tuple

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
"""The prime of the field; the curve is y^2 = x^3 - 3x + B."""
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The number of points, a prime: every point but the one at infinity generates them all."""
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_PEM = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
_KEY_START = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""The DER of each uncompressed public key on P-256, up to the coordinates x and y of 32 bytes."""

Point = Optional[Tuple[int, int]]
"""Affine coordinates; None is the point at infinity."""


class SignatureError(ValueError):
    """A public key or a signature is not what it must be. The message says what and what to do."""


class PublicKey:
    """A public key of ECDSA on P-256.

    Args:
        text: PEM, or its base64 on one line.

    Raises:
        SignatureError: It is neither, of another kind or curve, or not on the curve.
    """

    def __init__(self, text: str) -> None:
        der = _key_bytes(text)
        x, y = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big")
        if x >= P or y >= P or (y * y - x * x * x + 3 * x - B) % P:
            raise SignatureError("the public key is no point of the curve P-256: it was changed or mistyped.")
        self.point = (x, y)
        self.line = base64.b64encode(der).decode("ascii")
        """The key as one line of base64, which is what a container gets."""

    @property
    def pem(self) -> str:
        """The key as a PEM file, in the form that every tool writes."""
        lines = [self.line[start : start + 64] for start in range(0, len(self.line), 64)]
        return "\n".join([_PEM[0], *lines, _PEM[1], ""])

    @property
    def key_id(self) -> str:
        """SHA-256 of the PEM file in hex: the hint in a signature that says which key made it."""
        return hashlib.sha256(self.pem.encode("ascii")).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (DER) over ``message`` was made with this key's private half."""
        numbers = _read_signature(signature)
        if numbers is None:
            return False
        r, s = numbers
        if not (0 < r < N and 0 < s < N):
            return False
        inverse = pow(s, -1, N)
        first = int.from_bytes(hashlib.sha256(message).digest(), "big") * inverse % N
        found = _sum_of_multiples(first, r * inverse % N, self.point)
        return found is not None and found[0] % N == r


def check_public_signature(signature: bytes, manifest: bytes, public_key: PublicKey) -> None:
    """Check that ``signature`` (the bytes of ``model.sig``) is of ``public_key`` over exactly ``manifest``.

    Raises:
        SignatureError: It is not.
    """
    value, key_id = _read_bundle(signature, manifest)
    if key_id != public_key.key_id:
        raise SignatureError(
            f"model.sig was made with the key {key_id}, but the public key given is {public_key.key_id}. Give the "
            "public key of the pair that signed the bundle, or build again with the right private key."
        )
    if not public_key.verifies(value, signed_bytes(manifest)):
        raise SignatureError(
            "the signature in model.sig does not fit manifest.json and the public key: it was changed after signing, "
            "or made by someone else. Build again, or restore the published artifact."
        )


def claimed_key_id(signature: bytes, manifest: bytes) -> str:
    """The id of the key that ``signature`` (the bytes of ``model.sig``) says it was made with; anyone can write that.

    Raises:
        SignatureError: It is no such file, or has another payload than ``manifest``.
    """
    return _read_bundle(signature, manifest)[1]


def signed_bytes(manifest: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of DSSE, which binds the payload's type and length."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode("ascii"), len(manifest), manifest)


def _read_bundle(data: bytes, manifest: bytes) -> tuple[bytes, str]:
    try:
        bundle = json.loads(data.decode("utf-8"))
        envelope = bundle["dsseEnvelope"]
        kind, payload_type, count = bundle["mediaType"], envelope["payloadType"], len(envelope["signatures"])
        key_id = bundle["verificationMaterial"]["publicKey"]["hint"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        value = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError):
        raise SignatureError(
            "model.sig is not an OpenSSF Model Signing bundle that was signed with a key: it was changed or cut short."
        ) from None
    if kind != MEDIA_TYPE or payload_type != PAYLOAD_TYPE or count != 1:
        raise SignatureError(
            f"model.sig is {kind!r} with {count} signatures over {payload_type!r}; needed is {MEDIA_TYPE!r} with one "
            f"over {PAYLOAD_TYPE!r}."
        )
    if payload != manifest:
        raise SignatureError("model.sig signs another manifest than manifest.json: one of them was replaced.")
    return value, str(key_id)


def _key_bytes(text: str) -> bytes:
    lines = text.strip()
    if lines.startswith(_PEM[0]) and lines.endswith(_PEM[1]):
        lines = "".join(lines[len(_PEM[0]) : -len(_PEM[1])].split())
    try:
        der = base64.b64decode(lines, validate=True)
    except (binascii.Error, ValueError):
        der = b""
    if len(der) != len(_KEY_START) + 64 or not der.startswith(_KEY_START):
        raise SignatureError(
            "this is no public key of ECDSA on P-256 (PEM, or its base64 on one line). Take the .pub file that "
            "`cdk-modelbuilder keys create-pair` made."
        )
    return der


def _read_signature(der: bytes) -> tuple[int, int] | None:
    # What is read must be written the same: that leaves one encoding for each pair of numbers, and no trailing byte.
    if len(der) < 8 or len(der) > 72:
        return None
    size = der[3]
    if 6 + size > len(der):
        return None
    r, s = int.from_bytes(der[4 : 4 + size], "big"), int.from_bytes(der[6 + size :], "big")
    return (r, s) if der == _write_signature(r, s) else None


def _write_signature(r: int, s: int) -> bytes:
    parts = b""
    for number in (r, s):
        content = number.to_bytes(number.bit_length() // 8 + 1, "big")  # a leading zero where it would be negative
        parts += bytes([2, len(content)]) + content
    return bytes([0x30, len(parts)]) + parts


def _sum_of_multiples(first: int, second: int, point: Point) -> Point:
    """``first`` times the generator plus ``second`` times ``point``, bit by bit for both at once."""
    addends = {(0, 0): None, (1, 0): G, (0, 1): point, (1, 1): _add(G, point)}
    total: Point = None
    for bit in reversed(range(max(first.bit_length(), second.bit_length()))):
        total = _add(total, total)
        total = _add(total, addends[first >> bit & 1, second >> bit & 1])
    return total


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    elif (y1 + y2) % P:
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, P)
    else:
        return None
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P
