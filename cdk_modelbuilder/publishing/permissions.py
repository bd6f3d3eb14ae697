"""Which IAM action each request of ``publish()`` needs: what a refusal names, and what the construct grants.

Source: the Amazon S3 User Guide, "Required permissions for Amazon S3 API operations", and the API reference's pages of
the operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ACTION_OF_OPERATION: Final[Mapping[str, str]] = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}

BUCKET_ACTIONS: Final = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
"""On the bucket. ``s3:ListBucket`` also makes an absent object a 404 and not a 403."""

OBJECT_ACTIONS: Final = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
"""On the objects."""

KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")
"""On the KMS key, if there is one: S3 decrypts to put parts together and to state an object's checksum."""
