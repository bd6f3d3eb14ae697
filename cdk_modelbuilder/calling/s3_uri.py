"""Names of objects in S3."""

from __future__ import annotations

from cdk_modelbuilder.errors import UsageError


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; to S3 every slash in a key counts.

    >>> split_uri("s3://bucket//answers/1.out")
    ('bucket', '/answers/1.out')

    Raises:
        UsageError: It is none.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise UsageError(f"{uri!r} is no S3 URI.", remedy="Give one such as s3://bucket/prefix.")
    return bucket, key
