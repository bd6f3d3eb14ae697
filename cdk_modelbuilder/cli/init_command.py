"""``init``: write a CDK app, or bring one up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.app_planning import Wishes, plan_app
from cdk_modelbuilder.generating.changes import Outcome
from cdk_modelbuilder.generating.marker import read_marker
from cdk_modelbuilder.generating.plan import ArtifactPlan, AsynchronousPlan, HostingKind, Pipeline
from cdk_modelbuilder.generating.writing import OnConflict, WrittenApp, write_app

HOSTINGS = [kind.value for kind in HostingKind]


@click.command(
    "init",
    short_help="Write a CDK app for bundles.",
    epilog="Example: cdk-modelbuilder init service --bundle build/churn --ci github",
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--bundle",
    "bundles",
    metavar="[NAME=]FOLDER",
    multiple=True,
    help="A bundle to deploy; may be given several times.",
)
@click.option("--remove", "removed", metavar="NAME", multiple=True, help="Take this endpoint out of the app.")
@click.option("--hosting", type=click.Choice(HOSTINGS), help="How the bundles are hosted. Default: real-time.")
@click.option("--instance-type", help="Default: a small one for the bundle's processor.")
@click.option("--instance-count", type=click.IntRange(min=1), help="Instances at first. Default: 2; 1 if asynchronous.")
@click.option("--bucket", help="Bucket that `publish` puts the bundles into. Default: they are assets of the app.")
@click.option("--output-uri", metavar="S3", help="With --hosting async: where answers go. Default: a bucket it makes.")
@click.option("--signing-secret", metavar="NAME", help="Name or ARN of the secret of keys. Default: as in keys push.")
@click.option("--ci", type=click.Choice([one.value for one in Pipeline]), help="Whose pipeline. Default: none.")
@click.option("--account", help="Account of the stacks. Default: that of whoever deploys.")
@click.option("--region", help="Region of the stacks. Default: that of whoever deploys.")
@click.option("--name", help="The app's name, for its README. Default: that of DIR.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file is not what would be generated.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change.")
@click.option("--accept", is_flag=True, help="Where you and the generator changed a file: keep yours.")
@click.option("--force", is_flag=True, help="Take what is generated, for files that you changed or removed too.")
@json_option
def command(
    folder: Path, *, check: bool, dry_run: bool, accept: bool, force: bool, as_json: bool, **given: Any
) -> None:
    """Write a CDK app into DIR: stacks, tests, and a pipeline, for bundles or for a small example model.

    Run it again to add a bundle, to change something, or after an upgrade of cdk-modelbuilder. What you changed in a
    file stays; where the generator changes the same file, the difference is shown, nothing is written, and the exit
    code is 1, until you say --accept or --force. More: docs/generating.md.
    """
    if accept and force:
        raise UsageError("--accept keeps your files, --force takes the new ones.", remedy="Give one of them.")
    marker = read_marker(folder) if folder.is_dir() else None
    if check and marker is None:
        raise UsageError(f"{folder} holds no generated app.", remedy="Run `cdk-modelbuilder init` there first.")
    plan = plan_app(folder, _wishes(given), marker.plan if marker else None)
    on_conflict = OnConflict.OVERWRITE if force else OnConflict.KEEP if accept else OnConflict.REFUSE
    written = write_app(folder, plan, on_conflict=on_conflict, dry_run=check or dry_run)
    if as_json:
        print_json(_data(written))
    else:
        _tell(written, check=check, dry_run=dry_run)
    if (written.conflicts and on_conflict is OnConflict.REFUSE) or (check and not written.is_current):
        sys.exit(1)


def _wishes(given: dict[str, Any]) -> Wishes:
    bucket, output = given["bucket"], given["output_uri"]
    return Wishes(
        bundles=given["bundles"],
        removed=given["removed"],
        endpoint={
            "hosting": HostingKind(given["hosting"]) if given["hosting"] else None,
            "instance_type": given["instance_type"],
            "initial_instance_count": given["instance_count"],
            "artifact": None if bucket is None else ArtifactPlan(bucket=bucket),
            "asynchronous": None if output is None else AsynchronousPlan(output_s3_uri=output),
            "signing_secret": given["signing_secret"],
        },
        pipeline=Pipeline(given["ci"]) if given["ci"] else None,
        account=given["account"],
        region=given["region"],
        name=given["name"],
    )


def _data(written: WrittenApp) -> dict[str, Any]:
    return {
        "folder": str(written.folder),
        "current": written.is_current,
        "written": written.written,
        "conflicts": [one.path for one in written.conflicts],
        "files": {one.path: one.outcome.name.lower() for one in written.files},
    }


def _tell(written: WrittenApp, *, check: bool, dry_run: bool) -> None:
    shown = [one for one in written.files if one.outcome is not Outcome.CURRENT]
    for one in shown:
        click.echo(f"{one.path}: {_in_time(one.outcome, written)}")
    with_diff = [one for one in shown if one.outcome is Outcome.CONFLICT or (dry_run and one.outcome.writes)]
    for one in with_diff:
        click.echo("\n" + one.diff, nl=False)
    outside = [one.bundle for one in written.plan.endpoints if one.bundle.startswith("../")]
    if outside and written.plan.pipeline is not Pipeline.NONE and not written.is_current:
        click.echo(f"note: the pipeline needs {', '.join(outside)}, which is outside of {written.folder}", err=True)
    if written.conflicts and not written.written:
        click.echo(
            "\nnothing is written while these differ: --accept keeps your files, --force takes the new ones", err=True
        )
    elif written.is_current:
        click.echo(f"{written.folder} is current")
    elif check and not shown:
        click.echo(f"{written.folder}: the app is not what is asked for")
    elif written.written and any(one.outcome is Outcome.CREATED for one in written.files):
        click.echo(f"\nNext: read {written.folder / 'README.md'}")


def _in_time(outcome: Outcome, written: WrittenApp) -> str:
    if outcome is Outcome.CONFLICT and written.written:
        return "kept as you changed it; what is generated now differs:"
    return f"would be {outcome.value}" if outcome.writes and not written.written else outcome.value
