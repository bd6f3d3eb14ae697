"""Uploads to S3: checksums are checked and listed, conditional writes are atomic, an unknown upload is a 404."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import xmltodict
from moto.s3.exceptions import InvalidPart, NoSuchUpload, PreconditionFailed, S3ClientError
from moto.s3.models import FakeKey, FakeMultipart
from moto.s3.responses import S3Response

_SHA256 = "x-amz-checksum-sha256"
_writing = threading.RLock()  # what is asked and what is then done must not be torn apart by another request


def mend() -> None:
    FakeMultipart.list_parts = _parts_after
    S3Response.put_object = _one_at_a_time(_checked(S3Response.put_object))
    S3Response.upload_part = _of_a_known_upload(_checked(S3Response.upload_part))
    S3Response.list_parts = _with_checksums(S3Response.list_parts)
    S3Response.head_object = _with_composite_checksum(S3Response.head_object)
    S3Response._key_response_post = _one_at_a_time(_completing(S3Response._key_response_post))


def _one_at_a_time(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        with _writing:
            return original(*arguments, **options)

    return call


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _checked(original: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    """Moto takes the checksum that the request claims."""

    def call(self: S3Response) -> Any:
        claimed = self.headers.get(_SHA256)
        if claimed and claimed != _sha256(self.body or b""):
            raise S3ClientError("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
        return original(self)

    return call


def _upload(self: S3Response) -> FakeMultipart:
    upload_id = self._get_param("uploadId")
    found = self.backend.get_bucket(self.bucket_name).multiparts.get(upload_id)
    if found is None:  # moto: a KeyError, which is a status of 500
        raise NoSuchUpload(upload_id=upload_id)
    return found


def _of_a_known_upload(original: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    def call(self: S3Response) -> Any:
        upload = _upload(self)
        response = original(self)
        part = upload.parts[self._get_int_param("partNumber")]
        part.checksum_value = self.headers.get(_SHA256)
        return response

    return call


def _parts_after(self: FakeMultipart, part_number_marker: int, max_parts: int) -> Iterator[FakeKey]:
    """The marker is a part's number; moto takes it for a position, and skips parts where some are missing."""
    after = [number for number in list(self.partlist) if number > part_number_marker]
    return iter([self.parts[number] for number in after[:max_parts]])


def _with_checksums(original: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    def call(self: S3Response) -> Any:
        upload = _upload(self)
        serialize = self.serialized

        def with_checksums(answer: Any) -> Any:
            answer.result["ChecksumAlgorithm"] = upload.metadata.get("x-amz-checksum-algorithm")
            for entry in answer.result["Parts"]:
                if checksum := upload.parts[entry["PartNumber"]].checksum_value:
                    entry["ChecksumSHA256"] = checksum
            last = answer.result["NextPartNumberMarker"]
            answer.result["IsTruncated"] = any(number > last for number in list(upload.partlist)) if last else False
            return serialize(answer)

        self.serialized = with_checksums
        return original(self)

    return call


def _with_composite_checksum(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: S3Response, bucket_name: str, query: dict[str, Any], key_name: str, headers: Any) -> Any:
        response = original(self, bucket_name, query, key_name, headers)
        if response[0] == 200 and headers.get("x-amz-checksum-mode") == "ENABLED":
            key = self.backend.head_object(bucket_name, key_name, query.get("versionId", [None])[0])
            if key.checksum_algorithm:
                response[1][f"x-amz-checksum-{key.checksum_algorithm.lower()}"] = _stated(key)
                response[1]["x-amz-checksum-type"] = key.checksum_type or "FULL_OBJECT"
        return response

    return call


def _stated(key: FakeKey) -> str:
    return f"{key.checksum_value}-{key.checksum_parts}" if key.checksum_type == "COMPOSITE" else key.checksum_value


def _completing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Moto compares neither the checksums of the parts nor the size, and says no checksum in its answer."""

    def call(self: S3Response, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key: str) -> Any:
        if not query.get("uploadId"):
            return original(self, request, body, bucket_name, query, key)
        if self.headers.get("If-None-Match") == "*" and self.backend.get_object(bucket_name, key) is not None:
            raise PreconditionFailed("If-None-Match")
        upload = _upload(self)
        _check_parts(upload, body, self.headers.get("x-amz-mp-object-size"))
        serialize = self.serialized

        def with_checksum(answer: Any) -> Any:
            made = self.backend.get_object(bucket_name, key)
            if made.checksum_algorithm == "SHA256":
                answer.result["ChecksumSHA256"] = _stated(made)
                answer.result["ChecksumType"] = made.checksum_type
            return serialize(answer)

        self.serialized = with_checksum
        return original(self, request, body, bucket_name, query, key)

    return call


def _check_parts(upload: FakeMultipart, body: bytes, size: str | None) -> None:
    named = xmltodict.parse(body, force_list=("Part",))["CompleteMultipartUpload"]["Part"]
    parts = [upload.parts.get(int(entry["PartNumber"])) for entry in named]
    needed = upload.metadata.get("x-amz-checksum-algorithm") == "SHA256"
    for entry, part in zip(named, parts, strict=True):
        if part is None or (needed and entry.get("ChecksumSHA256") != part.checksum_value):
            raise InvalidPart
    if size is not None and int(size) != sum(part.contentsize for part in parts):
        raise S3ClientError("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match.")
