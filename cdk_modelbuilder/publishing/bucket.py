"""The requests that publishing makes to a bucket. Nothing here overwrites or deletes an object.

Every write has ``If-None-Match: *``, so that S3 itself refuses one to a key that is taken (User Guide, "How to prevent
object overwrites with conditional writes"). What is sent carries its SHA-256, so S3 refuses what arrives changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.publishing.artifact_objects import ArtifactObject, Part
from cdk_modelbuilder.publishing.failures import (
    INTERFERED,
    TAKEN,
    KeyTakenError,
    OtherPublisherError,
    code_of,
    failure,
)
from cdk_modelbuilder.publishing.location import check_bucket_name

_ATTEMPTS: Final = 6
_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 120  # S3 may take its time to put the parts of a large object together


@dataclass(frozen=True, slots=True)
class Stated:
    """What S3 says about an object.

    Attributes:
        size: Bytes.
        sha256: Its SHA-256 in S3's own form, or None if it was written without one.
    """

    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that an unfinished upload has.

    Attributes:
        size: Bytes.
        sha256: Its SHA-256 in S3's own form.
        etag: What names it when the upload is completed.
    """

    size: int
    sha256: str | None
    etag: str


class Bucket:
    """A bucket that exists, in the region where it is. Safe to use from several threads."""

    def __init__(self, client: Any, name: str, region: str | None, owner: str | None, kms_key_id: str | None) -> None:
        self.name = name
        self.region = region
        self._client = client
        self._target = {"Bucket": name, **({"ExpectedBucketOwner": owner} if owner else {})}
        self._encryption: dict[str, Any] = {}
        if kms_key_id:
            self._encryption = {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": kms_key_id,
                "BucketKeyEnabled": True,
            }

    @classmethod
    def open(
        cls,
        name: str,
        *,
        region: str | None,
        owner: str | None,
        kms_key_id: str | None,
        connections: int,
        session: Any = None,
    ) -> Self:
        """Ask S3 where the bucket is, and return it.

        Args:
            name: The bucket's name.
            region: Where it has to be; None takes it where it is.
            owner: Account that has to own it, or None for any.
            kms_key_id: Encrypt with this KMS key; None leaves it to the bucket.
            connections: How many requests run at a time.
            session: A boto3 session. Default: one with the environment's settings.

        Raises:
            PublishError: There is no such bucket, AWS refused, or cannot be reached.
            UsageError: ``name`` is none of a bucket, or the bucket is in another region.
        """
        check_bucket_name(name)
        client = _client(session, region, connections)
        found = cls(client, name, region, owner, kms_key_id)
        place = found._where()
        if region is not None and place not in (None, region):
            raise UsageError(
                f"the bucket {name} is in {place}, not in {region}.",
                remedy="SageMaker reads model data from buckets in the endpoint's own region only: name one there, or "
                f"give {place} as the region.",
            )
        if place is not None and place != client.meta.region_name:
            client = _client(session, place, connections)
        return cls(client, name, place, owner, kms_key_id)

    def uri(self, key: str) -> str:
        """``s3://`` address of ``key``."""
        return f"s3://{self.name}/{key}"

    def state(self, key: str) -> Stated | None:
        """What is under ``key``; None if there is nothing."""
        found = self._call("HeadObject", Key=key, ChecksumMode="ENABLED", absent=True)
        return None if found is None else Stated(found["ContentLength"], found.get("ChecksumSHA256"))

    def keys(self, prefix: str) -> set[str]:
        """The keys that begin with ``prefix``."""
        pages = self._pages("ListObjectsV2", {"NextContinuationToken": "ContinuationToken"}, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", ())}

    def body(self, key: str) -> Body:
        """The content under ``key``, as a stream."""
        return Body(self._call("GetObject", Key=key)["Body"], self.uri(key))

    def put(self, item: ArtifactObject, data: bytes | bytearray) -> None:
        """Write an object of one part.

        Raises:
            KeyTakenError: There is one already.
        """
        self._call(
            "PutObject",
            Key=item.key,
            Body=data,
            ContentType=_content_type(item.key),
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",  # said beside the checksum, which Object Lock asks for
            ChecksumSHA256=item.checksum,
            **self._encryption,
        )

    def unfinished(self, prefix: str) -> dict[str, list[str]]:
        """Key -> ids of the unfinished uploads with SHA-256 whose key begins with ``prefix``."""
        markers = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
        found: dict[str, list[str]] = {}
        for page in self._pages("ListMultipartUploads", markers, Prefix=prefix):
            for entry in page.get("Uploads", ()):
                if entry.get("ChecksumAlgorithm") == "SHA256":
                    found.setdefault(entry["Key"], []).append(entry["UploadId"])
        return found

    def begin(self, key: str) -> str:
        """Begin a multipart upload and return its id."""
        begun = self._call(
            "CreateMultipartUpload",
            Key=key,
            ContentType=_content_type(key),
            ChecksumAlgorithm="SHA256",
            **self._encryption,
        )
        return str(begun["UploadId"])

    def parts(self, key: str, upload_id: str) -> dict[int, SentPart]:
        """The parts that an upload has, by number.

        Raises:
            OtherPublisherError: There is no such upload any more.
        """
        markers = {"NextPartNumberMarker": "PartNumberMarker"}
        return {
            entry["PartNumber"]: SentPart(entry["Size"], entry.get("ChecksumSHA256"), entry["ETag"])
            for page in self._pages("ListParts", markers, Key=key, UploadId=upload_id)
            for entry in page.get("Parts", ())
        }

    def send(self, key: str, upload_id: str, part: Part, data: bytes | bytearray) -> str:
        """Send one part and return its ETag.

        Raises:
            OtherPublisherError: There is no such upload any more.
        """
        sent = self._call(
            "UploadPart",
            Key=key,
            UploadId=upload_id,
            PartNumber=part.number,
            Body=data,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=part.checksum,
        )
        return str(sent["ETag"])

    def complete(self, item: ArtifactObject, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make an object of an upload's parts.

        Raises:
            KeyTakenError: There is one already.
            OtherPublisherError: There is no such upload any more, or its parts are others.
        """
        listed = [
            {"PartNumber": part.number, "ETag": etags[part.number], "ChecksumSHA256": part.checksum}
            for part in item.parts
        ]
        self._call(
            "CompleteMultipartUpload",
            Key=item.key,
            UploadId=upload_id,
            MultipartUpload={"Parts": listed},
            MpuObjectSize=item.size,
            IfNoneMatch="*",
        )

    def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload, so that its parts cost nothing; no matter if it is gone."""
        try:
            self._call("AbortMultipartUpload", Key=key, UploadId=upload_id)
        except OtherPublisherError:
            return

    def _where(self) -> str | None:
        found = self._call("HeadBucket")
        headers = found.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region: str | None = found.get("BucketRegion") or headers.get("x-amz-bucket-region")
        return region

    def _pages(self, operation: str, markers: Mapping[str, str], **arguments: Any) -> Iterator[Any]:
        following: dict[str, Any] = {}
        while True:
            page = self._call(operation, **arguments, **following)
            yield page
            if not page.get("IsTruncated"):
                return
            following = {asked: page[given] for given, asked in markers.items() if page.get(given)}

    def _call(self, operation: str, *, absent: bool = False, **arguments: Any) -> Any:
        """The answer to a request; None if ``absent`` is allowed and what was asked for is not there."""
        method = getattr(self._client, _METHODS[operation])
        place = self.uri(arguments.get("Key", arguments.get("Prefix", "")))
        try:
            return method(**self._target, **arguments)
        except ClientError as error:
            code = code_of(error)
            if absent and code in ("404", "NoSuchKey", "NotFound"):
                return None
            if code in TAKEN:
                raise KeyTakenError(place) from None
            if code in INTERFERED:
                raise OtherPublisherError(place) from None
            raise failure(error, operation, place) from None
        except BotoCoreError as error:
            raise failure(error, operation, place) from None


_METHODS: Final = {
    "HeadBucket": "head_bucket",
    "ListObjectsV2": "list_objects_v2",
    "ListMultipartUploads": "list_multipart_uploads",
    "HeadObject": "head_object",
    "GetObject": "get_object",
    "PutObject": "put_object",
    "CreateMultipartUpload": "create_multipart_upload",
    "UploadPart": "upload_part",
    "CompleteMultipartUpload": "complete_multipart_upload",
    "ListParts": "list_parts",
    "AbortMultipartUpload": "abort_multipart_upload",
}


class Body:
    """The content of an object; a failure of the network on the way is an error of ours."""

    def __init__(self, stream: Any, place: str) -> None:
        self._stream = stream
        self._place = place

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end.

        Raises:
            PublishError: The connection broke.
        """
        try:
            data: bytes = self._stream.read(size)
        except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
            raise failure(error, "GetObject", self._place) from None
        return data


def _content_type(key: str) -> str:
    return "application/gzip" if key.endswith(".gz") else "binary/octet-stream"


def _client(session: Any, region: str | None, connections: int) -> Any:
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        tcp_keepalive=True,
    )
    try:
        return (session or boto3.Session()).client("s3", region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"AWS's settings here are wrong: {error}.", remedy="Check AWS_PROFILE and the region."
        ) from None
