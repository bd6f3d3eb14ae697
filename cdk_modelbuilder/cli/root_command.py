"""The group of all commands, and how errors end: 0 done, 1 the work failed, 2 wrong usage."""

from __future__ import annotations

import importlib
import json
import logging
import sys

import click

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.errors import ModelBuilderError

_COMMANDS = (
    *("build", "inspect", "verify", "run", "invoke", "openapi", "publish", "diff", "deps", "images", "keys"),
    *("init", "generate"),
    *("deploy", "logs", "status", "rollback", "destroy"),
    "doctor",
)


class LazyGroup(click.Group):
    """Imports a command's file when that command is used: --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """The commands in the order in which they are used."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        """The command called ``cmd_name``."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"cdk_modelbuilder.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: cdk-modelbuilder build train.py && cdk-modelbuilder run build/churn",
)
@click.version_option(__version__, prog_name="cdk-modelbuilder")
def group() -> None:
    """Package a trained model, sign it, run it here, and deploy it to SageMaker with `cdk deploy`."""


def main() -> None:
    """Entry point of the console script."""
    logging.basicConfig(level=logging.WARNING, format="note: %(message)s", stream=sys.stderr)
    try:
        group.main(standalone_mode=True)
    except ModelBuilderError as error:
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": error.what, "remedy": error.remedy}), err=True)
        else:
            click.echo(f"error: {error.what}\n       {error.remedy}", err=True)
        sys.exit(error.exit_code)
