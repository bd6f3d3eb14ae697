"""The check with a public key: what it takes, and every malformed or forged thing that it does not."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.integrity.public_signature import (
    MEDIA_TYPE,
    PAYLOAD_TYPE,
    B,
    G,
    N,
    P,
    PublicKey,
    SignatureError,
    check_public_signature,
    claimed_key_id,
    signed_bytes,
)

from .key_pairs import private_key, private_pem, spki

MANIFEST = b'{"what": "a manifest \xc3\xa9"}\n'
MESSAGE = b"message"
SECRETS = st.one_of(st.integers(1, N - 1), st.sampled_from([1, 2, 3, N - 1, N - 2, N // 2, N // 2 + 1]))


def sign(secret: int, message: bytes) -> bytes:
    return ec.derive_private_key(secret, ec.SECP256R1()).sign(
        message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    )


def public(secret: int) -> PublicKey:
    return PublicKey(spki(ec.derive_private_key(secret, ec.SECP256R1())))


def reference_accepts(key: PublicKey, signature: bytes, message: bytes) -> bool:
    loaded = serialization.load_pem_public_key(key.pem.encode())
    try:
        loaded.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def with_nonce(secret: int, nonce: int, message: bytes) -> tuple[int, int]:
    """A signature with a nonce of one's choice, which is how an odd one can be made to order."""
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % N
    e = int.from_bytes(hashlib.sha256(message).digest(), "big")
    return r, pow(nonce, -1, N) * (e + r * secret) % N


def test_the_curve_is_p_256():
    numbers = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_numbers()
    assert (numbers.x, numbers.y) == G
    assert (G[1] ** 2 - G[0] ** 3 + 3 * G[0] - B) % P == 0
    back = ec.derive_private_key(N - 1, ec.SECP256R1()).public_key().public_numbers()
    assert (back.x, back.y) == (G[0], P - G[1])  # so N is the order


RFC_6979 = [  # appendix A.2.5: message, r, s of P-256 with SHA-256
    (
        b"sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        b"test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
]
RFC_6979_SECRET = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721


@pytest.mark.parametrize(("message", "r", "s"), RFC_6979)
def test_published_vectors(message, r, s):
    key = public(RFC_6979_SECRET)
    assert key.point[0] == 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
    assert key.verifies(encode_dss_signature(int(r, 16), int(s, 16)), message)
    assert not key.verifies(encode_dss_signature(int(s, 16), int(r, 16)), message)


@given(SECRETS, st.binary(max_size=100))
@settings(max_examples=60, deadline=None)
def test_every_valid_signature_is_accepted(secret, message):
    key, signature = public(secret), sign(secret, message)
    assert key.verifies(signature, message)
    r, s = decode_dss_signature(signature)
    assert key.verifies(encode_dss_signature(r, N - s), message)  # the other of the two; nothing here names a signature


@given(SECRETS, st.binary(max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_any_flipped_bit_is_refused(secret, message, data):
    key, signature = public(secret), bytearray(sign(secret, message))
    signature[data.draw(st.integers(0, len(signature) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not key.verifies(bytes(signature), message)


@given(SECRETS, st.binary(min_size=1, max_size=40), st.data())
@settings(max_examples=40, deadline=None)
def test_any_flipped_bit_of_the_message_is_refused(secret, message, data):
    changed = bytearray(message)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not public(secret).verifies(sign(secret, message), bytes(changed))


@given(SECRETS, SECRETS)
@settings(max_examples=40, deadline=None)
def test_another_key_is_refused(secret, other):
    accepted = public(other).verifies(sign(secret, MESSAGE), MESSAGE)
    assert accepted == (secret == other)


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_as_the_reference_refuses_them(data):
    key = public(7)
    assert key.verifies(data, MESSAGE) is reference_accepts(key, data, MESSAGE) is False


@given(st.integers(1, N - 1), st.integers(1, N - 1))
@settings(max_examples=60, deadline=None)
def test_any_two_numbers_are_judged_as_the_reference_judges_them(r, s):
    key, signature = public(7), encode_dss_signature(r, s)
    assert key.verifies(signature, MESSAGE) == reference_accepts(key, signature, MESSAGE)


OUT_OF_RANGE = [0, N, N + 1, 2 * N, P, 2**256 - 1, 2**256, 2**264]


@pytest.mark.parametrize("number", OUT_OF_RANGE)
@pytest.mark.parametrize("place", ["r", "s", "both"])
def test_numbers_out_of_range(number, place):
    r, s = decode_dss_signature(sign(7, MESSAGE))
    numbers = (number if place != "s" else r, number if place != "r" else s)
    assert not public(7).verifies(encode_dss_signature(*numbers), MESSAGE)


@pytest.mark.parametrize("place", [0, 1])
def test_numbers_that_are_right_but_for_a_multiple_of_the_order(place):
    numbers = list(decode_dss_signature(sign(7, MESSAGE)))
    numbers[place] += N
    assert not public(7).verifies(encode_dss_signature(*numbers), MESSAGE)


def test_a_sum_that_is_the_point_at_infinity():
    e = int.from_bytes(hashlib.sha256(MESSAGE).digest(), "big")
    r = (N - e * pow(7, -1, N)) % N  # e + r * 7 = 0
    assert not public(7).verifies(encode_dss_signature(r, 1), MESSAGE)


@pytest.mark.parametrize("secret", [1, 2, N - 1, N - 2])
@pytest.mark.parametrize("nonce", [1, 2, 3, N - 1, N - 2, 2**128])
def test_sums_that_double_or_cancel_on_their_way(secret, nonce):
    # The generator itself and its opposite as the public key: adding meets equal and opposite points.
    signature = encode_dss_signature(*with_nonce(secret, nonce, MESSAGE))
    assert public(secret).verifies(signature, MESSAGE)
    assert not public(secret).verifies(signature, MESSAGE + b"!")


def integer(number: int, *, pad: int = 0) -> bytes:
    content = b"\0" * pad + number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([2, len(content)]) + content


def malformed(r: int, s: int) -> dict[str, bytes]:
    """Other spellings of a valid signature, as Wycheproof's tests have them."""
    body, good = integer(r) + integer(s), encode_dss_signature(r, s)
    unsigned = r.to_bytes(32, "big")
    return {
        "empty": b"",
        "trailing byte": good + b"\0",
        "trailing byte inside": bytes([0x30, len(body) + 1]) + body + b"\0",
        "trailing value": bytes([0x30, len(body) + 2]) + body + b"\x05\x00",
        "cut short": good[:-1],
        "length too long": bytes([0x30, len(body) + 1]) + body,
        "length too short": bytes([0x30, len(body) - 1]) + body,
        "long form of the length": bytes([0x30, 0x81, len(body)]) + body,
        "long form of the length, padded": bytes([0x30, 0x82, 0, len(body)]) + body,
        "indefinite length": b"\x30\x80" + body + b"\0\0",
        "long form inside": bytes([0x30, len(body) + 1, 2, 0x81]) + body[1:],
        "padded r": b"\x30" + bytes([len(body) + 1]) + integer(r, pad=1) + integer(s),
        "padded s": b"\x30" + bytes([len(body) + 1]) + integer(r) + integer(s, pad=1),
        "r without its sign": bytes([0x30, 34 + len(integer(s)), 2, 32]) + unsigned + integer(s),
        "set": b"\x31" + good[1:],
        "octet string": good[:2] + b"\x04" + good[3:],
        "one number": bytes([0x30, len(integer(r))]) + integer(r),
        "three numbers": bytes([0x30, len(body) + 3]) + body + integer(1),
        "empty number": bytes([0x30, 2 + len(integer(s))]) + b"\x02\x00" + integer(s),
        "raw": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "base64": base64.b64encode(good),
    }


HIGH = next(pair for pair in (with_nonce(7, nonce, MESSAGE) for nonce in range(2, 99)) if min(pair) >= 2**255)


@pytest.mark.parametrize("name", malformed(*HIGH))
def test_other_spellings_of_a_valid_signature(name):
    assert public(7).verifies(encode_dss_signature(*HIGH), MESSAGE)
    assert not public(7).verifies(malformed(*HIGH)[name], MESSAGE)


def der_key(x: int, y: int) -> str:
    start = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    return base64.b64encode(start + x.to_bytes(32, "big") + y.to_bytes(32, "big")).decode()


def test_a_key_is_read_as_pem_and_as_one_line():
    pem = spki(ec.derive_private_key(7, ec.SECP256R1()))
    key = PublicKey(pem)
    assert key.pem == pem
    assert PublicKey(key.line).point == PublicKey(f"\n{pem}\n\n").point == PublicKey(pem.replace("\n", "\r\n")).point
    assert "\n" not in key.line
    assert len(key.line) == 124
    assert key.key_id == hashlib.sha256(pem.encode()).hexdigest()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (G[0], G[1] + 1),
        (G[0] + 1, G[1]),
        (0, 0),
        (1, 1),
        (G[0], 0),
        (P + 5, pow(5**3 - 15 + B, (P + 1) // 4, P)),  # the right point, but for a multiple of the field's prime
        (2**256 - 1, 2**256 - 1),
    ],
)
def test_points_that_are_not_on_the_curve(x, y):
    with pytest.raises(SignatureError, match="no point of the curve"):
        PublicKey(der_key(x, y))


def test_the_point_with_x_5_is_on_the_curve():  # so that its case above fails for its size alone
    PublicKey(der_key(5, pow(5**3 - 15 + B, (P + 1) // 4, P)))


OTHER_KEYS = {
    "P-384": lambda: spki(ec.derive_private_key(7, ec.SECP384R1())),
    "secp256k1": lambda: spki(ec.derive_private_key(7, ec.SECP256K1())),
    "RSA": lambda: spki(rsa.generate_private_key(65537, 1024)),
    "Ed25519": lambda: spki(ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32)),
    "compressed": lambda: spki(ec.derive_private_key(7, ec.SECP256R1()), compressed=True),
    "private": private_pem,
    "nothing": lambda: "",
    "text": lambda: "release.pub",
    "not ASCII": lambda: "é" * 124,
    "a byte more": lambda: base64.b64encode(base64.b64decode(public(7).line) + b"\0").decode(),
    "a byte less": lambda: base64.b64encode(base64.b64decode(public(7).line)[:-1]).decode(),
    "no end": lambda: public(7).pem.replace("-----END PUBLIC KEY-----", ""),
    "spaces inside": lambda: public(7).line[:60] + " " + public(7).line[60:],
    "hybrid point": lambda: base64.b64encode(base64.b64decode(public(7).line).replace(b"B\0\x04", b"B\0\x06")).decode(),
}


@pytest.mark.parametrize("name", OTHER_KEYS)
def test_what_is_no_such_key(name):
    with pytest.raises(SignatureError, match="no public key of ECDSA on P-256") as caught:
        PublicKey(OTHER_KEYS[name]())
    assert "PRIVATE" not in str(caught.value)


def test_a_signature_is_the_same_each_time_and_of_the_manifest_s_own_bytes():
    first = private_key().sign(MANIFEST)
    assert private_key().sign(MANIFEST) == first
    assert first.endswith(b"}\n")
    bundle = json.loads(first)
    assert base64.b64decode(bundle["dsseEnvelope"]["payload"]) == MANIFEST
    assert bundle["mediaType"] == MEDIA_TYPE
    check_public_signature(first, MANIFEST, private_key().public)
    assert claimed_key_id(first, MANIFEST) == private_key().public.key_id


def test_what_is_signed_is_the_encoding_of_dsse():
    assert signed_bytes(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def essence(data: bytes) -> object:
    bundle = json.loads(data)
    envelope = bundle["dsseEnvelope"]
    return (
        base64.b64decode(envelope["payload"]),
        [base64.b64decode(one["sig"]) for one in envelope["signatures"]],
        envelope["payloadType"],
        bundle["mediaType"],
        bundle["verificationMaterial"]["publicKey"]["hint"],
    )


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_file_says_the_same_or_is_refused(data):
    original = private_key().sign(MANIFEST)
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        check_public_signature(bytes(changed), MANIFEST, private_key().public)
    except SignatureError:
        return
    assert essence(bytes(changed)) == essence(original)  # white space, or a field that nothing reads


def changed(**envelope: object) -> bytes:
    bundle = json.loads(private_key().sign(MANIFEST))
    bundle["dsseEnvelope"].update(envelope)
    return json.dumps(bundle).encode()


GOOD_SIGNATURE = json.loads(private_key().sign(MANIFEST))["dsseEnvelope"]["signatures"][0]
ODD_FILES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a long number": b"1" * 10_000,
    "no signature": changed(signatures=[]),
    "signatures are text": changed(signatures="text"),
    "two signatures": changed(signatures=[GOOD_SIGNATURE, GOOD_SIGNATURE]),
    "no payload": changed(payload=None),
    "payload is no base64": changed(payload="*" * 8),
    "payload is not ASCII": changed(payload="é" * 8),
    "payload with a line break": changed(payload=base64.encodebytes(MANIFEST).decode()),
    "another type": changed(payloadType="text/plain"),
    "another payload": changed(payload=base64.b64encode(b"{}").decode()),
    "no number": changed(signatures=[{"sig": ""}]),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_files_that_are_no_such_signature(name):
    with pytest.raises(SignatureError, match=r"model\.sig"):
        check_public_signature(ODD_FILES[name], MANIFEST, private_key().public)


FIELDS = st.sampled_from(
    [
        *("dsseEnvelope", "mediaType", "payload", "payloadType", "signatures", "sig", "verificationMaterial"),
        *("publicKey", "hint"),
    ]
)
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_any_json_gives_a_signature_error(value):
    with pytest.raises(SignatureError):
        check_public_signature(json.dumps(value).encode(), MANIFEST, private_key().public)


def test_another_media_type_is_named():
    bundle = {**json.loads(private_key().sign(MANIFEST)), "mediaType": "application/json"}
    with pytest.raises(SignatureError, match="application/json"):
        check_public_signature(json.dumps(bundle).encode(), MANIFEST, private_key().public)


def test_another_key_is_named_and_a_claim_to_be_it_does_not_help():
    other = private_key(12345)
    data = other.sign(MANIFEST)
    with pytest.raises(SignatureError, match=f"made with the key {other.public.key_id}"):
        check_public_signature(data, MANIFEST, private_key().public)
    bundle = json.loads(data)
    bundle["verificationMaterial"]["publicKey"]["hint"] = private_key().public.key_id
    with pytest.raises(SignatureError, match="does not fit"):
        check_public_signature(json.dumps(bundle).encode(), MANIFEST, private_key().public)


def test_another_payload_type_under_a_valid_signature_is_refused():
    message = b"DSSEv1 10 text/plain %d %s" % (len(MANIFEST), MANIFEST)
    key = ec.derive_private_key(0xA11CE, ec.SECP256R1())
    value = base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()
    with pytest.raises(SignatureError, match="text/plain"):
        check_public_signature(
            changed(payloadType="text/plain", signatures=[{"sig": value}]), MANIFEST, private_key().public
        )
    assert PAYLOAD_TYPE != "text/plain"
