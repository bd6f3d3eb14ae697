"""What the verifier lets through, and every way of tampering that it does not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.integrity import manifest as manifests
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.verifier import IntegrityError, verify_from_environment

from .signed import DEMO, Signed, seal, statement, verify_forged, write_files

SLOW_DISK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHARD = 8

# Names as people give them, and as they do not: no control character, no ':', no backslash, no surrogate.
PARTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\:"), min_size=1, max_size=12
).filter(lambda part: part not in (".", "..", ".modelbuilder") and len(part.encode()) < 100)
CONTENT = st.one_of(
    st.binary(max_size=3 * SHARD + 1),
    st.sampled_from([0, SHARD - 1, SHARD, SHARD + 1, 2 * SHARD, 3 * SHARD]).map(lambda size: b"\xa5" * size),
)


@st.composite
def trees(draw, min_size=0):
    """Files of a folder: no name is both a file and a folder."""
    paths = draw(st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=min_size, max_size=6))
    kept: dict[str, bytes] = {}
    for path in paths:
        if not any(path == other or path.startswith(other + "/") or other.startswith(path + "/") for other in kept):
            kept[path] = draw(CONTENT)
    return kept


@pytest.fixture
def signed(tmp_path) -> Signed:
    return seal(write_files(tmp_path / "model", DEMO))


@given(trees(), st.sampled_from([SHARD, 1 << 25]))
@SLOW_DISK
def test_any_tree_verifies_as_it_was_signed(files, shard_size):
    with TemporaryDirectory() as place, patch.object(manifests, "SHARD_SIZE", shard_size):
        signed = seal(write_files(Path(place), files))
        assert signed.verify() == signed.manifest.root_sha256
        assert set(signed.manifest.files) == set(files)


def flip(folder, name, others):
    data = bytearray((folder / name).read_bytes() or b"\0")
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)


def truncate(folder, name, others):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:-1] if data else b"x")


def append(folder, name, others):
    with (folder / name).open("ab") as handle:
        handle.write(b"\0")


def remove(folder, name, others):
    (folder / name).unlink()


def rename(folder, name, others):
    (folder / name).rename(folder / (name + "~"))


def add(folder, name, others):
    (folder / (name + "~")).write_bytes(b"")


def link_instead(folder, name, others):
    real = folder.parent / "outside"
    (folder / name).rename(real)
    (folder / name).symlink_to(real)


def pipe_instead(folder, name, others):
    (folder / name).unlink()
    os.mkfifo(folder / name)


def folder_instead(folder, name, others):
    (folder / name).unlink()
    (folder / name).mkdir()


def add_link_to_folder(folder, name, others):
    (folder / (name + "~")).symlink_to(folder.parent, target_is_directory=True)


def swap(folder, name, others):
    other = next(path for path in others if (folder / path).read_bytes() != (folder / name).read_bytes())
    first, second = (folder / name).read_bytes(), (folder / other).read_bytes()
    (folder / name).write_bytes(second)
    (folder / other).write_bytes(first)


MUTATIONS = [
    flip, truncate, append, remove, rename, add, link_instead, pipe_instead, folder_instead, add_link_to_folder, swap
]  # fmt: skip


@given(trees(min_size=1), st.sampled_from(MUTATIONS), st.sampled_from([SHARD, 1 << 25]), st.data())
@settings(SLOW_DISK, max_examples=100)
def test_any_single_change_is_found_and_named(files, mutate, shard_size, data):
    files = files or {"a": b""}
    files["twin"] = b"not like any other \xff"
    name = data.draw(st.sampled_from(sorted(files)))
    with TemporaryDirectory() as place, patch.object(manifests, "SHARD_SIZE", shard_size):
        folder = Path(place) / "model"
        signed = seal(write_files(folder, files))
        others = [path for path in files if path != name]
        mutate(folder, name, others)
        with pytest.raises(IntegrityError) as caught:
            signed.verify()
        assert any(path in str(caught.value) for path in [name, *others])
        if mutate is not swap:
            assert name in str(caught.value)


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_each_change_on_its_own(signed, mutate):
    signed.verify()
    mutate(signed.folder, "model.ubj", ["b"])
    with pytest.raises(IntegrityError, match=r"model\.ubj|\bb\b"):
        signed.verify()


@pytest.mark.parametrize("nested", ["", "code/"])
def test_a_linked_folder_is_refused(signed, nested, tmp_path):
    (tmp_path / "other").mkdir()
    (signed.folder / nested / "extra").symlink_to(tmp_path / "other", target_is_directory=True)
    with pytest.raises(IntegrityError, match=nested + "extra is a symbolic link"):
        signed.verify()


def test_a_folder_replaced_by_a_link_to_the_same_files_is_refused(signed, tmp_path):
    (signed.folder / "code").rename(tmp_path / "code")
    (signed.folder / "code").symlink_to(tmp_path / "code", target_is_directory=True)
    with pytest.raises(IntegrityError, match="code is a symbolic link"):
        signed.verify()


def test_a_linked_metadata_folder_is_refused(signed, tmp_path):
    (signed.folder / ".modelbuilder").rename(tmp_path / "metadata")
    (signed.folder / ".modelbuilder").symlink_to(tmp_path / "metadata", target_is_directory=True)
    with pytest.raises(IntegrityError, match=r"\.modelbuilder is a symbolic link"):
        signed.verify()


def test_an_extra_metadata_file_is_refused_but_not_a_folder_of_that_name_further_down(tmp_path):
    signed = seal(write_files(tmp_path, {"a": b"", "x/.modelbuilder/y": b"1"}))
    signed.verify()
    (tmp_path / ".modelbuilder" / "sitecustomize.py").write_text("")
    with pytest.raises(IntegrityError, match=r"\.modelbuilder/sitecustomize\.py"):
        signed.verify()


@pytest.mark.parametrize("name", ["manifest.json", "signature.json"])
@pytest.mark.parametrize("how", ["remove", "link", "pipe", "folder", "empty"])
def test_metadata_that_is_no_plain_file(signed, name, how, tmp_path):
    path = signed.folder / ".modelbuilder" / name
    data = path.read_bytes()
    path.unlink()
    if how == "link":
        (tmp_path / "real").write_bytes(data)
        path.symlink_to(tmp_path / "real")
    elif how == "pipe":
        os.mkfifo(path)  # reading it would wait for ever
    elif how == "folder":
        path.mkdir()
    elif how == "empty":
        path.write_bytes(b"")
    with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
        signed.verify()


def test_a_folder_without_metadata_or_none_at_all(tmp_path):
    signed = seal(write_files(tmp_path / "model", DEMO))
    shutil.rmtree(signed.folder / ".modelbuilder")
    with pytest.raises(IntegrityError, match="missing"):
        signed.verify()
    (signed.folder / ".modelbuilder").write_text("a file")
    with pytest.raises(IntegrityError):
        signed.verify()
    shutil.rmtree(signed.folder)
    with pytest.raises(IntegrityError, match="missing"):
        signed.verify()


def test_metadata_beyond_the_limit_is_not_read_into_memory(signed, monkeypatch):
    monkeypatch.setattr(verifier, "_METADATA_LIMIT", 100)
    with pytest.raises(IntegrityError, match="larger than 100 bytes"):
        signed.verify()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_every_bit_of_the_manifest_counts(data):
    with TemporaryDirectory() as place:
        signed = seal(write_files(Path(place), DEMO))
        path = signed.folder / ".modelbuilder" / "manifest.json"
        changed = bytearray(path.read_bytes())
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(changed)
        with pytest.raises(IntegrityError, match=r"manifest\.json is not the one that was reviewed"):
            signed.verify()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_signature_says_the_same_or_is_refused(data):
    with TemporaryDirectory() as place:
        signed = seal(write_files(Path(place), DEMO))
        path = signed.folder / ".modelbuilder" / "signature.json"
        original = path.read_bytes()
        changed = bytearray(original)
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(changed)
        try:
            same = json.loads(changed) == json.loads(original)  # white space may change; nothing else
        except ValueError:
            same = False
        if same:
            signed.verify()
        else:
            with pytest.raises(IntegrityError, match=r"signature\.json|was signed with key"):
                signed.verify()


@pytest.mark.parametrize("field", ["algorithm", "hmac", "key_id", "manifest_sha256", "root_sha256"])
@pytest.mark.parametrize("value", [None, "", "é", "\ud800", 5, [], {}, "0" * 64])
def test_every_field_of_the_signature_counts(signed, field, value):
    path = signed.folder / ".modelbuilder" / "signature.json"
    fields = {**json.loads(path.read_bytes()), field: value}
    path.write_text(json.dumps(fields))
    with pytest.raises(IntegrityError):
        signed.verify()


def test_an_older_signed_manifest_is_refused(tmp_path):
    old = seal(write_files(tmp_path / "old", DEMO))
    new = seal(write_files(tmp_path / "new", {**DEMO, "model.ubj": b"better"}))
    for name in ("manifest.json", "signature.json"):
        shutil.copy(old.folder / ".modelbuilder" / name, new.folder / ".modelbuilder" / name)
    shutil.copy(old.folder / "model.ubj", new.folder / "model.ubj")
    assert Signed(new.folder, old.manifest, old.key, old.key_id).verify() == old.manifest.root_sha256
    with pytest.raises(IntegrityError, match="not the one that was reviewed"):
        new.verify()


def test_renaming_files_keeps_the_root_digest_and_is_refused_all_the_same(tmp_path):
    # The root digest covers contents in their order, not names: the pinned digest of the manifest covers both.
    honest = seal(write_files(tmp_path / "honest", {"a.txt": b"data", "load.py": b"code"}))
    forged = seal(write_files(tmp_path / "forged", {"a.py": b"data", "load.txt": b"code"}))
    assert forged.manifest.root_sha256 == honest.manifest.root_sha256
    assert forged.key == honest.key  # derived from the root digest, so the HMAC would be valid too
    assert forged.manifest.sha256 != honest.manifest.sha256
    with pytest.raises(IntegrityError, match="not the one that was reviewed"):
        Signed(forged.folder, honest.manifest, honest.key, honest.key_id).verify()


def test_root_digest_that_is_not_the_pinned_one(signed):
    environment = {**signed.environment, verifier.ROOT_VARIABLE: "0" * 64}
    with pytest.raises(IntegrityError, match="not the pinned MODELBUILDER_ROOT_SHA256"):
        verify_from_environment(signed.folder, environment)


def test_another_key_is_refused(signed, tmp_path):
    other = seal(write_files(tmp_path / "other", {"x": b"1"}))
    wrong_key = {**signed.environment, verifier.KEY_VARIABLE: other.key.hex()}
    with pytest.raises(IntegrityError, match="does not have the id"):
        verify_from_environment(signed.folder, wrong_key)
    with pytest.raises(IntegrityError, match=f"was signed with key {signed.key_id}, but key {other.key_id}"):
        verify_from_environment(signed.folder, {**wrong_key, verifier.KEY_ID_VARIABLE: other.key_id})
    with pytest.raises(IntegrityError, match="does not have the id"):
        verify_from_environment(signed.folder, {**signed.environment, verifier.KEY_ID_VARIABLE: "0" * 16})


def test_a_signature_by_another_key_under_the_right_id_is_refused(signed):
    path = signed.folder / ".modelbuilder" / "signature.json"
    forged = hashlib.sha256(b"forged").hexdigest()
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "hmac": forged}))
    with pytest.raises(IntegrityError, match="HMAC"):
        signed.verify()


@pytest.mark.parametrize(
    "name", [verifier.KEY_VARIABLE, verifier.KEY_ID_VARIABLE, verifier.ROOT_VARIABLE, verifier.MANIFEST_VARIABLE]
)
def test_each_variable_is_needed_and_checked(signed, name):
    environment = dict(signed.environment)
    for bad in ("", "é", "zz", "00", "{{resolve:secretsmanager:arn:SecretString:k}}"):
        with pytest.raises(IntegrityError):
            verify_from_environment(signed.folder, {**environment, name: bad})
    del environment[name]
    with pytest.raises(IntegrityError, match=f"lacks {name}"):
        verify_from_environment(signed.folder, environment)


def test_an_unresolved_reference_is_told_as_such(signed):
    reference = "{{resolve:secretsmanager:arn:aws:secretsmanager:x:SecretString:k}}"
    with pytest.raises(IntegrityError, match=r"\{\{resolve:") as caught:
        verify_from_environment(signed.folder, {**signed.environment, verifier.KEY_VARIABLE: reference})
    assert "arn:aws" not in str(caught.value)


def test_no_message_shows_the_key(signed):
    environment = {**signed.environment, verifier.KEY_ID_VARIABLE: "0" * 16}
    with pytest.raises(IntegrityError) as caught:
        verify_from_environment(signed.folder, environment)
    assert signed.key.hex() not in str(caught.value)


def test_once_a_process_until_told_to_forget(signed):
    root = verify_from_environment(signed.folder, signed.environment)
    flip(signed.folder, "model.ubj", [])
    assert verify_from_environment(signed.folder, {}) == root
    verifier.forget(signed.folder)
    with pytest.raises(IntegrityError, match=r"model\.ubj"):
        verify_from_environment(signed.folder, signed.environment)


def test_a_failure_is_not_remembered_as_a_success(signed):
    flip(signed.folder, "model.ubj", [])
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"model\.ubj"):
            verify_from_environment(signed.folder, signed.environment)


SHA_EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "manifest",
    [
        statement([("../outside", SHA_EMPTY)]),
        statement([("/etc/hostname", SHA_EMPTY)]),
        statement([("a", SHA_EMPTY), ("a", SHA_EMPTY)]),
        statement([("b", SHA_EMPTY), ("a", SHA_EMPTY)]),
        statement([("a:0:1", SHA_EMPTY), ("a:2:3", SHA_EMPTY)], method="shards"),
        statement([("a:0:2", SHA_EMPTY), ("a:1:3", SHA_EMPTY)], method="shards"),
        statement([(7, SHA_EMPTY)]),
        statement([("a", SHA_EMPTY)], root="é" * 64),
        statement([("a", SHA_EMPTY)], root="0" * 64),
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b"\xff",
        b"",
        b"[]",
    ],
    ids=lambda data: repr(data[-60:]),
)
def test_a_bad_manifest_is_refused_even_if_signed_and_pinned(tmp_path, manifest):
    (tmp_path / "outside").write_bytes(b"")
    with pytest.raises(IntegrityError):
        verify_forged(write_files(tmp_path / "model", {"a": b"", "b": b""}), manifest)


def test_the_forger_of_these_tests_can_sign(tmp_path):
    folder = write_files(tmp_path, {"a": b"", "b": b""})
    verify_forged(folder, statement([("a", SHA_EMPTY), ("b", SHA_EMPTY)]))
    verify_forged(folder, statement([("a:0:0", SHA_EMPTY), ("b:0:0", SHA_EMPTY)], method="shards"))


@given(st.binary(max_size=100))
@settings(max_examples=60, deadline=None)
def test_any_metadata_gives_an_integrity_error(data):
    with TemporaryDirectory() as place:
        folder = write_files(Path(place), {"a": b""})
        with pytest.raises(IntegrityError):
            verify_forged(folder, data)
        signed = seal(folder)
        (folder / ".modelbuilder" / "signature.json").write_bytes(data)
        with pytest.raises(IntegrityError):
            signed.verify()


def test_files_above_the_limit_for_one_thread(tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "SHARD_SIZE", 1 << 20)
    big = b"0123456789abcdef" * (5 << 16) + b"!"
    signed = seal(write_files(tmp_path, {"big": big, "small": b"1"}))
    assert len(big) > 4 << 20
    counts = []
    verifier.check_files(tmp_path, verifier.read_resources(signed.manifest.data), counts.append)
    assert sum(counts) == len(big) + 1
    with (tmp_path / "big").open("r+b") as handle:
        handle.seek(len(big) - 1)
        handle.write(b"?")
    with pytest.raises(IntegrityError, match="big was changed"):
        signed.verify()


def test_a_file_that_vanishes_while_it_is_checked_is_an_integrity_error(signed, monkeypatch):
    listed = verifier.list_files(signed.folder)
    monkeypatch.setattr(verifier, "list_files", lambda folder: listed)
    (signed.folder / "b").unlink()
    with pytest.raises(IntegrityError, match="b cannot be read"):
        signed.verify()


def test_a_folder_that_cannot_be_listed_is_an_integrity_error(signed, monkeypatch):
    real = os.scandir

    def scandir(place):
        if os.fspath(place).endswith("code"):
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return real(place)

    monkeypatch.setattr(verifier.os, "scandir", scandir)
    with pytest.raises(IntegrityError, match="code cannot be listed: Permission denied"):
        signed.verify()


def test_pinned_digests_may_be_in_capitals(signed):
    upper = {**signed.environment}
    for name in (verifier.ROOT_VARIABLE, verifier.MANIFEST_VARIABLE):
        upper[name] = upper[name].upper()
    assert verify_from_environment(signed.folder, upper) == signed.manifest.root_sha256


def command(*arguments: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cdk_modelbuilder.integrity.verifier", *map(str, arguments)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_as_a_command(signed):
    good = command(signed.folder, environment=signed.environment)
    assert (good.returncode, good.stdout.strip(), good.stderr) == (0, signed.manifest.root_sha256, "")
    flip(signed.folder, "model.ubj", [])
    bad = command(signed.folder, environment=signed.environment)
    assert bad.returncode == 1
    assert bad.stdout == ""
    assert bad.stderr.startswith("model verification failed: model.ubj was changed after signing")
    assert "Traceback" not in bad.stderr
    none = command(signed.folder, environment={})
    assert none.returncode == 1
    assert "MODELBUILDER_HMAC_KEY" in none.stderr
    assert "usage" in command(environment={}).stderr


def test_alone_without_the_package(signed, tmp_path):
    alone = shutil.copy(verifier.__file__, tmp_path / "modelbuilder_verify.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(alone), str(signed.folder)],
        env=signed.environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, signed.manifest.root_sha256)
