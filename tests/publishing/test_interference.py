"""Uploads that are interrupted, and several publishers of the same bundle."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cdk_modelbuilder.errors import PublishError
from cdk_modelbuilder.publishing import artifact_key, publish, uploading
from tests.publishing.conftest import SHARD
from tests.publishing.test_publish import FORMS, files_of

REPOSITORY = Path(__file__).resolve().parents[2]


def whole(bundle, form: str) -> dict[str, bytes]:
    base = artifact_key(bundle.artifact_digest, form=form)
    if form == "archive":
        return {base: bundle.archive_path.read_bytes()}
    return {base + name: data for name, data in files_of(bundle).items()}


@pytest.mark.parametrize("form", FORMS)
def test_a_killed_upload_is_gone_on_with(large_bundle, bucket, contents, requests, form):
    command = [sys.executable, "-m", "tests.publishing.halting_child", str(large_bundle.path), bucket, form]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "halted\n"
        child.kill()
    (left,) = contents.unfinished()
    sent_before = [path for _, path in requests() if "partNumber=" in path]
    assert 1 <= len(sent_before) <= 2
    published = publish(large_bundle, bucket=bucket, form=form)
    sent_after = [path for _, path in requests() if "partNumber=" in path][len(sent_before) :]
    assert len(sent_before) + len(sent_after) == 3
    assert all(left["UploadId"] in path for path in sent_after)
    assert published.bytes_resumed == len(sent_before) * SHARD
    assert contents.all() == whole(large_bundle, form)
    assert contents.unfinished() == []


@pytest.mark.parametrize("form", FORMS)
def test_publishers_at_the_same_time(large_bundle, bucket, contents, form):
    with ThreadPoolExecutor(4) as pool:
        published = list(pool.map(lambda _: publish(large_bundle, bucket=bucket, form=form), range(4)))
    assert len({artifact.uri for artifact in published}) == 1
    assert contents.all() == whole(large_bundle, form)
    assert contents.versions() == published[0].objects  # nothing was written twice
    assert contents.unfinished() == []


def test_another_publisher_is_done_first(large_bundle, bucket, contents):
    nested = []

    def publish_too(step: str, done: int, total: int) -> None:
        if step == "uploading" and done == total and not nested:
            nested.append(True)
            nested.append(publish(large_bundle, bucket=bucket))

    published = publish(large_bundle, bucket=bucket, progress=publish_too)
    assert published.uri == nested[1].uri
    assert contents.versions() == 1
    assert contents.unfinished() == []


def test_an_upload_that_somebody_gave_up(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)
    aborted = []

    def abort(step: str, done: int, total: int) -> None:
        if step == "uploading" and done and not aborted:
            aborted.append(contents.unfinished()[0]["UploadId"])
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=aborted[0])

    publish(large_bundle, bucket=bucket, progress=abort)
    assert aborted
    assert contents.all() == whole(large_bundle, "archive")


@pytest.mark.heavy
def test_uploads_that_somebody_gives_up_again_and_again(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)

    def abort(step: str, done: int, total: int) -> None:
        for upload in contents.unfinished() if step == "uploading" else ():
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])

    with pytest.raises(PublishError, match="interfered 5 times"):
        publish(large_bundle, bucket=bucket, progress=abort)
    assert contents.all() == {}


def test_a_part_that_somebody_replaces_meanwhile(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)
    replaced = []

    def replace(step: str, done: int, total: int) -> None:
        if step == "uploading" and done == total and not replaced:
            replaced.append(contents.unfinished()[0]["UploadId"])
            put_part(s3, bucket, key, replaced[0], 1, b"x" * SHARD)

    publish(large_bundle, bucket=bucket, progress=replace)
    assert replaced
    assert contents.all() == whole(large_bundle, "archive")


def test_parts_of_another_archive_are_not_taken(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)
    foreign = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
    put_part(s3, bucket, key, foreign, 2, b"y" * SHARD)
    other_checksum = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="CRC32")["UploadId"]
    longer = s3.create_multipart_upload(Bucket=bucket, Key=key + "x", ChecksumAlgorithm="SHA256")["UploadId"]
    published = publish(large_bundle, bucket=bucket)
    assert published.bytes_resumed == 0
    assert contents.all() == whole(large_bundle, "archive")
    assert {upload["UploadId"] for upload in contents.unfinished()} == {foreign, other_checksum, longer}


def test_parts_that_were_sent_in_any_order_are_taken(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)
    archive = large_bundle.archive_path.read_bytes()
    begun = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
    for number in (3, 1):
        put_part(s3, bucket, key, begun, number, archive[(number - 1) * SHARD : number * SHARD])
    published = publish(large_bundle, bucket=bucket)
    assert (published.bytes_sent, published.bytes_resumed) == (SHARD, len(archive) - SHARD)
    assert contents.all() == {key: archive}


def test_a_failure_leaves_what_arrived_for_the_next_run(large_bundle, copied, bucket, contents, monkeypatch):
    bundle = copied(large_bundle)
    weights = bundle.model_dir / "weights.bin"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(Exception, match=r"weights\.bin was changed"):
        publish(bundle, bucket=bucket, form="folder")
    weights.write_bytes(good)
    published = publish(bundle, bucket=bucket, form="folder")
    assert published.bytes_sent + published.bytes_skipped == sum(map(len, files_of(bundle).values()))
    assert contents.all() == whole(large_bundle, "folder")


def test_two_writes_that_meet_are_tried_again(tumour_bundle, bucket, contents, monkeypatch):
    """S3 answers 409 ConditionalRequestConflict to one of them; the stand-in never does."""
    from cdk_modelbuilder.publishing.bucket import Bucket

    put, refused = Bucket.put, []

    def conflicting(self, item, data):
        if len(refused) < 2:
            refused.append(item.key)
            raise uploading.OtherPublisherError(item.key)
        put(self, item, data)

    monkeypatch.setattr(Bucket, "put", conflicting)
    publish(tumour_bundle, bucket=bucket)
    assert len(refused) == 2
    assert contents.all() == whole(tumour_bundle, "archive")


def put_part(s3, bucket: str, key: str, upload: str, number: int, data: bytes) -> None:
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=data, ChecksumSHA256=checksum)
