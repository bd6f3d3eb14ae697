"""The group of all commands, and how errors end: 0 done, 1 the work failed, 2 wrong usage."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from typing import Any

import click

from cdk_modelbuilder.cli.configuration import find_configuration
from cdk_modelbuilder.cli.output import be_quiet
from cdk_modelbuilder.cli.versions import print_versions
from cdk_modelbuilder.errors import ModelBuilderError

_SECTIONS = {
    "Make and look": ("build", "inspect", "verify", "openapi", "deps", "images", "keys"),
    "Run here": ("run", "invoke", "chat", "tune", "doctor"),
    "Review and deploy": (*("init", "generate", "diff", "publish", "deploy", "status", "logs", "rollback", "destroy"),),
    "This program": ("config", "completion"),
}
COMPLETE_VARIABLE = "_CDK_MODELBUILDER_COMPLETE"


class LazyGroup(click.Group):
    """Imports a command's file when that command is used: --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """The commands in the order in which they are used."""
        return [name for names in _SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"cdk_modelbuilder.cli.{cmd_name}_command")
        command: click.Command = module.command
        _give_quiet(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        width = formatter.width - 6 - max(map(len, found))
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, command.get_short_help_str(width)) for name in names if (command := found[name])]
                )


def _give_quiet(command: click.Command) -> None:
    """Let ``-q`` stand behind the command's name too, where people look for it first."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _give_quiet(one)
    elif not any("--quiet" in parameter.opts for parameter in command.params):
        command.params.append(_quiet_option())


def _quiet_option() -> click.Option:
    def callback(_: click.Context, __: click.Parameter, value: bool) -> None:
        if value:
            be_quiet()

    text = "No notes and no progress; results and errors alone."
    return click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=callback, help=text)


def _configure(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    found = find_configuration(group, file=value)
    ctx.default_map = found.defaults
    ctx.obj = found


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[_quiet_option()],
    epilog="Example: cdk-modelbuilder build train.py && cdk-modelbuilder run build/churn",
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    expose_value=False,
    callback=_configure,
    is_eager=True,
    help="Defaults of options. Default: modelbuilder.toml, or pyproject.toml, here or above; see `config`.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=print_versions,
    help="Print the version, and those of what it works with.",
)
def group() -> None:
    """Package a trained model, sign it, run it here, and deploy it to SageMaker with `cdk deploy`."""


def main() -> None:
    """Entry point of the console script."""
    logging.basicConfig(
        level=logging.WARNING, format=f"{_coloured('note:', 'yellow')} %(message)s", handlers=[NoteHandler()]
    )
    options: dict[str, Any] = {} if "NO_COLOR" not in os.environ else {"color": False}
    try:
        group.main(prog_name="cdk-modelbuilder", complete_var=COMPLETE_VARIABLE, standalone_mode=True, **options)
    except ModelBuilderError as error:
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": error.what, "remedy": error.remedy}), err=True)
        else:
            click.echo(f"{_coloured('error:', 'red')} {error.what}\n       {error.remedy}", err=True)
        sys.exit(error.exit_code)


class NoteHandler(logging.Handler):
    """Writes to what standard error is at the time: a progress bar puts itself in its place, to stay below notes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one note."""
        click.echo(self.format(record), file=sys.stderr)


def _coloured(word: str, colour: str) -> str:
    if "NO_COLOR" in os.environ or not sys.stderr.isatty():  # https://no-color.org
        return word
    return click.style(word, fg=colour, bold=True)
