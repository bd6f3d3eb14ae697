"""Where a bundle's model data lies for SageMaker: an asset of the CDK app, or a place it was published to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import Size
from constructs import Construct

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs.arguments import check_s3_uri
from cdk_modelbuilder.constructs.model_data import ModelData, by_url
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.publishing.location import artifact_key
from cdk_modelbuilder.staging import place_file

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3

    from cdk_modelbuilder.constructs.artifact_bucket import ArtifactBucket

ASSET_LIMIT_MIB = 512
"""Largest archive that goes through an asset: beyond it, cdk.out and every runner that holds it grow by the model."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
# By stack and digest: asked again, a stack would give other tokens for the same place.
_staged: WeakKeyDictionary[cdk.Stack, dict[str, str]] = WeakKeyDictionary()


class Artifact:
    """The place of a bundle's model data. Make one with the class methods."""

    def __init__(self, locate: Callable[[Construct, ModelBundle], ModelData]) -> None:
        self._locate = locate

    @classmethod
    def asset(cls, *, size_limit: Size | None = None, encryption_key: kms.IKey | None = None) -> Artifact:
        """The bundle's archive as a FILE asset, whose key in the bootstrap bucket is the artifact digest.

        The archive is linked into the cloud assembly, not copied, where the file system can; it is not read.

        Args:
            size_limit: Largest archive to take. Default: 512 MiB.
            encryption_key: Key of the bootstrap bucket, where it is one of yours that roles need to be allowed to use;
                the one that ``cdk bootstrap --bootstrap-customer-key`` makes lets every role in.
        """
        limit = ASSET_LIMIT_MIB << 20 if size_limit is None else int(size_limit.to_bytes())
        return cls(lambda scope, bundle: by_url(_stage(scope, bundle, limit), encryption_key))

    @classmethod
    def s3(cls, uri: str, digest: str, *, encryption_key: kms.IKey | None = None) -> Artifact:
        """What ``cdk-modelbuilder publish`` put into a bucket; it prints this line.

        Args:
            uri: ``s3://bucket/.../model.tar.gz``, or a prefix that ends in a slash.
            digest: The bundle's artifact digest, so that a bundle that was built anew and not published is noticed.
            encryption_key: Key of the bucket, where it is one of yours.

        Raises:
            UsageError: No S3 URI, or no digest.
        """
        check_s3_uri("the artifact", uri)
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise UsageError(
                f"{digest!r} is no artifact digest.", remedy="Give the 64 hexadecimal digits that publish printed."
            )

        def locate(_: Construct, bundle: ModelBundle) -> ModelData:
            if bundle.artifact_digest != digest:
                raise BundleError(
                    f"{bundle.path} has the artifact digest {bundle.artifact_digest}, but {uri} was published from "
                    f"{digest}.",
                    remedy=f"Run `cdk-modelbuilder publish {bundle.path.name}` and put what it prints here.",
                )
            return _data(uri, encryption_key)

        return cls(locate)

    @classmethod
    def published(
        cls,
        bucket: aws_s3.IBucket | ArtifactBucket | str,
        *,
        prefix: str = "",
        form: str | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> Artifact:
        """The same, with the key made from the bundle: whatever is built is expected in ``bucket``.

        Args:
            bucket: The bucket, or its name.
            prefix: As given to ``publish``.
            form: ``archive`` or ``folder``. Default: what the bundle's container spec says.
            encryption_key: Key of the bucket, where it is one of yours. Default: what the bucket says.

        Raises:
            UsageError: A form that there is not.
        """
        if isinstance(bucket, str):
            name, key_used = bucket, encryption_key
        else:
            name, key_used = bucket.bucket_name, encryption_key or bucket.encryption_key
        if form not in (None, "archive", "folder"):
            raise UsageError(f"form is {form!r}.", remedy="Choose archive or folder.")

        def locate(_: Construct, bundle: ModelBundle) -> ModelData:
            wanted = form or bundle.container.model_data.form
            key = artifact_key(
                bundle.artifact_digest, prefix=prefix, form="folder" if wanted == "folder" else "archive"
            )
            return _data(f"s3://{name}/{key}", key_used)

        return cls(locate)

    def bind(self, scope: Construct, bundle: ModelBundle) -> ModelData:
        """The model data of ``bundle`` for a Model in ``scope``.

        Raises:
            BundleError: The bundle has no archive, a larger one than assets take, or was not the one published.
        """
        return self._locate(scope, bundle)


def _data(uri: str, key: kms.IKey | None) -> ModelData:
    make = ModelData.folder if uri.endswith("/") else ModelData.archive
    return make(uri, encryption_key=key)


def _stage(scope: Construct, bundle: ModelBundle, limit: int) -> str:
    """Aws_cdk's own Asset would copy the file and hash it twice, and its key would not be the reviewed digest."""
    if bundle.container.model_data.form != "archive":
        raise BundleError(
            f"{bundle.path} was built with archive=False, as folders of language models are, so it cannot be an asset.",
            remedy=f"Run `cdk-modelbuilder publish {bundle.path} --bucket BUCKET` and give the "
            "artifact=Artifact.s3(...) that it prints, or artifact=Artifact.published(BUCKET); "
            "a small model can be built with archive=True.",
        )
    try:
        size = bundle.archive_path.stat().st_size
    except OSError:
        raise BundleError(
            f"{bundle.archive_path} is missing.",
            remedy="Build the bundle here, or publish it where it was built and use artifact=Artifact.s3(...).",
        ) from None
    if size > limit:
        raise BundleError(
            f"{bundle.archive_path} has {size / 2**20:.0f} MiB; assets are taken up to {limit / 2**20:.0f} MiB.",
            remedy=f"Run `cdk-modelbuilder publish {bundle.path} --bucket BUCKET` and give the "
            "artifact=Artifact.s3(...) that it prints; or raise Artifact.asset(size_limit=...).",
        )
    uris = _staged.setdefault(cdk.Stack.of(scope), {})
    if bundle.artifact_digest not in uris:
        uris[bundle.artifact_digest] = add_archive(
            scope,
            bundle.archive_path,
            bundle.artifact_digest,
            asset_id="ModelData",
            otherwise=f"Run `cdk-modelbuilder publish {bundle.path.name}` and use artifact=Artifact.s3(...).",
        )
    return uris[bundle.artifact_digest]


def add_archive(scope: Construct, archive: Path, digest: str, *, asset_id: str, otherwise: str) -> str:
    """Make an archive a FILE asset whose key in the bootstrap bucket is ``digest``; returns its S3 URI.

    Args:
        scope: Of what uses it.
        archive: The archive.
        digest: Its SHA-256.
        asset_id: Id of the construct that some synthesizers need.
        otherwise: What to do in a stack that takes no assets.

    Raises:
        BundleError: The stack takes no assets.
    """
    stack, stage = cdk.Stack.of(scope), cdk.Stage.of(scope)
    assert stage is not None
    staged = Path(stage.asset_outdir) / f"asset.{digest}.tar.gz"
    _place(archive, staged, archive.stat().st_size)
    try:
        location = stack.synthesizer.add_file_asset(
            # Relative to the manifest, which lies in a folder of its own for a Stage within the app.
            file_name=Path(os.path.relpath(staged, stage.outdir)).as_posix(),
            # The key is this and the file's last ending, and SageMaker wants one that ends in .tar.gz.
            source_hash=f"{digest}.tar",
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=f"{scope.node.path}/{archive.name}",
        )
    except RuntimeError:
        # jsii hands out the synthesizer that was passed to the app or the stack, and not the one that knows the stack.
        return _add_by_the_cdk(scope, archive, digest, asset_id, otherwise)
    # Not s3_object_url, which would say it too: the role needs bucket and key apart.
    return f"s3://{location.bucket_name}/{location.object_key}"


def _add_by_the_cdk(scope: Construct, archive: Path, digest: str, asset_id: str, otherwise: str) -> str:
    """The same by the CDK's own Asset, which finds its copy there already. Its key is a digest of the digest."""
    from aws_cdk import aws_s3_assets  # noqa: PLC0415 - rarely needed

    stage = cdk.Stage.of(scope)
    assert stage is not None
    staged = Path(stage.asset_outdir) / f"asset.{hashlib.sha256(digest.encode()).hexdigest()}.tar.gz"
    _place(archive, staged, archive.stat().st_size)
    try:
        asset = aws_s3_assets.Asset(scope, asset_id, path=str(archive), asset_hash=digest)
    except RuntimeError as error:
        raise BundleError(
            f"the stack takes no asset: {str(error).splitlines()[0]}",
            remedy=otherwise,
        ) from None
    return f"s3://{asset.s3_bucket_name}/{asset.s3_object_key}"


def _place(archive: Path, staged: Path, size: int) -> None:
    if not (staged.exists() and staged.stat().st_size == size):
        staged.unlink(missing_ok=True)
        place_file(archive, staged)
