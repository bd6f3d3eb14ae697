"""The private half of a pair: where it comes from, what is refused, and that it never shows."""

from __future__ import annotations

import stat
import sys

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from cdk_modelbuilder.errors import IntegrityError, KeyFileError, UsageError
from cdk_modelbuilder.integrity.private_key import (
    PRIVATE_KEY_FILE_VARIABLE,
    PRIVATE_KEY_VARIABLE,
    create_key_pair,
    find_private_key,
)
from cdk_modelbuilder.integrity.public_key import check_signed_by, read_public_key, signer_of

from .key_pairs import private_key, private_pem


def pem_of(key, *, password: bytes | None = None, form=serialization.PrivateFormat.PKCS8) -> str:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, how).decode()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "release.key"
    path.write_text(private_pem())
    path.chmod(0o600)
    return path


def test_a_pair_signs_and_verifies(tmp_path):
    made, public_path = create_key_pair(tmp_path / "deep" / "release.key")
    path = tmp_path / "deep" / "release.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert public_path == path.with_suffix(".pub")
    found = find_private_key(path)
    assert found.public.line == made.public.line == read_public_key(public_path).line
    check_signed_by(read_public_key(str(public_path)), found.sign(b"{}"), b"{}")
    assert "PRIVATE" not in public_path.read_text()


def test_pairs_differ_and_nothing_is_written_over(tmp_path):
    one, _ = create_key_pair(tmp_path / "one.key")
    other, _ = create_key_pair(tmp_path / "other.key")
    assert one.public.key_id != other.public.key_id
    before = (tmp_path / "one.key").read_bytes()
    with pytest.raises(KeyFileError, match=r"one\.pub exists already"):
        create_key_pair(tmp_path / "one.key")
    (tmp_path / "one.pub").unlink()
    with pytest.raises(KeyFileError, match="holds a private key already"):
        create_key_pair(tmp_path / "one.key")
    assert (tmp_path / "one.key").read_bytes() == before
    assert not (tmp_path / "one.pub").exists()
    with pytest.raises(UsageError, match="is a name for the public key"):
        create_key_pair(tmp_path / "two.pub")


def test_a_pair_is_whole_or_not_at_all(tmp_path, monkeypatch):
    real = type(tmp_path).write_text

    def full_disk(path, *arguments, **options):
        if path.suffix == ".pub":
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(type(tmp_path), "write_text", full_disk)
    with pytest.raises(KeyFileError, match="No space left"):
        create_key_pair(tmp_path / "release.key")
    assert not list(tmp_path.iterdir())


def test_the_argument_wins_over_the_environment_and_the_text_over_the_file(key_file, monkeypatch):
    monkeypatch.delenv(PRIVATE_KEY_VARIABLE, raising=False)
    monkeypatch.delenv(PRIVATE_KEY_FILE_VARIABLE, raising=False)
    assert find_private_key() is None
    monkeypatch.setenv(PRIVATE_KEY_FILE_VARIABLE, str(key_file))
    assert find_private_key().source == str(key_file)
    monkeypatch.setenv(PRIVATE_KEY_VARIABLE, private_pem(2))
    assert find_private_key().public.key_id == private_key(2).public.key_id
    assert find_private_key(private_pem(3)).public.key_id == private_key(3).public.key_id
    assert find_private_key(key_file).public.key_id == private_key().public.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others_is_refused(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        find_private_key(key_file)
    assert "PRIVATE" not in str(caught.value)


P256 = ec.derive_private_key(7, ec.SECP256R1())
OTHER_TEXTS = {
    "P-384": lambda: pem_of(ec.derive_private_key(7, ec.SECP384R1())),
    "secp256k1": lambda: pem_of(ec.derive_private_key(7, ec.SECP256K1())),
    "RSA": lambda: pem_of(rsa.generate_private_key(65537, 1024)),
    "Ed25519": lambda: pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32)),
    "public": lambda: private_key().public.pem,
    "cut": lambda: private_pem()[:-40],
    "other": lambda: "-----BEGIN NOTHING-----",
}


@pytest.mark.parametrize("name", OTHER_TEXTS)
def test_what_is_no_such_key_is_refused_and_not_repeated(name):
    with pytest.raises(KeyFileError, match="does not hold a private key of ECDSA on P-256") as caught:
        find_private_key(OTHER_TEXTS[name]())
    assert "BEGIN" not in str(caught.value)
    assert "keys create-pair" in caught.value.remedy


def test_an_encrypted_key_is_told_as_such():
    with pytest.raises(KeyFileError, match="is encrypted"):
        find_private_key(pem_of(P256, password=b"secret"))


def test_the_older_form_of_openssl_is_read_too():
    text = pem_of(P256, form=serialization.PrivateFormat.TraditionalOpenSSL)
    assert "BEGIN EC PRIVATE KEY" in text
    assert find_private_key(text).public.key_id == private_key(7).public.key_id


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(KeyFileError, match=r"nowhere\.key cannot be read"):
        find_private_key(tmp_path / "nowhere.key")
    with pytest.raises(KeyFileError, match=PRIVATE_KEY_VARIABLE):
        find_private_key("nowhere.key")


def test_no_text_form_shows_the_key():
    key = private_key(0xC0FFEE)
    text = f"{key!r} {key}"
    assert key.public.key_id in text
    assert "c0ffee" not in text.lower()
    assert "12648430" not in text
    assert "0x" not in text


def test_without_cryptography_it_says_how_to_get_it(monkeypatch, key_file, tmp_path):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for make in (lambda: find_private_key(key_file), lambda: create_key_pair(tmp_path / "new.key")):
        with pytest.raises(UsageError, match=r"cdk-modelbuilder\[signing\]"):
            make()
    assert not (tmp_path / "new.key").exists()


@pytest.mark.parametrize("error", [TypeError, UnsupportedAlgorithm])
def test_a_cryptography_that_signs_differently_each_time_is_refused(monkeypatch, error):
    def ecdsa(*_, **options):
        assert options == {"deterministic_signing": True}
        raise error("too old")

    monkeypatch.setattr(ec, "ECDSA", ecdsa)
    with pytest.raises(UsageError, match="signs differently each time"):
        private_key().sign(b"{}")


def test_errors_of_the_public_side_have_a_remedy(tmp_path):
    (tmp_path / "bad.pub").write_text("nothing")
    (tmp_path / "bytes.pub").write_bytes(b"\xff\xfe")
    for given in (tmp_path / "bad.pub", tmp_path / "bytes.pub", tmp_path / "none.pub", private_pem(), "A" * 124):
        with pytest.raises(KeyFileError) as caught:
            read_public_key(given)
        assert caught.value.remedy
        assert "PRIVATE" not in str(caught.value)
    data = private_key().sign(b"{}")
    with pytest.raises(IntegrityError, match="was made with the key"):
        check_signed_by(private_key(2).public, data, b"{}")
    with pytest.raises(IntegrityError, match="another manifest"):
        signer_of(data, b"[]")
    assert signer_of(data, b"{}") == private_key().public.key_id
