"""What is known of an archive without reading it twice: digests of parts, and receipts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.publishing import verified_archive
from cdk_modelbuilder.publishing.artifact_objects import MAX_PARTS, ArtifactObject, Part
from cdk_modelbuilder.publishing.receipts import Identity, recall, remember
from cdk_modelbuilder.publishing.verified_archive import _HashedParts, part_size

DIGESTS = (b"a" * 32, b"b" * 32)


@given(st.binary(max_size=200), st.integers(1, 50), st.lists(st.integers(1, 60), min_size=1, max_size=10))
def test_parts_are_hashed_as_they_are_read(data, step, reads):
    raw = io.BytesIO(data)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(verified_archive, "_BATCH", 7)
        hashed = _HashedParts(raw, step, pool)
        index = 0
        while hashed.read(reads[index % len(reads)]):
            index += 1
        found = hashed.digests()
    starts = range(0, max(len(data), 1), step)
    assert found == tuple(hashlib.sha256(data[start : start + step]).digest() for start in starts)


@given(st.integers(1, 48 << 40))
def test_parts_fit_what_s3_takes(size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verified_archive, "PART_SIZE", 32 << 20)
        step = part_size(size)
    assert 32 << 20 <= step <= 5 << 30
    assert -(-size // step) <= MAX_PARTS
    assert step == 32 << 20 or size > MAX_PARTS * (32 << 20)


@pytest.fixture
def old_file(tmp_path) -> Path:
    """A file whose last change is, by the clock of these tests, long ago."""
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"content")
    return path


def keep(path: Path, *, age: float = 60) -> None:
    status = path.stat()
    remember(path, "digest", 32, Identity.of(status), DIGESTS, began=status.st_ctime + age)


def test_a_receipt_is_found_for_the_same_file_alone(old_file, own_cache):
    assert recall(old_file, "digest", 32) is None
    keep(old_file)
    assert recall(old_file, "digest", 32) == DIGESTS
    assert recall(old_file, "other", 32) is None
    assert recall(old_file, "digest", 64) is None
    assert recall(old_file.with_name("gone"), "digest", 32) is None
    (receipt,) = own_cache.rglob("*.json")
    assert receipt.stat().st_mode & 0o777 == 0o600
    assert list(receipt.parent.iterdir()) == [receipt]


@pytest.mark.parametrize("change", ["content", "size", "replaced", "time put back"])
def test_a_changed_file_has_no_receipt(old_file, change):
    keep(old_file)
    before = old_file.stat()
    time.sleep(0.02)
    match change:
        case "content" | "time put back":
            with old_file.open("r+b") as file:
                file.write(b"CONTENT")
            if change == "time put back":
                os.utime(old_file, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "size":
            os.truncate(old_file, 3)
        case "replaced":
            other = old_file.with_name("other")
            other.write_bytes(b"CONTENT")
            os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
            other.replace(old_file)
    assert recall(old_file, "digest", 32) is None


def test_a_file_that_was_changed_a_moment_ago_gets_none(old_file):
    keep(old_file, age=1.9)
    assert recall(old_file, "digest", 32) is None


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"format": "cdk-modelbuilder/verified-archive/v0"}'])
def test_a_receipt_that_cannot_be_read_is_none(old_file, own_cache, damage):
    keep(old_file)
    (receipt,) = own_cache.rglob("*.json")
    receipt.write_text(damage)
    assert recall(old_file, "digest", 32) is None


def test_a_receipt_with_other_digests_is_none(old_file, own_cache):
    keep(old_file)
    (receipt,) = own_cache.rglob("*.json")
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "parts": ["xyz"]}))
    assert recall(old_file, "digest", 32) is None


def test_a_cache_that_cannot_be_written_is_no_matter(old_file, own_cache):
    own_cache.write_bytes(b"a file, where a folder would be")
    keep(old_file)
    assert recall(old_file, "digest", 32) is None


@pytest.mark.parametrize("damage", ["changed", "shorter", "gone"])
def test_a_part_that_is_not_what_was_signed_is_not_given_out(tmp_path, damage):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    part = Part(2, 4, 4, hashlib.sha256(b"4567").digest())
    item = ArtifactObject("key", path, (part,))
    assert item.read(part) == b"4567"
    match damage:
        case "changed":
            path.write_bytes(b"01234x6789")
        case "shorter":
            path.write_bytes(b"012345")
        case "gone":
            path.unlink()
    with pytest.raises(IntegrityError):
        item.read(part)
