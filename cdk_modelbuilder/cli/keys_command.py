"""``keys``: the master key, key pairs, and the key of one bundle."""

from __future__ import annotations

from pathlib import Path

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.integrity.keys import create_master_key, default_key_file, require_master_key


@click.group("keys", short_help="Manage signing keys.", epilog="Example: cdk-modelbuilder keys push build/churn")
def command() -> None:
    """Make the master key or a key pair, and hand the key of one bundle to the endpoint.

    The master key stays with the builder. What an endpoint gets is derived from it for one bundle alone. Of a key pair
    the endpoint gets the public half, which is no secret.
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


@command.command("create-pair", epilog="Example: cdk-modelbuilder keys create-pair --file release.key")
@click.option(
    "--file", type=click.Path(path_type=Path), help="The private key. Default: release.key beside the master key."
)
@json_option
def create_pair(file: Path | None, *, as_json: bool) -> None:
    """Make a private key in a file of mode 0600, and its public key beside it, with the suffix .pub.

    Sign bundles with the private one; deploy with Integrity.public_key(...). An existing file is never overwritten.
    """
    from cdk_modelbuilder.integrity.private_key import create_key_pair  # noqa: PLC0415 - only here

    private, public_path = create_key_pair(file or default_key_file().with_name("release.key"))
    if as_json:
        print_json({"key id": private.public.key_id, "private key": private.source, "public key": str(public_path)})
    else:
        click.echo(f"The private key is in {private.source}: keep it secret, and a copy of it.")
        click.echo(f"The public key is in {public_path}: commit it beside the app that deploys.")


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
    from cdk_modelbuilder.integrity.secrets_manager import default_secret_name, push_key  # noqa: PLC0415 - only here

    opened = ModelBundle.read(bundle)
    name = secret_name or default_secret_name(opened.name)
    key = opened.check_signature(require_master_key(purpose="to derive the bundle's key from").secret)
    arn = push_key(key, name, region=region, description=f"Keys of the bundles of {opened.name}, by key id")
    if as_json:
        print_json({"arn": arn, "key id": key.key_id, "secret name": name})
    else:
        click.echo(arn)
