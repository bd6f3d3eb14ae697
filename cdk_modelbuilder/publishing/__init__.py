"""Publishing bundles to S3, under keys that their content decides."""

from cdk_modelbuilder.publishing.location import ArtifactForm, artifact_key
from cdk_modelbuilder.publishing.publication import PublishedArtifact, publish

__all__ = ["ArtifactForm", "PublishedArtifact", "artifact_key", "publish"]
