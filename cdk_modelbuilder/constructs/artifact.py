"""The bundle's archive as a FILE asset whose key in the bucket is the artifact digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.staging import place_file


@dataclass(frozen=True, slots=True)
class StagedArtifact:
    """Where the archive will be in S3; the values hold CDK tokens.

    Attributes:
        s3_uri: For the Model.
        object_arn: For the role.
    """

    s3_uri: str
    object_arn: str


def stage_archive(scope: Construct, bundle: ModelBundle) -> StagedArtifact:
    """Add the archive of ``bundle`` to the cloud assembly, by a link where the file system can.

    aws_cdk's own Asset would copy the file and hash it twice, and its key would not be the digest that is reviewed.

    Raises:
        BundleError: The bundle was built without an archive.
    """
    if bundle.container.model_data.form != "archive":
        raise BundleError(
            f"{bundle.path} was built with archive=False, so an endpoint cannot be made from it.",
            remedy="Build it with archive=True (the default).",
        )
    stack = cdk.Stack.of(scope)
    stage = cdk.Stage.of(scope)
    assert stage is not None
    name = f"asset.{bundle.artifact_digest}.tar.gz"
    staged = Path(stage.asset_outdir) / name
    if not (staged.exists() and staged.stat().st_size == bundle.archive_path.stat().st_size):
        staged.unlink(missing_ok=True)
        place_file(bundle.archive_path, staged)
    location = stack.synthesizer.add_file_asset(
        file_name=name,
        source_hash=bundle.artifact_digest,
        packaging=cdk.FileAssetPackaging.FILE,
        display_name=f"{scope.node.path}/model.tar.gz",
    )
    return StagedArtifact(
        s3_uri=location.s3_object_url,
        object_arn=f"arn:{cdk.Aws.PARTITION}:s3:::{location.bucket_name}/{location.object_key}",
    )
