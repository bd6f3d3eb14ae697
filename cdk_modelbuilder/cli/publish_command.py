"""``publish``: put bundles into an S3 bucket."""

from __future__ import annotations

from typing import cast

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import json_option, print_facts, print_json, progress_bar
from cdk_modelbuilder.publishing import ArtifactForm, PublishedArtifact, publish
from cdk_modelbuilder.publishing.location import ARTIFACT_FORMS


@click.command(
    "publish",
    short_help="Put bundles into an S3 bucket.",
    epilog="Example: cdk-modelbuilder publish build/churn --bucket my-artifacts --prefix models",
)
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option("--bucket", required=True, help="Name of the bucket; it has to be in the endpoint's region.")
@click.option("--prefix", default="", help="What to put before the keys, such as models/churn.")
@click.option(
    "--form",
    type=click.Choice(ARTIFACT_FORMS),
    help="One archive, or one object a file. Default: what the bundle was built for.",
)
@click.option("--region", help="Where the bucket has to be. Default: wherever it is.")
@click.option("--kms-key-id", help="Encrypt with this KMS key. Default: as the bucket is set up.")
@click.option("--expected-bucket-owner", metavar="ACCOUNT", help="Account that has to own the bucket. Default: any.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and write nothing.")
@json_option
def command(
    *,
    bundles: tuple[str, ...],
    bucket: str,
    prefix: str,
    form: str | None,
    region: str | None,
    kms_key_id: str | None,
    expected_bucket_owner: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put each BUNDLE into a bucket, under a key that its content decides.

    What is there already is not sent again, an interrupted upload is gone on with, and nothing is ever overwritten.
    Prints what to write in the CDK app. Permissions and details: docs/publishing.md.
    """
    opened = [ModelBundle.read(path) for path in bundles]  # a wrong path is told before the first upload
    published: list[PublishedArtifact] = []
    for bundle in opened:
        with progress_bar() as bar:
            artifact = publish(
                bundle,
                bucket=bucket,
                prefix=prefix,
                form=cast("ArtifactForm | None", form),
                region=region,
                kms_key_id=kms_key_id,
                expected_bucket_owner=expected_bucket_owner,
                dry_run=dry_run,
                progress=bar,
            )
        published.append(artifact)
        if not as_json:
            if len(published) > 1:
                click.echo()
            print_facts(_facts(bundle.name, artifact))
    if as_json:
        print_json(
            {"artifacts": [_data(bundle.name, artifact) for bundle, artifact in zip(opened, published, strict=True)]}
        )


def _facts(name: str, artifact: PublishedArtifact) -> dict[str, str]:
    sent, skipped = _bytes(artifact.bytes_sent), _bytes(artifact.bytes_skipped)
    resumed = f", {_bytes(artifact.bytes_resumed)} of it by an interrupted upload" if artifact.bytes_resumed else ""
    return {
        name: artifact.uri,
        "digest": artifact.digest,
        "would be sent" if artifact.dry_run else "sent": sent,
        "there already": skipped + resumed,
        "in the CDK app": artifact.snippet,
    }


def _data(name: str, artifact: PublishedArtifact) -> dict[str, object]:
    return {
        "bundle": name,
        "uri": artifact.uri,
        "digest": artifact.digest,
        "form": artifact.form,
        "region": artifact.region,
        "objects": artifact.objects,
        "bytes sent": artifact.bytes_sent,
        "bytes skipped": artifact.bytes_skipped,
        "bytes resumed": artifact.bytes_resumed,
        "dry run": artifact.dry_run,
        "snippet": artifact.snippet,
    }


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
