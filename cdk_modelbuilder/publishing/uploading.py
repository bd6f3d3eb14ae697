"""Sends the objects of a bundle: several requests at a time, going on where an interrupted upload stopped.

Any number of publishers of the same bundle may be at work. Who comes first makes the object; the others find it,
compare it, and are done. Keys are decided by the content, so an unfinished upload of somebody else is gone on with as
well: its parts count if S3 states for them the very SHA-256 that ours have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from typing import Final, TypeVar

from cdk_modelbuilder.errors import PublishError
from cdk_modelbuilder.publishing.artifact_objects import ArtifactObject, Part
from cdk_modelbuilder.publishing.bucket import Bucket
from cdk_modelbuilder.publishing.failures import KeyTakenError, OtherPublisherError
from cdk_modelbuilder.publishing.tally import Tally

Item = TypeVar("Item")

_ATTEMPTS: Final = 5
"""How often an object is begun anew when other publishers interfere; each time one of them got further."""


class Uploading:
    """The sending of one bundle's objects.

    Args:
        bucket: Where to.
        pool: Threads that send; each holds one part in memory.
        tally: Counts what is sent and what was there.
        check_taken: Called with an object whose key turned out to be taken; raises if it holds something else.
    """

    def __init__(
        self,
        bucket: Bucket,
        pool: ThreadPoolExecutor,
        tally: Tally,
        check_taken: Callable[[ArtifactObject], None],
    ) -> None:
        self._bucket = bucket
        self._pool = pool
        self._tally = tally
        self._check_taken = check_taken

    def send(self, items: Sequence[ArtifactObject], unfinished: dict[str, list[str]]) -> None:
        """Send ``items``; when this returns, all of them are in the bucket.

        Args:
            items: What is missing.
            unfinished: Key -> ids of uploads that were begun.

        Raises:
            IntegrityError: A file is not what was signed, or somebody wrote something else under a key.
            PublishError: AWS refused, or cannot be reached.
        """
        self._for_all(self._send_whole, (item for item in items if len(item.parts) == 1))
        for item in items:
            if len(item.parts) > 1:
                self._send_in_parts(item, unfinished.get(item.key, []))

    def _for_all(self, task: Callable[[Item], object], items: Iterable[Item]) -> None:
        futures = [self._pool.submit(task, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:  # Ctrl-C, too: what is under way arrives, and the next run finds it
            for future in futures:
                future.cancel()
            wait(futures)
            raise

    def _send_whole(self, item: ArtifactObject) -> None:
        data = item.read(item.parts[0])
        for _ in range(_ATTEMPTS):
            try:
                self._bucket.put(item, data)
            except KeyTakenError:
                self._check_taken(item)
                self._tally.found(item.size)
                return
            except OtherPublisherError:
                continue
            self._tally.sent(item.size)
            return
        raise _crowded(self._bucket.uri(item.key))

    def _send_in_parts(self, item: ArtifactObject, uploads: list[str]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._try_in_parts(item, uploads, first=not attempt)
            except OtherPublisherError:
                if self._bucket.state(item.key) is not None:
                    self._check_taken(item)
                    return
                # Once more with the parts that are there; then anew, as the API reference asks for after a conflict.
                uploads = [] if attempt else self._bucket.unfinished(item.key).get(item.key, [])
                continue
            return
        raise _crowded(self._bucket.uri(item.key))

    def _try_in_parts(self, item: ArtifactObject, uploads: list[str], *, first: bool) -> None:
        upload_id, etags = self._begin(item, uploads)
        missing = [part for part in item.parts if part.number not in etags]
        if first:
            self._tally.resumed(item.size - sum(part.size for part in missing))

        def send(part: Part) -> None:
            etags[part.number] = self._bucket.send(item.key, upload_id, part, item.read(part))
            self._tally.sent(part.size)

        self._for_all(send, missing)
        try:
            self._bucket.complete(item, upload_id, etags)
        except KeyTakenError:
            self._bucket.abort(item.key, upload_id)
            self._check_taken(item)

    def _begin(self, item: ArtifactObject, uploads: list[str]) -> tuple[str, dict[int, str]]:
        """An upload of ``item``, and the ETags of the parts that it has: one with such parts, else a new one."""
        expected = {part.number: (part.size, part.checksum) for part in item.parts}
        for upload_id in uploads:
            try:
                there = self._bucket.parts(item.key, upload_id)
            except OtherPublisherError:
                continue
            # Of another archive of the same bundle, packed by another zlib, no part is taken and none replaced.
            if there and all(expected.get(number) == (part.size, part.sha256) for number, part in there.items()):
                return upload_id, {number: part.etag for number, part in there.items()}
        return self._bucket.begin(item.key), {}


def _crowded(place: str) -> PublishError:
    return PublishError(
        f"other publishers of {place} interfered {_ATTEMPTS} times.", remedy="Wait for them to end, then publish again."
    )
