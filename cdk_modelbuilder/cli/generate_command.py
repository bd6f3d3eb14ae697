"""``generate``: one bundle as the code of a stack."""

from __future__ import annotations

from pathlib import Path

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.init_command import HOSTINGS
from cdk_modelbuilder.cli.output import bundle_argument
from cdk_modelbuilder.generating.names import check_apart
from cdk_modelbuilder.generating.plan import HostingKind
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.generating.stack_source import stack_source


@click.command(
    "generate",
    short_help="Print a bundle as the code of a CDK stack.",
    epilog="Example: cdk-modelbuilder generate build/churn --hosting serverless > stacks/churn_stack.py",
)
@bundle_argument
@click.option("--hosting", type=click.Choice(HOSTINGS), default="real-time", help="How it is hosted.")
@click.option("--instance-type", help="Default: a small one for the bundle's processor.")
@click.option("--instance-count", type=click.IntRange(min=1), help="Instances at first. Default: 2; 1 if asynchronous.")
@click.option("--endpoint-name", help="A fixed name. Default: one made of the stack's.")
@click.option("--app", type=click.Path(path_type=Path), default=".", help="Folder of the app, above stacks/.")
def command(
    bundle: str,
    *,
    hosting: str,
    instance_type: str | None,
    instance_count: int | None,
    endpoint_name: str | None,
    app: Path,
) -> None:
    """Print the module of one stack for BUNDLE, for the folder stacks/ of an app. `init` writes a whole app."""
    plan = plan_endpoint(
        ModelBundle.read(bundle),
        app,
        hosting=HostingKind(hosting),
        instance_type=instance_type,
        initial_instance_count=instance_count,
        endpoint_name=endpoint_name,
    )
    check_apart([plan])
    click.echo(stack_source(plan), nl=False)
