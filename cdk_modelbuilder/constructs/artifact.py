"""Where a bundle's model data lies for SageMaker: an asset of the CDK app, or a place it was published to."""

from __future__ import annotations

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
from cdk_modelbuilder.constructs.arguments import check_s3_uri, is_token
from cdk_modelbuilder.constructs.model_data import ModelData
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.publishing.location import artifact_key
from cdk_modelbuilder.staging import place_file

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_s3

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
    def asset(cls, *, size_limit: Size | None = None) -> Artifact:
        """The bundle's archive as a FILE asset, whose key in the bootstrap bucket is the artifact digest.

        The archive is linked into the cloud assembly, not copied, where the file system can; it is not read.

        Args:
            size_limit: Largest archive to take. Default: 512 MiB.
        """
        limit = ASSET_LIMIT_MIB << 20 if size_limit is None else int(size_limit.to_bytes())
        return cls(lambda scope, bundle: _stage(scope, bundle, limit))

    @classmethod
    def s3(cls, uri: str, digest: str) -> Artifact:
        """What ``cdk-modelbuilder publish`` put into a bucket; it prints this line.

        Args:
            uri: ``s3://bucket/.../model.tar.gz``, or a prefix that ends in a slash.
            digest: The bundle's artifact digest, so that a bundle that was built anew and not published is noticed.

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
            return ModelData.folder(uri) if uri.endswith("/") else ModelData.archive(uri)

        return cls(locate)

    @classmethod
    def published(cls, bucket: aws_s3.IBucket | str, *, prefix: str = "", form: str | None = None) -> Artifact:
        """The same, with the key made from the bundle: whatever is built is expected in ``bucket``.

        Args:
            bucket: The bucket, or its name.
            prefix: As given to ``publish``.
            form: ``archive`` or ``folder``. Default: what the bundle's container spec says.

        Raises:
            UsageError: A form that there is not.
        """
        name = bucket if isinstance(bucket, str) else bucket.bucket_name
        if form not in (None, "archive", "folder"):
            raise UsageError(f"form is {form!r}.", remedy="Choose archive or folder.")

        def locate(_: Construct, bundle: ModelBundle) -> ModelData:
            wanted = form or bundle.container.model_data.form
            if wanted == "folder":
                key = artifact_key(bundle.artifact_digest, prefix=prefix, form="folder")
                return ModelData.folder(f"s3://{name}/{key}")
            key = artifact_key(bundle.artifact_digest, prefix=prefix, form="archive")
            return ModelData.archive(f"s3://{name}/{key}")

        return cls(locate)

    def bind(self, scope: Construct, bundle: ModelBundle) -> ModelData:
        """The model data of ``bundle`` for a Model in ``scope``.

        Raises:
            BundleError: The bundle has no archive, a larger one than assets take, or was not the one published.
        """
        return self._locate(scope, bundle)


def _stage(scope: Construct, bundle: ModelBundle, limit: int) -> ModelData:
    """Aws_cdk's own Asset would copy the file and hash it twice, and its key would not be the reviewed digest."""
    if bundle.container.model_data.form != "archive":
        raise BundleError(
            f"{bundle.path} was built with archive=False, so it cannot be an asset.",
            remedy="Build it with archive=True (the default), or publish its files: cdk-modelbuilder publish "
            "--form folder, and artifact=Artifact.s3(...).",
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
        uris[bundle.artifact_digest] = _add_asset(scope, bundle, size)
    return ModelData.archive(uris[bundle.artifact_digest])


def _add_asset(scope: Construct, bundle: ModelBundle, size: int) -> str:
    stack, stage = cdk.Stack.of(scope), cdk.Stage.of(scope)
    assert stage is not None
    staged = Path(stage.asset_outdir) / f"asset.{bundle.artifact_digest}.tar.gz"
    if not (staged.exists() and staged.stat().st_size == size):
        staged.unlink(missing_ok=True)
        place_file(bundle.archive_path, staged)
    location = stack.synthesizer.add_file_asset(
        # Relative to the manifest, which lies in a folder of its own for a Stage within the app.
        file_name=Path(os.path.relpath(staged, stage.outdir)).as_posix(),
        source_hash=bundle.artifact_digest,
        packaging=cdk.FileAssetPackaging.FILE,
        display_name=f"{scope.node.path}/model.tar.gz",
    )
    # Not s3_object_url, which would say it too: the role needs bucket and key apart.
    uri = f"s3://{location.bucket_name}/{location.object_key}"
    assert is_token(uri) or uri.endswith(".gz")
    return uri
