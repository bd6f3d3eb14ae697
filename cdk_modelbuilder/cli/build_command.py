"""``build``: run a Python file and build the ModelBuilder in it."""

from __future__ import annotations

import sys
import traceback
import types
from pathlib import Path

import click

from cdk_modelbuilder.builder import ModelBuilder
from cdk_modelbuilder.cli.inspect_command import facts_of, served_lines
from cdk_modelbuilder.cli.output import json_option, print_facts, print_json, progress_bar
from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelBuilderError, ModelError, UsageError


@click.command(
    "build",
    short_help="Build the bundle of the ModelBuilder in a Python file.",
    epilog="Example: cdk-modelbuilder build train.py:churn --output build/churn",
)
@click.argument("source", metavar="FILE.py[:NAME]")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the bundle, instead of its model_path.")
@click.option(
    "--private-key",
    type=click.Path(path_type=Path),
    help="Sign with this private key too (a .key file of keys create-pair).",
)
@json_option
def command(source: str, output: Path | None, private_key: Path | None, *, as_json: bool) -> None:
    """Run FILE.py and build the ModelBuilder called NAME in it; NAME may be left out if there is just one.

    The file is not run as __main__, so what it does under `if __name__ == "__main__":` is left out.
    """
    builder = _find_builder(source)
    if output is not None:
        builder.model_path = output
    if private_key is not None:
        builder.signing_private_key = private_key
    with progress_bar() as bar:
        bundle = builder.build(progress=bar)
    if as_json:
        print_json({"path": str(bundle.path), **facts_of(bundle)})
        return
    print_facts({"bundle": bundle.path, **facts_of(bundle)})
    for line in served_lines(bundle):
        click.echo(line)
    click.echo(f"\nNext: cdk-modelbuilder run {bundle.path}")


def _find_builder(source: str) -> ModelBuilder:
    file_name, _, name = source.partition(":")
    path = Path(file_name)
    if not path.is_file():
        raise UsageError(f"{file_name} does not exist.", remedy="Name a Python file that makes a ModelBuilder.")
    module = types.ModuleType(SCRIPT_MODULES[1])
    module.__file__ = str(path.resolve())
    sys.modules[SCRIPT_MODULES[1]] = module  # classes of the file find their source and their globals here
    sys.path.insert(0, str(path.resolve().parent))
    _execute(path.resolve(), module)
    builders = {key: value for key, value in vars(module).items() if isinstance(value, ModelBuilder)}
    if name:
        if name not in builders:
            raise UsageError(
                f"{file_name} has no ModelBuilder called {name!r}.",
                remedy=f"It has: {', '.join(builders)}." if builders else "It makes none at the top level.",
            )
        return builders[name]
    if len(builders) != 1:
        raise UsageError(
            f"{file_name} makes {len(builders)} ModelBuilders at its top level.",
            remedy=f"Name one: {file_name}:{next(iter(builders))}" if builders else "Assign one to a name.",
        )
    return next(iter(builders.values()))


def _execute(path: Path, module: types.ModuleType) -> None:
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102 - the user's own file
    except ModelBuilderError:
        raise
    except Exception as error:
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        place = f"{path.name}, line {lines[-1].lineno}" if lines else path.name
        raise ModelError(
            f"{path.name} failed: {type(error).__name__}: {error} ({place}).",
            remedy=f"Mend it; `python {path.name}` shows the whole trace.",
        ) from error
