"""``openapi``: the endpoint's interface as an OpenAPI document."""

from __future__ import annotations

from pathlib import Path

import click

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.cli.output import bundle_argument
from cdk_modelbuilder.errors import SchemaError, UsageError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data
from cdk_modelbuilder.schema.openapi import openapi_document


@click.command(
    "openapi",
    short_help="Write an OpenAPI document of a bundle's endpoint.",
    epilog="Example: cdk-modelbuilder openapi build/churn --output churn.openapi.json",
)
@bundle_argument
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write. Default: print it.")
def command(bundle: str, output: Path | None) -> None:
    """Write an OpenAPI 3.1 document of the endpoint that serves BUNDLE, with examples. Reads its text files only."""
    opened = ModelBundle.read(bundle)
    try:
        document = openapi_document(open_schema_data(opened.schema), name=opened.name)
    except CodecError as error:
        raise SchemaError(f"the schema of {bundle} cannot be opened here:", remedy=str(error)) from None
    text = json_bytes(document)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.", remedy="Name another file.") from None
