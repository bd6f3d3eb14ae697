"""``--version``: this program's, and those of what it works with, for a report of a bug."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path

import click

from cdk_modelbuilder._version import __version__

_PACKAGES = ("aws-cdk-lib", "constructs", "boto3", "docker", "uvicorn", "click")


def print_versions(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Print them and end, where ``--version`` was given."""
    if not value or ctx.resilient_parsing:
        return
    width = max(map(len, (*_PACKAGES, "CDK CLI")))
    click.echo(f"cdk-modelbuilder {__version__}")
    for name, version in versions().items():
        click.echo(f"  {name:<{width}}  {version}")
    ctx.exit()


def versions() -> dict[str, str]:
    """Name -> version of each part; ``not installed`` for one that is missing."""
    found = {"Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "CDK CLI": _cdk_cli()}


def _cdk_cli() -> str:
    """The version of the CLI in this project's node_modules, without starting Node."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        try:
            package = json.loads((folder / "node_modules" / "aws-cdk" / "package.json").read_bytes())
            return f"{package['version']} in {folder / 'node_modules'}"
        except (OSError, ValueError, KeyError):
            continue
    return "none in node_modules here or above"
