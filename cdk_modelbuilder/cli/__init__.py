"""The command line, ``cdk-modelbuilder``. One file a command."""

from __future__ import annotations

from cdk_modelbuilder.cli.root_command import main

__all__ = ["main"]
