"""``completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from cdk_modelbuilder.errors import UsageError

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    short_help="Print what makes a shell complete commands and options.",
    epilog="Example: cdk-modelbuilder completion bash >> ~/.bashrc",
)
@click.argument("shell", required=False, type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str | None) -> None:
    """Print the script for SHELL, by default the one that SHELL names in the environment.

    bash: add it to ~/.bashrc. zsh: to ~/.zshrc, after compinit. fish: to
    ~/.config/fish/completions/cdk-modelbuilder.fish.
    """
    from cdk_modelbuilder.cli.root_command import COMPLETE_VARIABLE  # noqa: PLC0415 - it imports the commands

    chosen = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(chosen) if chosen in _SHELLS else None
    if found is None:
        raise UsageError(f"there is no completion for the shell {chosen!r}.", remedy=f"Name one: {', '.join(_SHELLS)}.")
    click.echo(found(ctx.find_root().command, {}, "cdk-modelbuilder", COMPLETE_VARIABLE).source())
