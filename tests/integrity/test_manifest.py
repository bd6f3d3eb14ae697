"""The manifest's bytes: pinned by vectors, deterministic, readable by the reference implementation."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.integrity import manifest as manifests
from cdk_modelbuilder.integrity.manifest import make_manifest, read_manifest

from .signed import DEMO, statement, write_files

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.json"))
SHA = "11" * 32


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path, tmp_path, monkeypatch):
    vector = json.loads(path.read_text("utf-8"))
    monkeypatch.setattr(manifests, "SHARD_SIZE", vector["shard_size"])
    folder = write_files(tmp_path, {name: bytes.fromhex(data) for name, data in vector["files"].items()})
    made = make_manifest(folder, name=vector["name"])
    assert made.data == vector["manifest"].encode()
    assert made.root_sha256 == vector["root_sha256"]
    read = read_manifest(made.data)
    assert read.root_sha256 == made.root_sha256
    assert list(read.files) == list(made.files)


def test_there_are_vectors():
    assert len(VECTORS) >= 5


def test_shards_are_32_mebibytes():
    # Another size gives another root digest for the same files: this number is part of the format.
    assert manifests.SHARD_SIZE == 32 << 20


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_reference_implementation_agrees(path, tmp_path):
    model_signing = pytest.importorskip("model_signing", reason="the reference implementation is not installed")
    vector = json.loads(path.read_text("utf-8"))
    if "empty" in path.stem:
        pytest.skip("the reference lists no empty file in shards mode")
    write_files(tmp_path, {name: bytes.fromhex(data) for name, data in vector["files"].items()})
    config = model_signing.hashing.Config()
    if path.stem.startswith("shards"):
        config.use_shard_serialization(shard_size=vector["shard_size"])
    config.set_ignored_paths(paths=[".modelbuilder"], ignore_git_paths=False)
    theirs = [(item.identifier, item.digest.digest_hex) for item in config.hash(tmp_path).resource_descriptors()]
    ours = json.loads(vector["manifest"])["predicate"]["resources"]
    assert [(item["name"], item["digest"]) for item in ours] == theirs


def test_same_content_same_bytes(tmp_path):
    first = make_manifest(write_files(tmp_path / "one", DEMO), name="demo")
    second = write_files(tmp_path / "elsewhere", dict(reversed(DEMO.items())))
    for path in second.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1, 1))
    assert make_manifest(second, name="demo").data == first.data
    assert str(tmp_path).encode() not in first.data


def test_one_resource_a_line(tmp_path):
    lines = make_manifest(write_files(tmp_path, DEMO), name="demo").data.decode().splitlines()
    assert sum('"digest": "' in line and '"name": "' in line for line in lines) == len(DEMO)


def test_digests_and_sizes_are_true(tmp_path):
    made = make_manifest(write_files(tmp_path, DEMO), name="demo")
    resources = json.loads(made.data)["predicate"]["resources"]
    assert {item["name"]: item["digest"] for item in resources} == {
        name: hashlib.sha256(data).hexdigest() for name, data in DEMO.items()
    }
    assert made.files == {name: len(data) for name, data in DEMO.items()}
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


def test_progress_counts_every_byte_once(tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "SHARD_SIZE", 8)
    counts = []
    make_manifest(write_files(tmp_path, DEMO), name="demo", on_bytes=counts.append)
    assert sum(counts) == sum(map(len, DEMO.values()))


def test_a_folder_without_files_has_a_manifest(tmp_path):
    made = make_manifest(tmp_path, name="demo")
    assert read_manifest(made.data).files == {}
    assert made.root_sha256 == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "name", ["a:b", "a\\b", "a\nb", "a\x01", "x/c:0:1", b"\xff".decode("utf-8", "surrogateescape")]
)
def test_names_that_cannot_be_signed(tmp_path, name):
    write_files(tmp_path, {name: b""})
    with pytest.raises(IntegrityError, match="cannot be signed") as caught:
        make_manifest(tmp_path, name="demo")
    assert "Rename it" in caught.value.remedy


def test_folders_that_cannot_be_signed(tmp_path):
    write_files(tmp_path, {"a": b""})
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(IntegrityError, match="link is a symbolic link"):
        make_manifest(tmp_path, name="demo")
    with pytest.raises(IntegrityError, match="cannot be listed"):
        make_manifest(tmp_path / "absent", name="demo")
    with pytest.raises(IntegrityError, match="cannot be listed"):
        make_manifest(tmp_path / "a", name="demo")
    (tmp_path / "link").unlink()
    (tmp_path / ".modelbuilder").write_text("a file")
    with pytest.raises(IntegrityError, match="cannot be listed"):
        make_manifest(tmp_path, name="demo")


@pytest.mark.parametrize(
    "resources",
    [
        [("../a", SHA)],
        [("/etc/passwd", SHA)],
        [("a/../b", SHA)],
        [("a//b", SHA)],
        [("./a", SHA)],
        [("", SHA)],
        [("a/", SHA)],
        [("a\\b", SHA)],
        [("a\x00b", SHA)],
        [("\ud800", SHA)],
        [(".modelbuilder/manifest.json", SHA)],
        [("a:b", SHA)],
        [("a", SHA), ("a", SHA)],
        [("b", SHA), ("a", SHA)],
        [(None, SHA)],
        [(5, SHA)],
        [(["a"], SHA)],
        [({"a": 1}, SHA)],
        [("a", "11" * 31)],
    ],
    ids=repr,
)
def test_lists_of_files_that_are_refused(resources):
    with pytest.raises(IntegrityError):
        read_manifest(statement(resources))


@pytest.mark.parametrize(
    "names",
    [
        ["a:0:8", "a:9:10"],
        ["a:0:8", "a:7:10"],
        ["a:1:8"],
        ["a:-1:8"],
        ["a:8:0"],
        ["a:0:8", "a:0:8"],
        ["a:8:16", "a:0:8"],
        ["b:0:1", "a:0:1"],
        ["a"],
        ["a:0"],
        ["a:x:y"],
        ["a:0:1.5"],
        ["a:0:" + "9" * 5000],
        ["../a:0:1"],
        [5],
        [None],
    ],
    ids=lambda names: str(names)[:40],
)
def test_lists_of_shards_that_are_refused(names):
    with pytest.raises(IntegrityError):
        read_manifest(statement([(name, SHA) for name in names], method="shards"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_type": "other"}, "not an OpenSSF"),
        ({"predicateType": "other"}, "not an OpenSSF"),
        ({"subject": []}, "malformed"),
        ({"subject": None}, "malformed"),
        ({"subject": [{"digest": {"sha256": "00" * 32}}]}, "contradicts itself"),
        ({"predicate": []}, "malformed"),
        ({"predicate": {"serialization": {"method": "files", "hash_type": "sha256"}, "resources": 5}}, "malformed"),
        (
            {"predicate": {"serialization": {"method": "files", "hash_type": "sha256"}, "resources": {"a": 1}}},
            "malformed",
        ),
        ({"predicate": {"serialization": {"method": [], "hash_type": "sha256"}, "resources": []}}, "not an OpenSSF"),
        (
            {"predicate": {"serialization": {"method": "files", "hash_type": "blake3"}, "resources": []}},
            "not an OpenSSF",
        ),
    ],
)
def test_statements_that_are_refused(change, message):
    assert read_manifest(statement([("a", SHA)])).files == {"a": -1}
    with pytest.raises(IntegrityError, match=message):
        read_manifest(statement([("a", SHA)], **change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"5",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}",
        b"1" * 5000,
        b"NaN",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_manifest(data):
    with pytest.raises(IntegrityError) as caught:
        read_manifest(data)
    assert "version control" in caught.value.remedy


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("files") | st.just("sha256"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["_type", "predicateType", "predicate", "subject"]


def refuses_or_reads(data: bytes) -> None:
    try:
        read = read_manifest(data)
    except IntegrityError:
        return
    assert len(read.root_sha256) == 64


@given(st.binary(max_size=200))
def test_any_bytes_give_an_integrity_error_at_worst(data):
    refuses_or_reads(data)


@given(st.sampled_from(FIELDS), JSON)
def test_any_field_of_any_type_gives_an_integrity_error_at_worst(field, value):
    refuses_or_reads(statement([("a", SHA)], **{field: value}))


@given(st.lists(st.dictionaries(st.sampled_from(["name", "digest", "algorithm"]), JSON), max_size=3), st.booleans())
def test_any_resources_give_an_integrity_error_at_worst(resources, sharded):
    serialization = {"hash_type": "sha256", "method": "shards" if sharded else "files", "shard_size": 8}
    refuses_or_reads(statement([], predicate={"resources": resources, "serialization": serialization}))


@given(st.lists(JSON, min_size=1, max_size=3), st.booleans())
def test_any_names_under_a_true_root_digest_give_an_integrity_error_at_worst(names, sharded):
    refuses_or_reads(statement([(name, SHA) for name in names], method="shards" if sharded else "files"))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_changed_byte_shows_in_the_digest(data):
    with TemporaryDirectory() as place, patch.object(manifests, "SHARD_SIZE", 8):
        folder = Path(place)
        files = {"a": data.draw(st.binary(min_size=1, max_size=20)), "b": b"x" * 9}
        before = make_manifest(write_files(folder, files), name="demo")
        at = data.draw(st.integers(0, len(files["a"]) - 1))
        changed = bytearray(files["a"])
        changed[at] ^= 1 << data.draw(st.integers(0, 7))
        (folder / "a").write_bytes(changed)
        after = make_manifest(folder, name="demo")
    assert after.root_sha256 != before.root_sha256
    assert after.sha256 != before.sha256
