"""publish(): a bundle into a bucket, once, and never over anything that is there.

1. What S3 has to hold is worked out: from the manifest alone for a folder; for an archive from one reading of it, whose
   result is remembered (artifact_objects.py, verified_archive.py).
2. S3 is asked what it has. An object whose size and SHA-256 agree is done with; one with another SHA-256 is read and
   checked against the manifest, for an archive may have been packed by another zlib; anything else is an error.
3. What is missing is read, compared with the manifest, and sent (uploading.py). The signature's files go last, so a
   folder that is not whole never looks as if it were.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.publishing.artifact_objects import ArtifactObject, folder_objects
from cdk_modelbuilder.publishing.location import ARTIFACT_FORMS, ArtifactForm, artifact_key
from cdk_modelbuilder.publishing.tally import OnProgress, Tally
from cdk_modelbuilder.publishing.verified_archive import archive_object

if TYPE_CHECKING:
    from cdk_modelbuilder.publishing.bucket import Bucket
    from cdk_modelbuilder.publishing.uploading import Uploading

WORKERS: Final = 8
"""Requests at a time. Each that sends holds one part of at most 32 MiB; an archive above 312 GiB has larger ones."""


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """A bundle in a bucket.

    Attributes:
        uri: ``s3://`` address of the archive, or of the folder with a slash at its end.
        digest: The artifact digest.
        form: ``archive`` or ``folder``.
        region: Where the bucket is; None where S3 did not say.
        objects: How many objects it has.
        bytes_sent: Bytes that were sent now; in a dry run those that would be.
        bytes_skipped: Bytes that did not have to be sent.
        bytes_resumed: Those of them that an interrupted upload had sent.
        dry_run: Whether nothing was written.
    """

    uri: str
    digest: str
    form: ArtifactForm
    region: str | None
    objects: int
    bytes_sent: int
    bytes_skipped: int
    bytes_resumed: int
    dry_run: bool

    @property
    def snippet(self) -> str:
        """What to write in a CDK app to deploy it."""
        return f'Artifact.s3("{self.uri}", "{self.digest}")'


def publish(
    bundle: ModelBundle | Path | str,
    *,
    bucket: str,
    prefix: str = "",
    form: ArtifactForm | None = None,
    region: str | None = None,
    kms_key_id: str | None = None,
    expected_bucket_owner: str | None = None,
    dry_run: bool = False,
    progress: OnProgress | None = None,
    session: Any = None,
) -> PublishedArtifact:
    """Put ``bundle`` into an S3 bucket, under a key that its content decides.

    What is there already is not sent again, and an interrupted upload is gone on with. Nothing is ever overwritten.
    Every byte that is sent was compared with the bundle's manifest; whether the manifest's signature is good is for
    :meth:`ModelBundle.verify` and for the container's start to say.

    Args:
        bundle: The bundle, or its folder.
        bucket: Name of the bucket. It has to be in the endpoint's region.
        prefix: What to put before the key, such as ``models/churn``.
        form: ``archive`` or ``folder``. Default: what the container spec says.
        region: Where the bucket has to be. Default: wherever it is.
        kms_key_id: Encrypt new objects with this KMS key. Default: as the bucket is set up, which is best.
        expected_bucket_owner: Account id that has to own the bucket. Default: any.
        dry_run: Say what would be sent, and write nothing.
        progress: Called with a step, the bytes of it that are done, and how many there are.
        session: A boto3 session. Default: one with the environment's settings.

    Raises:
        BundleError: Not a bundle, or not in this form.
        IntegrityError: The bundle is not what was signed, or the bucket holds something else under its key.
        PublishError: No such bucket, AWS refused, or cannot be reached.
        UsageError: An argument is wrong, the bucket is in another region, or boto3 is not installed.
    """
    opened = bundle if isinstance(bundle, ModelBundle) else ModelBundle.read(bundle)
    chosen = _form(form or opened.container.model_data.form)
    key = artifact_key(opened.artifact_digest, prefix=prefix, form=chosen)
    try:
        from cdk_modelbuilder.publishing.bucket import Bucket  # noqa: PLC0415 - needs boto3, an extra
        from cdk_modelbuilder.publishing.comparison import Comparison  # noqa: PLC0415
        from cdk_modelbuilder.publishing.uploading import Uploading  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "publishing needs boto3, which is not installed.", remedy="Run: pip install 'cdk-modelbuilder[aws]'"
        ) from None
    place = Bucket.open(
        bucket,
        region=region,
        owner=expected_bucket_owner,
        kms_key_id=kms_key_id,
        connections=WORKERS,
        session=session,
    )
    items = _objects(opened, chosen, prefix, progress)
    tally = Tally("checking" if dry_run else "uploading", sum(item.size for item in items), progress)
    comparison = Comparison(place, opened, chosen)
    with ThreadPoolExecutor(WORKERS) as pool:
        missing = comparison.missing(items, key, pool)
        tally.found(tally.total - sum(item.size for item in missing))
        if dry_run:
            _read(missing, tally)
        elif missing:
            _send(missing, key, place, Uploading(place, pool, tally, comparison.check_taken))
    return PublishedArtifact(
        uri=place.uri(key),
        digest=opened.artifact_digest,
        form=chosen,
        region=place.region,
        objects=len(items),
        bytes_sent=tally.bytes_sent,
        bytes_skipped=tally.bytes_found + tally.bytes_resumed,
        bytes_resumed=tally.bytes_resumed,
        dry_run=dry_run,
    )


def _form(wanted: str) -> ArtifactForm:
    for form in ARTIFACT_FORMS:
        if form == wanted:
            return form
    raise UsageError(f"{wanted!r} is no form of an artifact.", remedy=f"Give {' or '.join(ARTIFACT_FORMS)}.")


def _objects(
    bundle: ModelBundle, form: ArtifactForm, prefix: str, progress: OnProgress | None
) -> tuple[ArtifactObject, ...]:
    if form == "folder":
        return folder_objects(bundle, prefix)
    size = bundle.archive_path.stat().st_size if bundle.archive_path.is_file() else 0
    return (archive_object(bundle, prefix, Tally("verifying", size, progress).sent),)


def _read(missing: Sequence[ArtifactObject], tally: Tally) -> None:
    """Read what would be sent, which compares it with what was signed."""
    for item in missing:
        for part in item.parts:
            item.read(part)
            tally.sent(part.size)


def _send(missing: Sequence[ArtifactObject], key: str, bucket: Bucket, uploading: Uploading) -> None:
    unfinished = bucket.unfinished(key) if any(len(item.parts) > 1 for item in missing) else {}
    uploading.send([item for item in missing if not item.closes], unfinished)
    for item in missing:
        if item.closes:
            uploading.send([item], unfinished)
