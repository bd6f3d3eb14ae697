"""``doctor``: what local mode and deployment need, and the command that mends what is not there."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.doctor.aws_account import AwsAccount, AwsQuestion
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.registry import CHECKS, chosen_checks

_SUBJECTS = {check.name: check.subject for check in CHECKS}
_INDENT = " " * 28
_COLOURS = {Outcome.OK: "green", Outcome.WARNING: "yellow", Outcome.FAILURE: "red", Outcome.SKIPPED: "bright_black"}


@click.command(
    "doctor",
    short_help="Check what local mode and deployment need.",
    epilog="Example: cdk-modelbuilder doctor build/churn --aws --role arn:aws:iam::123456789012:role/churn",
)
@click.argument("bundle", required=False, type=click.Path(path_type=str))
@click.option("--port", type=click.IntRange(0, 65535), help="The port that is wanted. Default: 8080, or another.")
@click.option("--only", "names", metavar="NAME", multiple=True, help="Do this check alone; may be given several times.")
@click.option("--aws", is_flag=True, help="Ask AWS too: who am I, and what may I do. Nothing is changed there.")
@click.option("--profile", help="With --aws: the profile to ask with.")
@click.option("--region", help="With --aws: where the endpoint is to be.")
@click.option("--role", metavar="ARN", help="With --aws: the endpoint's role, which has to be passed to SageMaker.")
@click.option("--bucket", help="With --aws: the bucket of the model's files.")
@click.option("--image", metavar="URI", help="With --aws: an image to be pulled. Default: the bundle's.")
@json_option
def command(
    *,
    bundle: str | None,
    port: int | None,
    names: tuple[str, ...],
    aws: bool,
    profile: str | None,
    region: str | None,
    role: str | None,
    bucket: str | None,
    image: str | None,
    as_json: bool,
) -> None:
    """Check this machine, for BUNDLE or in general, and say for each finding what mends it.

    Exit code 0 if nothing failed, else 1. The network is asked only with --aws. The checks: docs/doctor.md.
    """
    given = {"--profile": profile, "--region": region, "--role": role, "--bucket": bucket, "--image": image}
    unasked = [name for name, value in given.items() if value is not None and not aws]
    if unasked:
        raise UsageError(f"{unasked[0]} is about AWS, which is not asked.", remedy="Add --aws.")
    checks = chosen_checks(names)
    question = AwsQuestion(profile=profile, region=region, role=role, bucket=bucket, image=image)
    about = Circumstances(
        bundle=None if bundle is None else ModelBundle.read(bundle),
        port=port,
        aws=AwsAccount(question) if aws else None,
    )
    findings = examine(checks, about)
    failed = sum(one.outcome is Outcome.FAILURE for one in findings)
    if as_json:
        print_json(
            {"ok": not failed, "findings": [{"subject": _SUBJECTS[one.check], **one.to_json()} for one in findings]}
        )
    else:
        _print(findings)
    sys.exit(1 if failed else 0)


def _print(findings: list[Finding]) -> None:
    for subject, group in groupby(_merged(findings), key=lambda one: _SUBJECTS[one.check.partition(",")[0]]):
        click.secho(subject, bold=True)
        for one in group:
            mark = click.style(f"{one.outcome.value:<8}", fg=_COLOURS[one.outcome])
            detail, *more = _lines(one.detail)
            click.echo(f"  {mark} {one.check:<16} {detail}")
            for line in (*more, *_lines(one.remedy), *(f"  {command}" for command in one.commands)):
                click.echo(f"{_INDENT}{line}")
    counts = [
        f"{count} {outcome.value}" for outcome in Outcome if (count := sum(one.outcome is outcome for one in findings))
    ]
    click.echo(", ".join(counts) + ".")


def _lines(text: str) -> list[str]:
    """The text in the terminal's width; in one line where it goes elsewhere, which suits grep."""
    if not sys.stdout.isatty():
        return [text] if text else []
    width = max(shutil.get_terminal_size().columns - len(_INDENT), 40)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _merged(findings: list[Finding]) -> Iterator[Finding]:
    """The same, but with one line for checks in a row that were skipped for one reason."""
    for _, group in groupby(findings, key=lambda one: (one.outcome, one.detail)):
        first, *others = group
        if first.outcome is Outcome.SKIPPED and others:
            yield replace(first, check=", ".join((first.check, *(one.check for one in others))))
        else:
            yield from (first, *others)
