"""Where the inputs and answers of asynchronous requests are: a folder in place of S3, or a server that speaks S3."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, Protocol

from cdk_modelbuilder.calling.s3_uri import split_uri
from cdk_modelbuilder.errors import UsageError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Objects(Protocol):
    """Holds objects by their ``s3://`` URI. Called in several threads."""

    def read(self, uri: str) -> tuple[bytes, str | None]:
        """Content, and content type where it is known.

        Raises:
            LookupError: There is no such object.
            UsageError: The URI is none.
        """
        ...

    def write(self, uri: str, content: bytes, content_type: str, metadata: dict[str, str]) -> None:
        """Put an object.

        Raises:
            LookupError: There is no such bucket, or it takes no objects.
            UsageError: The URI is none.
        """
        ...


class FolderObjects:
    """Objects as files: ``s3://bucket/key`` is ``FOLDER/bucket/key``. Content types are not kept.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, uri: str) -> Path:
        """The file of an object.

        Raises:
            UsageError: The URI is none, or one whose file would lie outside the folder.
        """
        bucket, key = split_uri(uri)
        parts = key.split("/")
        if not _BUCKET.fullmatch(bucket) or not key or any(part in ("", ".", "..") for part in parts) or "\0" in key:
            raise UsageError(
                f"{uri!r} cannot be a file of a folder.",
                remedy="Use a bucket's name and a key without empty or dotted parts.",
            )
        return self.folder.joinpath(bucket, *parts)

    def read(self, uri: str) -> tuple[bytes, str | None]:
        path = self.path_of(uri)
        try:
            return path.read_bytes(), None
        except OSError as error:
            raise LookupError(f"{uri} is not in {self.folder}: {error.strerror}") from None

    def write(self, uri: str, content: bytes, content_type: str, metadata: dict[str, str]) -> None:  # noqa: ARG002
        path = self.path_of(uri)
        unfinished = path.with_name(f".{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)  # whoever waits for it sees all or nothing
        except OSError as error:
            raise LookupError(f"{uri} cannot be written in {self.folder}: {error.strerror}") from None


class S3Objects:
    """Objects of a server that speaks S3, such as moto.

    Args:
        client: boto3's client of S3.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, uri: str) -> tuple[bytes, str | None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is an extra

        bucket, key = split_uri(uri)
        try:
            found = self._client.get_object(Bucket=bucket, Key=key)
            return found["Body"].read(), found.get("ContentType")
        except (BotoCoreError, ClientError) as error:
            raise LookupError(f"{uri}: {error}") from None

    def write(self, uri: str, content: bytes, content_type: str, metadata: dict[str, str]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is an extra

        bucket, key = split_uri(uri)
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, Metadata=metadata)
        except (BotoCoreError, ClientError) as error:
            raise LookupError(f"{uri}: {error}") from None
