"""What of a bundle is in the bucket already, and whether it is the same."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import IntegrityError
from cdk_modelbuilder.publishing.artifact_objects import ArtifactObject
from cdk_modelbuilder.publishing.bucket import Bucket, Stated
from cdk_modelbuilder.publishing.location import ArtifactForm
from cdk_modelbuilder.publishing.verified_archive import check_bundle_archive

_CHUNK: Final = 1 << 20


class Comparison:
    """Compares a bundle with what a bucket holds, by what S3 states where that will do.

    Args:
        bucket: The bucket.
        bundle: The bundle.
        form: How it is published.
    """

    def __init__(self, bucket: Bucket, bundle: ModelBundle, form: ArtifactForm) -> None:
        self._bucket = bucket
        self._bundle = bundle
        self._form = form

    def missing(self, items: Sequence[ArtifactObject], key: str, pool: ThreadPoolExecutor) -> list[ArtifactObject]:
        """Those of ``items`` that the bucket lacks, in their order.

        Args:
            items: All objects of the bundle.
            key: The artifact's key: what all of theirs begin with.
            pool: Threads that ask.

        Raises:
            IntegrityError: The bucket holds something else under a key, or an object that does not belong there.
        """
        if self._form == "folder":
            there = self._bucket.keys(key)
            if stray := sorted(there - {item.key for item in items}):
                raise IntegrityError(
                    f"{self._bucket.uri(stray[0])} was not signed; it was put among the files of {self._bundle.name}.",
                    remedy="A container would refuse to start. Have the bucket's administrator find out who wrote it, "
                    "and remove it.",
                )
            items, absent = [item for item in items if item.key in there], [i for i in items if i.key not in there]
        else:
            absent = []
        states = pool.map(lambda item: self._bucket.state(item.key), items)
        for item, stated in zip(items, states, strict=True):
            if stated is None:
                absent.append(item)
            else:
                self._check(item, stated)
        return absent

    def check_taken(self, item: ArtifactObject) -> None:
        """Check what somebody wrote under an object's key a moment ago.

        Raises:
            IntegrityError: It is something else.
        """
        stated = self._bucket.state(item.key)
        if stated is None:
            raise IntegrityError(
                f"{self._bucket.uri(item.key)} was there and is gone again.",
                remedy="Somebody deletes what is published: find out who.",
            )
        self._check(item, stated)

    def _check(self, item: ArtifactObject, stated: Stated) -> None:
        if (stated.size, stated.sha256) == (item.size, item.checksum):
            return
        # Without a SHA-256, or with one over other parts, only the content can tell. An archive's own bytes may differ.
        why = self._of_archive(item) if self._form == "archive" else self._of_file(item, stated)
        if why is not None:
            raise IntegrityError(
                f"{self._bucket.uri(item.key)} holds something else than the bundle {self._bundle.name}: {why}",
                remedy="It was left as it is. Have the bucket's administrator find out who wrote it, and remove it.",
            )

    def _of_archive(self, item: ArtifactObject) -> str | None:
        try:
            check_bundle_archive(self._bucket.body(item.key), "model.tar.gz", self._bundle)
        except IntegrityError as error:
            return error.what
        return None

    def _of_file(self, item: ArtifactObject, stated: Stated) -> str | None:
        if stated.size != item.size:
            return f"it has {stated.size} bytes, but {item.size} were signed."
        body = self._bucket.body(item.key)
        for part in item.parts:
            digest, left = hashlib.sha256(), part.size
            while left and (data := body.read(min(_CHUNK, left))):
                digest.update(data)
                left -= len(data)
            if left or not hmac.compare_digest(digest.digest(), part.sha256):
                return f"its bytes from {part.offset} on are not what was signed."
        return None
