"""``config``: which file sets defaults of options here, and what may stand in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from cdk_modelbuilder.cli.configuration import Configuration
from cdk_modelbuilder.cli.configuration_schema import configuration_schema
from cdk_modelbuilder.cli.output import json_option, print_json


@click.command(
    "config",
    short_help="Show the defaults that a file here sets.",
    epilog="Example: cdk-modelbuilder config   or   cdk-modelbuilder config --schema > modelbuilder.schema.json",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of such a file, for editors.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, schema: bool, as_json: bool) -> None:
    """Say which file sets defaults of options, and to what.

    The file is modelbuilder.toml, or pyproject.toml with a table [tool.cdk-modelbuilder], in this folder or one above.
    A table for each command holds its options: [run] with port = 9000, or [tool.cdk-modelbuilder.run].
    """
    root = ctx.find_root()
    if schema:
        assert isinstance(root.command, click.Group)
        click.echo(json.dumps(configuration_schema(root.command), indent=2, ensure_ascii=False))
        return
    found = root.obj
    assert isinstance(found, Configuration)
    if as_json:
        print_json({"file": None if found.file is None else str(found.file), "defaults": found.given})
    elif found.file is None:
        click.echo("No modelbuilder.toml and no [tool.cdk-modelbuilder] of a pyproject.toml here or above.")
    else:
        click.echo(f"{found.file}:")
        for name, value in _flat(found.given):
            click.echo(f"  {name} = {json.dumps(value, ensure_ascii=False)}")


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name} ")
        else:
            yield f"{before}--{name}", value
