"""Defaults of options in a file: ``modelbuilder.toml``, or ``[tool.cdk-modelbuilder]`` of ``pyproject.toml``.

A table for each command holds its options by the names that they have on the command line::

    [tool.cdk-modelbuilder.run]
    port = 9000
    strict = true

What is given on the command line wins. The nearest file counts alone, going up from the working directory.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from cdk_modelbuilder.errors import UsageError

OWN_FILE = "modelbuilder.toml"
_PROJECT_FILE = "pyproject.toml"
_TABLE = ("tool", "cdk-modelbuilder")
_NOT_CONFIGURED = ("help", "json", "version", "config", "yes", "quiet")
"""What one run asks for: a file that answers yes to every question would be a trap."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says.

    Attributes:
        file: The file; None where there is none.
        given: Command -> option -> value, by the words of the command line; a command of a group in its table.
        defaults: The same by the names of parameters, for click.
    """

    file: Path | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)


def find_configuration(group: click.Group, *, file: str | None = None, folder: Path | None = None) -> Configuration:
    """The configuration that holds in ``folder``, checked against the options that there are.

    Args:
        group: The commands.
        file: The file, instead of the nearest one.
        folder: Default: the working directory.

    Raises:
        UsageError: The file cannot be read, or names a command or an option that there is not.
    """
    if file is not None:
        path = Path(file)
        given = _read(path)
        return _checked(group, path, _table(given) if path.name == _PROJECT_FILE else given)
    start = (folder or Path.cwd()).absolute()
    for place in (start, *start.parents):
        if (place / OWN_FILE).is_file():
            return _checked(group, place / OWN_FILE, _read(place / OWN_FILE))
        project = place / _PROJECT_FILE
        if project.is_file() and (table := _table(_read(project))) is not None:
            return _checked(group, project, table)
    return Configuration()


def configurable(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """The options of ``command`` that a file may set, by their long names without the hyphens before."""
    for parameter in command.params:
        if not isinstance(parameter, click.Option) or parameter.hidden:
            continue
        name = max(parameter.opts, key=len).lstrip("-")
        if name not in _NOT_CONFIGURED and any(word.startswith("--") for word in parameter.opts):
            yield name, parameter


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Name another file with --config.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}.", remedy="Mend the line that it names.") from None


def _table(project: Mapping[str, Any]) -> Any:
    found: Any = project
    for name in _TABLE:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _checked(group: click.Group, path: Path, table: Any) -> Configuration:
    if table is None:
        return Configuration(path)
    context = click.Context(group)
    defaults = _commands(group, context, table, f"{path}:", at_top=True)
    return Configuration(path, table, defaults)


def _commands(
    group: click.Group, context: click.Context, table: Any, place: str, *, at_top: bool = False
) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise UsageError(f"{place} is {table!r}.", remedy="Write a table with a command's options.")
    names = group.list_commands(context)
    found: dict[str, Any] = {}
    for name, value in table.items():
        if at_top and name == "$schema":
            continue
        if name not in names:
            raise _unknown(place, "command", name, names)
        command = group.get_command(context, name)
        assert command is not None
        here = f"{place} {name}" if at_top else f"{place}.{name}"
        if isinstance(command, click.Group):
            found[name] = _commands(command, context, value, here)
        else:
            found[name] = _options(command, context, value, here)
    return found


def _options(command: click.Command, context: click.Context, table: Any, place: str) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise UsageError(f"{place} is {table!r}.", remedy="Write a table with the command's options.")
    known = dict(configurable(command))
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise _unknown(place, "option", name, list(known))
        option = known[name]
        assert option.name is not None
        if option.is_flag and not isinstance(value, bool):
            raise UsageError(f"{place}.{name} is {value!r}.", remedy="Write true or false.")
        try:
            option.type_cast_value(click.Context(command, parent=context), value)
        except (click.BadParameter, TypeError, ValueError) as error:
            said = error.message if isinstance(error, click.BadParameter) else str(error)
            raise UsageError(f"{place}.{name} is {value!r}: {said}", remedy="Give a value that fits.") from None
        found[option.name] = value
    return found


def _unknown(place: str, what: str, name: str, known: list[str]) -> UsageError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return UsageError(
        f"{place} names the {what} {name!r}, which there is not.", remedy=f"{hint}Known: {', '.join(known)}."
    )
