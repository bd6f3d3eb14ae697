"""publish() against a stand-in for S3: what arrives, what is skipped, what is refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import BundleError, IntegrityError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.publishing import artifact_key, publish, verified_archive
from cdk_modelbuilder.publishing.receipts import SETTLED_SECONDS
from tests.conftest import MASTER_KEY
from tests.integrity.key_pairs import private_key, private_pem
from tests.publishing.conftest import SHARD, WEIGHTS, bundle_of_weights

FORMS = ("archive", "folder")
SIGNATURE_FILES = (".modelbuilder/manifest.json", ".modelbuilder/signature.json")


def files_of(bundle) -> dict[str, bytes]:
    paths = [path for path in bundle.model_dir.rglob("*") if path.is_file()]
    return {path.relative_to(bundle.model_dir).as_posix(): path.read_bytes() for path in paths}


def settle(path) -> None:
    """Wait until a file is old enough for a receipt."""
    time.sleep(max(0.0, path.stat().st_ctime + SETTLED_SECONDS + 0.1 - time.time()))


def writes(requests) -> list[tuple[str, str]]:
    return [request for request in requests if request[0] in ("PUT", "POST", "DELETE")]


@pytest.mark.parametrize("which", ["tumour_bundle", "large_bundle"])
def test_an_archive(which, request, bucket, contents, s3):
    bundle = request.getfixturevalue(which)
    published = publish(bundle, bucket=bucket, prefix="models")
    key = artifact_key(bundle.artifact_digest, prefix="models")
    archive = bundle.archive_path.read_bytes()
    assert contents.all() == {key: archive}
    assert s3.head_object(Bucket=bucket, Key=key)["ContentType"] == "application/gzip"
    assert (published.uri, published.digest) == (f"s3://{bucket}/{key}", bundle.artifact_digest)
    assert (published.form, published.objects, published.region) == ("archive", 1, "us-east-1")
    assert (published.bytes_sent, published.bytes_skipped, published.bytes_resumed) == (len(archive), 0, 0)
    assert published.snippet == f'Artifact.s3("s3://{bucket}/{key}", "{bundle.artifact_digest}")'
    assert contents.unfinished() == []


@pytest.mark.parametrize("which", ["tumour_bundle", "large_bundle"])
def test_a_folder_with_the_signature_last(which, request, bucket, contents, requests):
    bundle = request.getfixturevalue(which)
    published = publish(bundle.path, bucket=bucket, form="folder")
    base = artifact_key(bundle.artifact_digest, form="folder")
    files = files_of(bundle)
    assert contents.all() == {base + name: data for name, data in files.items()}
    assert published.uri == f"s3://{bucket}/{base}"
    assert (published.objects, published.bytes_sent) == (len(files), sum(map(len, files.values())))
    written = [path for _, path in writes(requests())]
    assert [path.partition("/model/")[2] for path in written[-2:]] == list(SIGNATURE_FILES)
    assert contents.unfinished() == []


def test_a_bundle_with_a_public_signature_too(tmp_path, tumours, bucket, contents):
    """In both forms it holds what a container with the public key needs, and is found there the second time."""
    bundle = ModelBuilder(
        model=tumours.model,
        schema_builder=SchemaBuilder(tumours.X[:2], tumours.y[:2]),
        model_path=tmp_path / "signed",
        signing_key=MASTER_KEY,
        signing_private_key=private_pem(),
    ).build()
    for form in FORMS:
        assert publish(bundle, bucket=bucket, form=form).bytes_sent > 0
        assert publish(bundle, bucket=bucket, form=form).bytes_sent == 0
    base = artifact_key(bundle.artifact_digest, form="folder")
    fetched = tmp_path / "fetched"
    for key, data in contents.all().items():
        if key.startswith(base):
            path = fetched / key.removeprefix(base)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    environment = {**bundle.container.environment, verifier.PUBLIC_KEY_VARIABLE: private_key().public.line}
    try:
        assert verifier.verify_from_environment(fetched, environment) == bundle.root_sha256
    finally:
        verifier.forget(fetched)


def test_parts_of_32_mebibytes(tmp_path, bucket, contents, monkeypatch):
    monkeypatch.setattr(verified_archive, "PART_SIZE", 32 << 20)
    bundle = bundle_of_weights(tmp_path, (32 << 20) + 1)
    for form in FORMS:
        assert publish(bundle, bucket=bucket, form=form).bytes_sent > 32 << 20
        assert publish(bundle, bucket=bucket, form=form).bytes_sent == 0
    assert bundle.archive_path.read_bytes() in contents.all().values()
    assert (bundle.model_dir / "weights.bin").read_bytes() in contents.all().values()


@pytest.mark.parametrize("form", FORMS)
def test_what_was_published_verifies_where_it_is_deployed(large_bundle, bucket, contents, tmp_path, form):
    uri = publish(large_bundle, bucket=bucket, form=form).uri
    key = uri.removeprefix(f"s3://{bucket}/")
    target = tmp_path / "opt-ml-model"
    if form == "archive":
        with tarfile.open(fileobj=io.BytesIO(contents[key])) as archive:
            archive.extractall(target, filter="data")
    else:
        for name, data in contents.all().items():
            path = target / name.removeprefix(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    secret = large_bundle.check_signature(bytes.fromhex(MASTER_KEY)).secret.hex()
    environment = {**large_bundle.container.environment, verifier.KEY_VARIABLE: secret}
    assert verifier.verify_from_environment(target, environment) == large_bundle.root_sha256


@pytest.mark.parametrize("form", FORMS)
def test_the_second_time_nothing_is_sent_and_nothing_read(large_bundle, bucket, contents, requests, monkeypatch, form):
    settle(large_bundle.archive_path)
    first = publish(large_bundle, bucket=bucket, form=form)
    before = len(writes(requests()))
    for place in ("verified_archive.check_archive_stream", "artifact_objects._read"):
        monkeypatch.setattr(f"cdk_modelbuilder.publishing.{place}", lambda *_: pytest.fail("the bundle was read"))
    second = publish(large_bundle, bucket=bucket, form=form)
    assert (second.bytes_sent, second.bytes_skipped) == (0, first.bytes_sent)
    assert second.uri == first.uri
    assert len(writes(requests())) == before
    assert contents.versions() == first.objects


def test_a_folder_that_lacks_some_of_its_objects_gets_those_alone(large_bundle, bucket, contents, s3, requests):
    uri = publish(large_bundle, bucket=bucket, form="folder").uri
    keys = [uri.removeprefix(f"s3://{bucket}/") + name for name in ("weights.bin", SIGNATURE_FILES[1])]
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    before = len(writes(requests()))
    published = publish(large_bundle, bucket=bucket, form="folder")
    written = {path.partition("?")[0] for _, path in writes(requests())[before:]}
    assert written == {f"/{bucket}/{key}" for key in keys}
    assert published.bytes_sent == WEIGHTS + len(large_bundle.signature)
    assert contents.all()[keys[0]] == (large_bundle.model_dir / "weights.bin").read_bytes()


def test_another_model_is_another_key(tumour_bundle, large_bundle, bucket, contents):
    uris = {publish(bundle, bucket=bucket).uri for bundle in (tumour_bundle, large_bundle)}
    assert len(uris) == len(contents.all()) == 2


def test_a_changed_file_is_not_published_and_no_signature_either(large_bundle, copied, bucket, contents):
    bundle = copied(large_bundle)
    with (bundle.model_dir / "weights.bin").open("r+b") as file:
        file.seek(SHARD + 5)
        file.write(b"changed")
    with pytest.raises(IntegrityError, match=r"weights\.bin was changed: its bytes from 5242880 on"):
        publish(bundle, bucket=bucket, form="folder")
    there = contents.all()
    assert not any(key.endswith((*SIGNATURE_FILES, "weights.bin")) for key in there)
    assert all(data in files_of(large_bundle).values() for data in there.values())


@pytest.mark.parametrize("change", ["longer", "extra", "missing", "link"])
def test_files_that_were_not_signed_are_noticed_before_anything_is_sent(large_bundle, copied, bucket, requests, change):
    bundle = copied(large_bundle)
    weights = bundle.model_dir / "weights.bin"
    match change:
        case "longer":
            os.truncate(weights, WEIGHTS + 1)
        case "extra":
            (bundle.model_dir / "code" / "evil.py").write_text("")
        case "missing":
            weights.unlink()
        case "link":
            weights.rename(bundle.path / "elsewhere")
            weights.symlink_to(bundle.path / "elsewhere")
    with pytest.raises(IntegrityError, match=r"weights\.bin|evil\.py"):
        publish(bundle, bucket=bucket, form="folder")
    assert writes(requests()) == []


def test_a_changed_archive_is_not_published(tumour_bundle, copied, bucket, contents):
    bundle = copied(tumour_bundle)
    with bundle.archive_path.open("r+b") as file:
        file.seek(3000)
        file.write(b"changed")
    with pytest.raises(IntegrityError, match=r"model\.tar\.gz"):
        publish(bundle, bucket=bucket)
    assert contents.all() == {}


def test_an_archive_that_changes_after_it_was_verified(large_bundle, copied, bucket, contents):
    bundle = copied(large_bundle)

    def change(step: str, done: int, total: int) -> None:
        if step == "uploading":
            os.truncate(bundle.archive_path, SHARD)

    with pytest.raises(IntegrityError, match=r"model\.tar\.gz was changed"):
        publish(bundle, bucket=bucket, progress=change)
    assert contents.all() == {}


def test_a_receipt_does_not_outlive_a_change(large_bundle, copied, bucket):
    bundle = copied(large_bundle)
    settle(bundle.archive_path)
    publish(bundle, bucket=bucket)
    with bundle.archive_path.open("r+b") as file:
        file.seek(100)
        file.write(b"x")
    with pytest.raises(IntegrityError):
        publish(bundle, bucket=bucket)


def test_a_dry_run_writes_nothing_but_reads_everything(large_bundle, copied, bucket, contents, requests):
    bundle = copied(large_bundle)
    for form in FORMS:
        planned = publish(bundle, bucket=bucket, form=form, dry_run=True)
        assert planned.dry_run
        assert (planned.bytes_sent > WEIGHTS, planned.bytes_skipped) == (True, 0)
    assert contents.all() == {}
    assert writes(requests()) == []
    os.truncate(bundle.model_dir / "code" / "inference.py", 0)
    with pytest.raises(IntegrityError):
        publish(bundle, bucket=bucket, form="folder", dry_run=True)


def test_a_bundle_without_an_archive(tumour_bundle, copied, bucket):
    bundle = copied(tumour_bundle)
    bundle.archive_path.unlink()
    with pytest.raises(BundleError, match=r"model\.tar\.gz is missing.*form='folder'"):
        publish(bundle, bucket=bucket)
    assert publish(bundle, bucket=bucket, form="folder").objects


def test_the_form_is_what_the_bundle_was_built_for(regression, tmp_path, bucket):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    schema = SchemaBuilder(regression.X, regression.y)
    builder = ModelBuilder(model=regression.model, schema_builder=schema, archive=False, model_path=tmp_path / "b")
    bundle = builder.build()
    assert publish(bundle, bucket=bucket).form == "folder"
    with pytest.raises(BundleError, match=r"archive=False"):
        publish(bundle, bucket=bucket, form="archive")


def test_progress_reaches_the_end(large_bundle, bucket):
    seen: list[tuple[str, int, int]] = []
    publish(large_bundle, bucket=bucket, progress=lambda *report: seen.append(report))
    steps = {step: (done, total) for step, done, total in seen}
    assert list(steps) == ["verifying", "uploading"]
    assert steps["uploading"][0] == steps["uploading"][1] == large_bundle.archive_path.stat().st_size
    assert all(done <= total for _, done, total in seen)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bucket": "s3://artifacts"}, "not a bucket's name"),
        ({"bucket": "Artifacts"}, "not a bucket's name"),
        ({"prefix": "/models"}, "the prefix"),
        ({"form": "zip"}, "'zip' is no form"),
    ],
)
def test_wrong_arguments(tumour_bundle, bucket, options, words):
    with pytest.raises(UsageError, match=words):
        publish(tumour_bundle, **{"bucket": bucket, **options})


def test_an_object_encrypted_with_a_key_of_ones_own(large_bundle, tumour_bundle, bucket, s3):
    for bundle in (large_bundle, tumour_bundle):
        key = publish(bundle, bucket=bucket, kms_key_id="alias/artifacts").uri.removeprefix(f"s3://{bucket}/")
        found = s3.head_object(Bucket=bucket, Key=key)
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/artifacts")


def test_a_bucket_with_object_lock(large_bundle, tumour_bundle, s3):
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    for form in FORMS:
        assert publish(tumour_bundle, bucket="locked", form=form).bytes_sent
        assert publish(large_bundle, bucket="locked", form=form).bytes_sent


def test_an_archive_of_another_zlib_is_the_same_artifact(tumour_bundle, bucket, contents, s3):
    key = artifact_key(tumour_bundle.artifact_digest)
    packed = gzip.compress(gzip.decompress(tumour_bundle.archive_path.read_bytes()), 9, mtime=0)
    assert packed != tumour_bundle.archive_path.read_bytes()
    s3.put_object(Bucket=bucket, Key=key, Body=packed)
    published = publish(tumour_bundle, bucket=bucket)
    assert published.bytes_sent == 0
    assert contents.all() == {key: packed}


def test_objects_that_were_copied_there_without_a_sha256(large_bundle, bucket, contents, s3):
    base = artifact_key(large_bundle.artifact_digest, form="folder")
    for name, data in files_of(large_bundle).items():
        s3.put_object(Bucket=bucket, Key=base + name, Body=data)
    assert publish(large_bundle, bucket=bucket, form="folder").bytes_sent == 0
    assert contents.versions() == len(files_of(large_bundle))
