"""``deploy``: a bundle as an endpoint in SageMaker, through the CDK, followed to the last log line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.aws_options import where_options
from cdk_modelbuilder.cli.output import bundle_argument, is_quiet, json_option, print_facts, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import ResourceRequirements

if TYPE_CHECKING:
    from cdk_modelbuilder.deploying.status import DeploymentStatus

INTERRUPTED = 130


@click.command(
    "deploy",
    short_help="Deploy a bundle to SageMaker.",
    epilog="Example: cdk-modelbuilder deploy build/churn --instance-type ml.c6i.xlarge",
)
@bundle_argument
@click.option("--instance-type", help="Such as ml.c6i.xlarge. Default: proposed from the bundle.")
@click.option("--instance-count", type=click.IntRange(min=1), help="Instances at first. Default: 1.")
@click.option(
    "--hosting",
    type=click.Choice(["real-time", "serverless", "async", "components"]),
    help="How it gets its processors. Default: real-time.",
)
@click.option("--memory", type=click.IntRange(min=128), help="MiB: of a serverless endpoint, or of a component's copy.")
@click.option("--copies", type=click.IntRange(min=0), help="Copies of a component at first.")
@click.option("--accelerators", type=click.IntRange(min=1), help="Accelerators of a component's copy.")
@click.option("--async-output", metavar="URI", help="s3:// prefix for asynchronous answers. Default: a new bucket.")
@click.option("--endpoint-name", help="Name of the endpoint. Default: made of the stack's name.")
@click.option("--role", help="ARN of the execution role. Default: a new one that may do what is needed alone.")
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="One more variable for the container.")
@click.option(
    "--tuning",
    type=click.Choice(["matching", "always", "never"]),
    help="When what `tune` found is used. Default: on instances like the machine it was measured on.",
)
@click.option("--vpc-subnet", "subnets", multiple=True, help="Subnet for the containers' interfaces; give two or more.")
@click.option("--security-group", "groups", multiple=True, help="Security group for them. Default: a new one.")
@click.option("--signing-secret", help="Name or ARN of the secret of keys. Default: cdk-modelbuilder/<name>.")
@click.option("--bucket", help="Publish the model data to this bucket. Default: the CDK's own.")
@click.option("--prefix", default="", help="What to put before the keys in it.")
@click.option("--verify/--no-verify", default=None, help="Ask the endpoint its golden test. Default: no.")
@click.option("--monitor/--no-monitor", default=None, help="Alarms and a dashboard. Default: yes.")
@click.option("--no-wait", is_flag=True, help="Return as soon as CloudFormation is at work.")
@click.option("--dry-run", is_flag=True, help="Show what cdk diff says, and change nothing.")
@where_options
@json_option
def command(  # noqa: PLR0917 - click passes by name
    bundle: str,
    instance_type: str | None,
    instance_count: int | None,
    hosting: str | None,
    memory: int | None,
    copies: int | None,
    accelerators: int | None,
    async_output: str | None,
    endpoint_name: str | None,
    role: str | None,
    environment: tuple[str, ...],
    tuning: str | None,
    subnets: tuple[str, ...],
    groups: tuple[str, ...],
    signing_secret: str | None,
    bucket: str | None,
    prefix: str,
    verify: bool | None,
    monitor: bool | None,
    no_wait: bool,
    dry_run: bool,
    region: str | None,
    profile: str | None,
    folder: str,
    stack_name: str | None,
    as_json: bool,
) -> None:
    """Deploy BUNDLE as an endpoint in SageMaker, or update the one that it has.

    Puts the bundle's key into its secret, writes a CDK app into .cdk-modelbuilder/<name>, runs the CDK CLI, and shows
    the stack's events and the container's log while the endpoint comes up. If it does not, it says why. Ctrl-C stops
    watching; the deployment goes on.
    """
    from cdk_modelbuilder.deploying.deployment import deploy_endpoint, plan_deployment  # noqa: PLC0415 - needs boto3
    from cdk_modelbuilder.deploying.options import DeployOptions  # noqa: PLC0415
    from cdk_modelbuilder.deploying.screen import Screen  # noqa: PLC0415

    given: dict[str, Any] = {
        "instance_type": instance_type,
        "initial_instance_count": instance_count,
        **hosting_options(hosting, memory, copies=copies, accelerators=accelerators, output=async_output),
        "endpoint_name": endpoint_name,
        "role": role,
        "environment": pairs(environment) or None,
        "tuning": tuning,
        "vpc": {"subnets": subnets, "security_groups": groups} if subnets or groups else None,
        "signing_secret": signing_secret,
        "bucket": bucket,
        "prefix": prefix,
        "verify_on_deploy": verify,
        "monitor": monitor,
        "region": region,
        "profile": profile,
        "folder": folder,
        "stack_name": stack_name,
        "wait": not no_wait,
        "dry_run": dry_run,
    }
    opened = ModelBundle.read(bundle)
    options = DeployOptions.of(given)
    screen = Screen(quiet=is_quiet())
    try:
        if dry_run:
            text = plan_deployment(opened, options, screen)
            if as_json:
                print_json({"name": opened.name, "diff": text})
            else:
                click.echo(text, nl=False)
            return
        deployment = deploy_endpoint(opened, options, screen)
    except KeyboardInterrupt:
        screen.close()
        if is_quiet():
            click.echo(f"no longer watching; see: cdk-modelbuilder status {opened.name}", err=True)
        sys.exit(INTERRUPTED)
    finally:
        screen.close()
    show(deployment.status(), as_json=as_json)
    if not as_json and not is_quiet():
        click.echo(
            f"call it: cdk-modelbuilder invoke {bundle} --endpoint-name {deployment.endpoint_name} --data @rows.csv"
        )


def hosting_options(
    hosting: str | None, memory: int | None, *, copies: int | None, accelerators: int | None, output: str | None
) -> dict[str, Any]:
    """What deploy() calls them.

    Raises:
        UsageError: Memory, and no hosting that it could be for.
    """
    requests = {"memory": memory, "copies": copies, "num_accelerators": accelerators}
    given: dict[str, Any] = {"hosting": hosting}
    if output is not None:
        given["asynchronous"] = {"output_s3_uri": output}
    if hosting == "serverless":
        given["serverless"] = None if memory is None else {"memory_mib": memory}
        requests["memory"] = None
    elif memory is not None and copies is None and accelerators is None and hosting != "components":
        raise UsageError(
            f"--memory {memory} is given without a hosting that has one.",
            remedy="Add --hosting serverless, or --hosting components.",
        )
    asked = {name: value for name, value in requests.items() if value is not None}
    if asked:
        given["resources"] = ResourceRequirements(requests=asked)
    return given


def show(status: DeploymentStatus, *, as_json: bool) -> None:
    """Print how a deployment is."""
    if as_json:
        print_json(status.to_json())
        return
    facts: dict[str, object] = {
        "name": status.name,
        "stack": f"{status.stack_name}  {status.stack_status}",
        "reason": status.reason,
        "endpoint": f"{status.endpoint_name}  {status.endpoint_status}" if status.endpoint_name else "",
        "failure": status.failure_reason,
        **{f"variant {name}": text for name, text in status.instances.items()},
        **{f"component {name}": text for name, text in status.components.items()},
        "root digest": status.root_sha256 or "",
        "deployment": _numbers(status),
        "where": f"account {status.account}, {status.region}",
        "changed": "" if status.updated is None else f"{status.updated:%Y-%m-%d %H:%M:%S %Z}",
    }
    print_facts({name: value for name, value in facts.items() if value != ""})


def _numbers(status: DeploymentStatus) -> str:
    if status.deployment is None:
        return ""
    earlier = f"; rollback can bring back {', '.join(map(str, status.earlier))}" if status.earlier else ""
    return f"{status.deployment}{earlier}"


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Names and values of NAME=VALUE.

    Raises:
        UsageError: A pair without an equals sign, or without a name.
    """
    found: dict[str, str] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UsageError(f"--env {pair!r} is no NAME=VALUE.", remedy="Write it as --env WORKERS=2.")
        found[name] = value
    return found
