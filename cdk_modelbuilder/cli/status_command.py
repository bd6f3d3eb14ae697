"""``status``: how deployed endpoints are."""

from __future__ import annotations

import click

from cdk_modelbuilder.cli.aws_options import where_options
from cdk_modelbuilder.cli.deploy_command import show
from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.errors import ModelBuilderError


@click.command("status", short_help="Show how endpoints are.", epilog="Example: cdk-modelbuilder status churn")
@click.argument("name", required=False)
@where_options
@json_option
def command(
    *,
    name: str | None,
    region: str | None,
    profile: str | None,
    folder: str,
    stack_name: str | None,
    as_json: bool,
) -> None:
    """Show how the deployed bundle NAME is; without NAME, all that were deployed from this folder."""
    from cdk_modelbuilder.deploying.deployment import Deployment  # noqa: PLC0415 - needs boto3
    from cdk_modelbuilder.deploying.kept import Kept  # noqa: PLC0415

    if name is not None:
        found = Deployment.find(name, region=region, profile=profile, folder=folder, stack_name=stack_name)
        show(found.status(), as_json=as_json)
        return
    names = [kept.name for kept in Kept.all(folder)]
    if not names and not as_json:
        click.echo(f"Nothing was deployed from {folder}. Deploy a bundle: cdk-modelbuilder deploy BUNDLE")
    data: list[dict[str, object]] = []
    failed: ModelBuilderError | None = None
    for number, one in enumerate(names):
        try:
            status = Deployment.find(one, region=region, profile=profile, folder=folder).status()
        except ModelBuilderError as error:  # the others are shown all the same
            failed = failed or error
            data.append({"name": one, "error": error.what, "remedy": error.remedy})
            if not as_json:
                click.echo(f"{one}: {error}", err=True)
            continue
        data.append(status.to_json())
        if not as_json:
            if number:
                click.echo()
            show(status, as_json=False)
    if as_json:
        print_json({"deployments": data})
    if failed is not None:
        raise click.exceptions.Exit(failed.exit_code)
