"""Options that the commands about deployments share: which account, which region, which folder, which deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
name_argument = click.argument("name")


def where_options(function: _Command) -> _Command:
    """``--region``, ``--profile``, ``--folder`` and ``--stack-name``."""
    for option in (
        click.option("--stack-name", help="Name of the stack. Default: <NAME>-endpoint."),
        click.option(
            "--folder",
            type=click.Path(path_type=str),
            default=".cdk-modelbuilder",
            show_default=True,
            help="Where deployed apps are kept.",
        ),
        click.option("--profile", help="Profile of your AWS settings."),
        click.option("--region", help="AWS region. Default: where it was deployed, else as configured."),
    ):
        function = option(function)
    return function
