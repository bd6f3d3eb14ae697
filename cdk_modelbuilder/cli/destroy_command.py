"""``destroy``: takes a deployed endpoint away."""

from __future__ import annotations

import sys

import click

from cdk_modelbuilder.cli.aws_options import name_argument, where_options
from cdk_modelbuilder.cli.deploy_command import INTERRUPTED
from cdk_modelbuilder.cli.output import is_quiet, json_option, print_json
from cdk_modelbuilder.errors import UsageError


@click.command("destroy", short_help="Delete an endpoint.", epilog="Example: cdk-modelbuilder destroy churn")
@name_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@where_options
@json_option
def command(
    *,
    name: str,
    yes: bool,
    region: str | None,
    profile: str | None,
    folder: str,
    stack_name: str | None,
    as_json: bool,
) -> None:
    """Delete the stack of NAME: endpoint, configuration, model, role, alarms.

    The secret with the keys, published model data and log groups stay, and so does the app in .cdk-modelbuilder.
    """
    from cdk_modelbuilder.deploying.deployment import Deployment  # noqa: PLC0415 - needs boto3
    from cdk_modelbuilder.deploying.screen import Screen  # noqa: PLC0415

    deployment = Deployment.find(name, region=region, profile=profile, folder=folder, stack_name=stack_name)
    target = deployment.target
    what = f"the stack {target.stack.name} with the endpoint {target.endpoint_name}"
    where = f"account {target.account.number}, {target.account.region}"
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"this would delete {what} in {where}, and nobody can be asked.", remedy="Add --yes.")
        click.confirm(f"Delete {what} in {where}?", abort=True, err=True)
    screen = Screen(quiet=is_quiet())
    try:
        deployment.destroy(watcher=screen)
    except KeyboardInterrupt:
        screen.close()
        click.echo(f"detached: CloudFormation goes on deleting. See: cdk-modelbuilder status {name}", err=True)
        sys.exit(INTERRUPTED)
    finally:
        screen.close()
    if as_json:
        print_json({"name": name, "stack_name": target.stack.name, "destroyed": True})
    else:
        click.echo(f"Deleted {what}.")
