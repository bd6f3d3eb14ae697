"""Bucket policies with conditions: moto applies a statement as if it had none, and only to reading and writing objects.

What a statement denies is denied, with the conditions that this project's templates use; anything else is an error here
and not a silent yes. The stand-in is reached over plain HTTP, so every request counts as one over TLS 1.2. Nothing is
refused for want of an allowing statement, as everywhere in the stand-in.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response

from tests.aws_stand_in.mending.recorded import Recorded, stands_for

CALLER = "arn:aws:iam::123456789012:user/stand-in"

_OF_A_KEY = {
    ("GET", "uploadId"): "s3:ListMultipartUploadParts",
    ("DELETE", "uploadId"): "s3:AbortMultipartUpload",
    ("DELETE", "versionId"): "s3:DeleteObjectVersion",
    ("PUT", "acl"): "s3:PutObjectAcl",
    ("PUT", "retention"): "s3:PutObjectRetention",
    ("PUT", "legal-hold"): "s3:PutObjectLegalHold",
    ("PUT", "tagging"): "s3:PutObjectTagging",
    ("GET", ""): "s3:GetObject",
    ("HEAD", ""): "s3:GetObject",
    ("PUT", ""): "s3:PutObject",
    ("POST", ""): "s3:PutObject",
    ("DELETE", ""): "s3:DeleteObject",
}
_OF_A_BUCKET = {
    ("PUT", "policy"): "s3:PutBucketPolicy",
    ("DELETE", "policy"): "s3:DeleteBucketPolicy",
    ("PUT", "versioning"): "s3:PutBucketVersioning",
    ("PUT", "lifecycle"): "s3:PutLifecycleConfiguration",
    ("PUT", "encryption"): "s3:PutEncryptionConfiguration",
    ("PUT", "publicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("GET", "uploads"): "s3:ListBucketMultipartUploads",
    ("GET", "list-type"): "s3:ListBucket",
    ("HEAD", ""): "s3:ListBucket",
    ("DELETE", ""): "s3:DeleteBucket",
    ("POST", "delete"): "s3:DeleteObject",  # of several objects at once
}


@stands_for("AWS::S3::BucketPolicy")
class BucketPolicy(Recorded):
    """The policy that a stack gives to a bucket."""

    def apply(self) -> None:
        self._backend.put_bucket_policy(
            self.properties["Bucket"], json.dumps(self.properties["PolicyDocument"]).encode()
        )

    def remove(self) -> None:
        self._backend.delete_bucket_policy(self.properties["Bucket"])

    @property
    def _backend(self) -> Any:
        return s3_backends[self.account]["aws"]


def mend() -> None:
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    S3Response._key_response = _of_a_key(S3Response._key_response)
    S3Response._bucket_response = _of_a_bucket(S3Response._bucket_response)


def _of_a_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: S3Response, request: Any, full_url: str) -> Any:
        action = _action(_OF_A_KEY, request.method, self.querystring)
        # CreateMultipartUpload, UploadPart and UploadPartCopy create no object yet.
        creates = not {"uploads", "partNumber"} & set(self.querystring)
        context = {"s3:ObjectCreationOperation": str(creates).lower()} if action == "s3:PutObject" else {}
        if none_match := request.headers.get("If-None-Match"):
            context["s3:if-none-match"] = none_match
        _enforce(self, action, f"/{self.parse_key_name()}", context)
        return original(self, request, full_url)

    return call


def _of_a_bucket(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: S3Response, request: Any, full_url: str) -> Any:
        if self.bucket_name:
            action = _action(_OF_A_BUCKET, request.method, self.querystring)
            _enforce(self, action, "/*" if action == "s3:DeleteObject" else "", {})
        return original(self, request, full_url)

    return call


def _action(table: Mapping[tuple[str, str], str], method: str, query: Mapping[str, Any]) -> str | None:
    return next((table[method, name] for name in (*query, "") if (method, name) in table), None)


def _enforce(self: S3Response, action: str | None, path: str, context: dict[str, str]) -> None:
    bucket = self.backend.buckets.get(self.bucket_name)
    if action is None or bucket is None or bucket.policy is None:
        return
    known = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2", "aws:PrincipalArn": CALLER, **context}
    for statement in json.loads(bucket.policy)["Statement"]:
        if statement["Effect"] == "Deny" and denies(statement, action, f"arn:aws:s3:::{bucket.name}{path}", known):
            raise S3ClientError("AccessDenied", f"{statement.get('Sid', 'A statement')} denies {action}")


def denies(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a denying statement is about a request.

    Args:
        statement: One of a policy's, with `Effect` Deny and everybody as its principal.
        action: Such as `s3:PutObject`.
        resource: ARN of the bucket or object.
        context: Condition key -> value; a key that is absent here is absent in the request.
    """
    if statement["Principal"] not in ("*", {"AWS": "*"}):
        raise NotImplementedError(f"the principal {statement['Principal']}")
    return (
        any(fnmatch.fnmatchcase(action, pattern) for pattern in _list(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in _list(statement["Resource"]))
        and all(
            _holds(operator, context.get(key), _list(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, value: str | None, wanted: list[Any]) -> bool:
    """IAM's rules: a negated operator holds for a key that is absent, the others do not."""
    texts = [str(item).lower() if isinstance(item, bool) else str(item) for item in wanted]
    if operator == "Null":
        return (value is None) == (texts == ["true"])
    if operator in ("ArnNotLike", "StringNotLike"):
        return value is None or not any(fnmatch.fnmatchcase(value, pattern) for pattern in texts)
    if operator == "Bool":
        return value in texts
    if operator == "NumericLessThan":
        return value is not None and float(value) < float(texts[0])
    raise NotImplementedError(f"the operator {operator}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
