"""A stand-in for S3 with a bucket a test, and bundles: a small one, and one with weights of three shards.

Shards and parts are the smallest that S3 takes here, and not 32 MiB, so that the tests take less time and memory.
"""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.integrity import manifest
from cdk_modelbuilder.publishing import verified_archive
from tests.aws_stand_in import AwsStandIn
from tests.conftest import MASTER_KEY

SHARD = 5 << 20
WEIGHTS = 2 * SHARD + 12345
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_archive, "PART_SIZE", SHARD)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No receipt of an earlier test, and none in the developer's own cache."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def aws():
    with AwsStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def client(aws) -> Any:
    return aws.client("s3")


@pytest.fixture
def s3(aws, client, monkeypatch) -> Any:
    """A client of the stand-in, which boto3's own settings name for the length of the test."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return client


@pytest.fixture
def bucket(s3) -> str:
    """A new, versioned bucket: that anything was overwritten would show."""
    name = f"artifacts-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture(scope="session")
def large_bundle(tmp_path_factory) -> ModelBundle:
    """Weights of two shards and a bit, so that they are sent in three parts. Shared: copy it before changing it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "SHARD_SIZE", SHARD)
        return bundle_of_weights(tmp_path_factory.mktemp("large"), WEIGHTS)


def bundle_of_weights(folder: Path, size: int) -> ModelBundle:
    """A bundle with weights of ``size`` bytes, an empty file, and one with an odd name."""
    from tests.publishing.no_op import REQUEST, RESPONSE, NoOp

    artifacts = folder / "artifacts"
    artifacts.mkdir()
    (artifacts / "weights.bin").write_bytes(np.random.default_rng(0).bytes(size))
    (artifacts / "empty").write_bytes(b"")
    (artifacts / "two words + ünïcode.txt").write_bytes(b"text")
    return ModelBuilder(
        inference_spec=NoOp(),
        schema_builder=SchemaBuilder(REQUEST, RESPONSE),
        model_path=folder / "bundle",
        artifacts=artifacts,
        signing_key=MASTER_KEY,
        name="large",
    ).build()


@pytest.fixture
def copied(tmp_path):
    """Copies a shared bundle to where it may be changed."""

    def copy(bundle: ModelBundle) -> ModelBundle:
        target = tmp_path / "copied"
        shutil.copytree(bundle.path, target)
        return ModelBundle.read(target)

    return copy


class Contents:
    """What is in a bucket, by plain requests of its own."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def all(self) -> dict[str, bytes]:
        listed = self._s3.list_objects_v2(Bucket=self._bucket).get("Contents", [])
        return {entry["Key"]: self[entry["Key"]] for entry in listed}

    def __getitem__(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def versions(self) -> int:
        return len(self._s3.list_object_versions(Bucket=self._bucket).get("Versions", []))

    def unfinished(self) -> list[dict[str, Any]]:
        return self._s3.list_multipart_uploads(Bucket=self._bucket).get("Uploads", [])


@pytest.fixture
def contents(s3, bucket) -> Contents:
    return Contents(s3, bucket)


@pytest.fixture
def requests(aws, bucket):
    """The requests that the stand-in has answered since the bucket was made, as method and path."""
    before = len(aws.log().splitlines())

    def since() -> list[tuple[str, str]]:
        lines = [line.partition('"')[2].split(" ") for line in aws.log().splitlines()[before:] if " HTTP/1." in line]
        return [(words[0], words[1]) for words in lines]

    return since
