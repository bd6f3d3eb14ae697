"""``logs``: what the containers of a deployed endpoint write."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from datetime import timedelta

import click

from cdk_modelbuilder.cli.aws_options import name_argument, where_options
from cdk_modelbuilder.errors import UsageError

_SPAN = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command(
    "logs", short_help="Show the log of an endpoint.", epilog="Example: cdk-modelbuilder logs churn --follow"
)
@name_argument
@click.option("--follow", "-f", is_flag=True, help="Go on with lines as they come, until Ctrl-C.")
@click.option("--since", default="10m", show_default=True, help="How far back, such as 90s, 15m, 3h or 2d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for machines.")
@where_options
def command(
    *,
    name: str,
    follow: bool,
    since: str,
    as_json: bool,
    region: str | None,
    profile: str | None,
    folder: str,
    stack_name: str | None,
) -> None:
    """Show what the containers of the deployed bundle NAME wrote to CloudWatch Logs."""
    from cdk_modelbuilder.deploying.deployment import Deployment  # noqa: PLC0415 - needs boto3
    from cdk_modelbuilder.deploying.watching import log_line  # noqa: PLC0415

    back = span(since)
    deployment = Deployment.find(name, region=region, profile=profile, folder=folder, stack_name=stack_name)
    found = False
    with suppress(KeyboardInterrupt):
        for line in deployment.logs(follow=follow, since=back):
            found = True
            if as_json:
                data = {"time": line.time.isoformat(), "group": line.group, "stream": line.stream, "text": line.text}
                click.echo(json.dumps(data, ensure_ascii=False))
            else:
                click.echo(log_line(line))
            sys.stdout.flush()
    if not found and not as_json:
        click.echo(f"No lines of {deployment.endpoint_name} in the last {since}: --since asks further back.", err=True)


def span(text: str) -> timedelta:
    """The length of time that ``text`` says.

    Raises:
        UsageError: It says none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--since {text!r} is no length of time.", remedy="Write 90s, 15m, 3h or 2d.")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise UsageError(f"--since {text!r} is longer than time can be.", remedy="Write fewer days.") from None
