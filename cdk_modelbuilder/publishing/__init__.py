"""Publishing bundles to S3, under keys that their content decides."""

from cdk_modelbuilder.publishing.location import ArtifactForm, artifact_key

__all__ = ["ArtifactForm", "artifact_key"]
