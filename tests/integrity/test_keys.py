"""Key derivation against published vectors, and where the master key comes from."""

from __future__ import annotations

import hashlib
import hmac
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import IntegrityError, KeyFileError
from cdk_modelbuilder.integrity.keys import (
    MASTER_KEY_FILE_VARIABLE,
    MASTER_KEY_VARIABLE,
    create_master_key,
    find_master_key,
)
from cdk_modelbuilder.integrity.signature import BUNDLE_KEY_INFO, BundleKey, check_signature, hkdf_sha256, sign

from .signed import DEMO, MASTER, seal, write_files

RFC_5869 = [  # secret, salt, info, length, output
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8"
            "367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    ),
    ("0b" * 22, "", "", 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
]


@pytest.mark.parametrize(("secret", "salt", "info", "length", "output"), RFC_5869)
def test_hkdf_gives_the_vectors_of_rfc_5869(secret, salt, info, length, output):
    made = hkdf_sha256(bytes.fromhex(secret), salt=bytes.fromhex(salt), info=bytes.fromhex(info), length=length)
    assert made.hex() == output


def test_bundle_key_is_hkdf_of_master_key_and_root_digest():
    root = "ab" * 32
    extracted = hmac.new(bytes.fromhex(root), MASTER, hashlib.sha256).digest()
    expected = hmac.new(extracted, b"cdk-modelbuilder/bundle-key/v1\x01", hashlib.sha256).digest()
    key = BundleKey.derive(MASTER, root)
    assert BUNDLE_KEY_INFO == b"cdk-modelbuilder/bundle-key/v1"
    assert key.secret == expected
    assert key.key_id == hashlib.sha256(expected).hexdigest()[:16]


def test_every_bundle_has_a_key_of_its_own():
    keys = {BundleKey.derive(master, root * 64).key_id for master in (MASTER, bytes(32)) for root in "0123"}
    assert len(keys) == 8


@given(st.binary(min_size=32, max_size=32))
def test_no_text_form_shows_the_secret(secret):
    key = BundleKey(secret)
    assert secret.hex() not in f"{key!r} {key}"
    assert key.key_id in repr(key)
    master = find_master_key(secret, create=False)
    assert secret.hex() not in repr(master)
    assert repr(secret) not in repr(master)


def test_a_signature_fits_its_master_key_only(tmp_path):
    signed = seal(write_files(tmp_path, DEMO))
    data = (tmp_path / ".modelbuilder" / "signature.json").read_bytes()
    assert check_signature(signed.manifest.data, data, MASTER).secret == signed.key
    with pytest.raises(IntegrityError, match="another master key"):
        check_signature(signed.manifest.data, data, bytes(32))


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"\xff", b"null"])
def test_a_damaged_signature_or_manifest_is_an_integrity_error(tmp_path, damage):
    signed = seal(write_files(tmp_path, DEMO))
    good = sign(signed.manifest, BundleKey(signed.key))
    with pytest.raises(IntegrityError, match=r"signature\.json"):
        check_signature(signed.manifest.data, damage, MASTER)
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        check_signature(damage, good, MASTER)


def test_the_argument_wins_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    path = tmp_path / "master.key"
    monkeypatch.setenv(MASTER_KEY_FILE_VARIABLE, str(path))
    monkeypatch.delenv(MASTER_KEY_VARIABLE, raising=False)
    assert find_master_key(create=False) is None
    assert not path.exists()
    made = find_master_key(create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert find_master_key(create=True) == made
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "11" * 32)
    assert find_master_key(create=False).secret == b"\x11" * 32
    assert find_master_key("22" * 32, create=False).secret == b"\x22" * 32
    assert find_master_key(b"3" * 32, create=False).secret == b"3" * 32


def test_a_new_key_is_announced_and_never_written_over(tmp_path, caplog):
    path = tmp_path / "deep" / "master.key"
    with caplog.at_level(logging.WARNING):
        made = create_master_key(path)
    assert str(path) in caplog.text
    assert made.secret.hex() not in caplog.text
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(KeyFileError, match="holds a master key already"):
        create_master_key(path)
    assert path.read_text().strip() == made.secret.hex()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_open_to_others_is_refused(monkeypatch, tmp_path, mode):
    path = tmp_path / "master.key"
    path.write_text("11" * 32)
    path.chmod(mode)
    monkeypatch.setenv(MASTER_KEY_FILE_VARIABLE, str(path))
    monkeypatch.delenv(MASTER_KEY_VARIABLE, raising=False)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        find_master_key(create=True)
    assert "11" * 32 not in str(caught.value)


@pytest.mark.parametrize("text", ["", "11" * 31, "11" * 33, "zz" * 32, "é" * 64, b"x" * 31, b""])
def test_a_malformed_key_is_refused_and_not_repeated(text):
    with pytest.raises(KeyFileError) as caught:
        find_master_key(text, create=True)
    assert caught.value.remedy
    if text:
        assert str(text) not in str(caught.value)


def test_a_key_file_of_bytes_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "master.key"
    path.write_bytes(b"\xff\xfe" * 32)
    path.chmod(0o600)
    monkeypatch.setenv(MASTER_KEY_FILE_VARIABLE, str(path))
    monkeypatch.delenv(MASTER_KEY_VARIABLE, raising=False)
    with pytest.raises(KeyFileError, match="cannot be read"):
        find_master_key(create=True)


def test_a_key_file_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match=MASTER_KEY_VARIABLE):
        create_master_key(tmp_path / "file" / "master.key")
