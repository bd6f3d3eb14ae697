"""What somebody else put into the bucket is found, named, and left as it is."""

from __future__ import annotations

import base64
import hashlib

import pytest

from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.publishing import artifact_key, publish
from tests.publishing.test_interference import whole


def overwrite(s3, bucket: str, key: str, data: bytes, *, checksum: bool) -> None:
    claimed = {"ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()} if checksum else {}
    s3.put_object(Bucket=bucket, Key=key, Body=data, **claimed)


@pytest.mark.parametrize("checksum", [True, False], ids=["with a checksum", "without one"])
@pytest.mark.parametrize("size", ["same", "other"])
@pytest.mark.parametrize(
    ("form", "name"), [("archive", ""), ("folder", "weights.bin"), ("folder", ".modelbuilder/signature.json")]
)
def test_other_content_under_the_key(large_bundle, bucket, contents, s3, form, name, size, checksum):
    key = artifact_key(large_bundle.artifact_digest, form=form) + name
    publish(large_bundle, bucket=bucket, form=form)
    good = contents[key]
    bad = good[:-1000] + bytes(byte ^ 1 for byte in good[-1000:]) + (b"" if size == "same" else b"more")
    overwrite(s3, bucket, key, bad, checksum=checksum)
    with pytest.raises(IntegrityError, match=f"s3://{bucket}/{key} holds something else than the bundle large"):
        publish(large_bundle, bucket=bucket, form=form)
    assert contents[key] == bad


def test_another_bundles_archive_under_the_key(tumour_bundle, large_bundle, bucket, s3):
    key = artifact_key(tumour_bundle.artifact_digest)
    overwrite(s3, bucket, key, large_bundle.archive_path.read_bytes(), checksum=True)
    with pytest.raises(IntegrityError, match="holds something else"):
        publish(tumour_bundle, bucket=bucket)


def test_an_object_that_was_not_signed_among_the_files(tumour_bundle, bucket, contents, s3):
    base = artifact_key(tumour_bundle.artifact_digest, form="folder")
    s3.put_object(Bucket=bucket, Key=f"{base}code/sitecustomize.py", Body=b"import evil")
    with pytest.raises(IntegrityError, match=r"sitecustomize\.py was not signed"):
        publish(tumour_bundle, bucket=bucket, form="folder")
    assert len(contents.all()) == 1


def test_a_key_that_is_taken_meanwhile_with_something_else(large_bundle, bucket, contents, s3):
    key = artifact_key(large_bundle.artifact_digest)

    def take(step: str, done: int, total: int) -> None:
        if step == "uploading" and done == total:
            s3.put_object(Bucket=bucket, Key=key, Body=b"first")

    with pytest.raises(IntegrityError, match="holds something else"):
        publish(large_bundle, bucket=bucket, progress=take)
    assert contents.all() == {key: b"first"}
    assert contents.unfinished() == []


def test_a_small_key_that_is_taken_between_the_question_and_the_write(tumour_bundle, bucket, contents, monkeypatch, s3):
    from cdk_modelbuilder.publishing.bucket import Bucket

    key, put = artifact_key(tumour_bundle.artifact_digest), Bucket.put

    def taken(data: bytes):
        def late(self, item, sent):
            s3.put_object(Bucket=bucket, Key=key, Body=data)
            put(self, item, sent)

        return late

    good = tumour_bundle.archive_path.read_bytes()
    monkeypatch.setattr(Bucket, "put", taken(good))
    assert publish(tumour_bundle, bucket=bucket).bytes_skipped == len(good)
    s3.delete_object(Bucket=bucket, Key=key)
    monkeypatch.setattr(Bucket, "put", taken(b"evil"))
    with pytest.raises(IntegrityError, match="holds something else"):
        publish(tumour_bundle, bucket=bucket)
    assert contents.all() == {key: b"evil"}


def test_metadata_that_says_otherwise_counts_for_nothing(tumour_bundle, bucket, contents, s3):
    """Whoever writes an object chooses its metadata; what S3 computed is what counts."""
    (key, good), *_ = whole(tumour_bundle, "archive").items()
    s3.put_object(
        Bucket=bucket, Key=key, Body=b"evil" + good[4:], Metadata={"sha256": hashlib.sha256(good).hexdigest()}
    )
    with pytest.raises(IntegrityError):
        publish(tumour_bundle, bucket=bucket)
