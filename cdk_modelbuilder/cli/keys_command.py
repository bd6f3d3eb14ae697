"""``keys``: the master key, and the key of one bundle."""

from __future__ import annotations

from pathlib import Path

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.integrity.keys import create_master_key, require_master_key


@click.group("keys", short_help="Manage signing keys.", epilog="Example: cdk-modelbuilder keys push build/churn")
def command() -> None:
    """Make the master key, and hand the key of one bundle to the endpoint.

    The master key stays with the builder. What an endpoint gets is derived from it for one bundle alone.
    """


@command.command("create", epilog="Example: cdk-modelbuilder keys create")
@click.option("--file", type=click.Path(path_type=Path), help="Where to. Default: the user's configuration folder.")
@json_option
def create(file: Path | None, *, as_json: bool) -> None:
    """Make a new master key in a file of mode 0600. An existing file is never overwritten."""
    key = create_master_key(file)
    if as_json:
        print_json({"file": key.source})
    else:
        click.echo(f"The master key is in {key.source}.")


@command.command("id", epilog="Example: cdk-modelbuilder keys id build/churn")
@bundle_argument
@json_option
def show_id(bundle: str, *, as_json: bool) -> None:
    """Print the id of the key that signed BUNDLE: its field in the secret."""
    key_id = ModelBundle.read(bundle).key_id
    if as_json:
        print_json({"key id": key_id})
    else:
        click.echo(key_id)


@command.command("push", epilog="Example: cdk-modelbuilder keys push build/churn --secret-name cdk-modelbuilder/churn")
@bundle_argument
@click.option("--secret-name", help="Secret in AWS Secrets Manager. Default: cdk-modelbuilder/<name of the bundle>.")
@click.option("--region", help="AWS region. Default: as configured for boto3.")
@json_option
def push(bundle: str, secret_name: str | None, region: str | None, *, as_json: bool) -> None:
    """Add BUNDLE's key to a secret, which is made if there is none, and print the secret's ARN.

    Keys of earlier bundles stay in it, so that a rollback works.
    """
    from cdk_modelbuilder.integrity.secrets_manager import push_key  # noqa: PLC0415 - needs boto3

    opened = ModelBundle.read(bundle)
    name = secret_name or f"cdk-modelbuilder/{opened.name}"
    key = opened.check_signature(require_master_key(purpose="to derive the bundle's key from").secret)
    arn = push_key(key, name, region=region, description=f"Keys of the bundles of {opened.name}, by key id")
    if as_json:
        print_json({"arn": arn, "key id": key.key_id, "secret name": name})
    else:
        click.echo(arn)
