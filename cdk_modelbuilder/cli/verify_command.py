"""``verify``: whether a bundle is what was signed."""

from __future__ import annotations

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.checked_bundle import check_content
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.integrity.keys import require_master_key


@click.command(
    "verify",
    short_help="Check a bundle's files and signature.",
    epilog="Example: cdk-modelbuilder verify build/churn",
)
@bundle_argument
@click.option("--content-only", is_flag=True, help="Check the files, not the signature: no key is needed then.")
@json_option
def command(bundle: str, *, content_only: bool, as_json: bool) -> None:
    """Check every file of BUNDLE against the manifest, and the manifest against its signature.

    The signature is checked with the master key from MODELBUILDER_MASTER_KEY or the key file.
    """
    opened = ModelBundle.read(bundle)
    if not content_only:
        other = ", or check the files alone with --content-only"
        opened.check_signature(require_master_key(purpose="to check the signature with", remedy=other).secret)
    check_content(opened)
    if as_json:
        print_json(
            {"content": "ok", "signature": "not checked" if content_only else "ok", "root sha256": opened.root_sha256}
        )
    else:
        what = "files are as signed; the signature was not checked" if content_only else "files and signature are good"
        click.echo(f"{opened.name}: {len(opened.manifest.files)} {what} ({opened.root_sha256})")
