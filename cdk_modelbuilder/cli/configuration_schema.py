"""The JSON schema of a configuration file, made from the options that there are; editors check and complete by it."""

from __future__ import annotations

from typing import Any

import click

from cdk_modelbuilder.cli.configuration import configurable

_TYPES: dict[type[Any], str] = {
    click.types.IntParamType: "integer",
    click.types.IntRange: "integer",
    click.types.FloatParamType: "number",
    click.types.FloatRange: "number",
    click.types.BoolParamType: "boolean",
}


def configuration_schema(group: click.Group) -> dict[str, Any]:
    """The schema of ``modelbuilder.toml``, as JSON Schema 2020-12."""
    context = click.Context(group)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cdk-modelbuilder",
        "description": "Defaults of options: modelbuilder.toml, or [tool.cdk-modelbuilder] of pyproject.toml.",
        **_group(group, context),
    }


def _group(group: click.Group, context: click.Context) -> dict[str, Any]:
    found = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = _group(command, context) if isinstance(command, click.Group) else _command(command)
        if inner["properties"]:
            found[name] = {"description": command.get_short_help_str(200), **inner}
    return {"type": "object", "additionalProperties": False, "properties": found}


def _command(command: click.Command) -> dict[str, Any]:
    properties = {name: _option(option) for name, option in configurable(command)}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _option(option: click.Option) -> dict[str, Any]:
    kind = option.type
    found: dict[str, Any] = {"type": "boolean" if option.is_flag else _TYPES.get(type(kind), "string")}
    if isinstance(kind, click.Choice):
        found["enum"] = [str(choice) for choice in kind.choices]
    if isinstance(kind, click.types.IntRange | click.types.FloatRange):
        found |= {} if kind.min is None else {"minimum": kind.min}
        found |= {} if kind.max is None else {"maximum": kind.max}
    if option.nargs != 1 or isinstance(kind, click.Tuple):
        found = {"type": "array"}
    if option.multiple:
        found = {"type": "array", "items": found}
    return found if option.help is None else {"description": option.help, **found}
