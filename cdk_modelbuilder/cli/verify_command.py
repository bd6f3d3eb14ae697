"""``verify``: whether a bundle is what was signed."""

from __future__ import annotations

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.checked_bundle import check_content
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.keys import require_master_key
from cdk_modelbuilder.integrity.public_key import read_public_key


@click.command(
    "verify",
    short_help="Check a bundle's files and signature.",
    epilog="Example: cdk-modelbuilder verify build/churn",
)
@bundle_argument
@click.option("--content-only", is_flag=True, help="Check the files, not the signature: no key is needed then.")
@click.option("--public-key", help="Check the public signature with this key (a .pub file): no secret is needed then.")
@json_option
def command(bundle: str, *, content_only: bool, public_key: str | None, as_json: bool) -> None:
    """Check every file of BUNDLE against the manifest, and the manifest against its signature.

    The signature is checked with the master key from MODELBUILDER_MASTER_KEY or the key file, or with a public key.
    """
    if content_only and public_key is not None:
        raise UsageError("--content-only checks no signature.", remedy="Leave it out, or leave out --public-key.")
    opened = ModelBundle.read(bundle)
    found = {"content": "ok", "signature": "not checked", "root sha256": opened.root_sha256}
    if public_key is not None:
        opened.check_public_signature(read_public_key(public_key))
        found["public signature"] = "ok"
    elif not content_only:
        other = ", or check the files alone with --content-only, or with --public-key"
        opened.check_signature(require_master_key(purpose="to check the signature with", remedy=other).secret)
        found["signature"] = "ok"
    check_content(opened)
    if as_json:
        print_json(found)
    else:
        what = "files are as signed; the signature was not checked" if content_only else "files and signature are good"
        click.echo(f"{opened.name}: {len(opened.manifest.files)} {what} ({opened.root_sha256})")
