"""``rollback``: back to the deployment before."""

from __future__ import annotations

import sys

import click

from cdk_modelbuilder.cli.aws_options import name_argument, where_options
from cdk_modelbuilder.cli.deploy_command import INTERRUPTED, show
from cdk_modelbuilder.cli.output import is_quiet, json_option


@click.command("rollback", short_help="Go back to the model before.", epilog="Example: cdk-modelbuilder rollback churn")
@name_argument
@click.option("--to", type=click.IntRange(min=1), help="Number of the deployment. Default: the one before.")
@where_options
@json_option
def command(
    *,
    name: str,
    to: int | None,
    region: str | None,
    profile: str | None,
    folder: str,
    stack_name: str | None,
    as_json: bool,
) -> None:
    """Let the endpoint of NAME serve what it served before.

    An update that runs is stopped, and one that is stuck is got out of that; otherwise the template of an earlier
    deployment is deployed again, as it was kept in .cdk-modelbuilder/NAME. `status` shows the numbers.
    """
    from cdk_modelbuilder.deploying.deployment import Deployment  # noqa: PLC0415 - needs boto3
    from cdk_modelbuilder.deploying.screen import Screen  # noqa: PLC0415

    deployment = Deployment.find(name, region=region, profile=profile, folder=folder, stack_name=stack_name)
    screen = Screen(quiet=is_quiet())
    try:
        back = deployment.rollback(to=to, watcher=screen)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        screen.close()
    show(back.status(), as_json=as_json)
