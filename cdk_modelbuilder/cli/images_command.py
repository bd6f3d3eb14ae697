"""``images``: AWS's container images that the catalogue knows, and the catalogue made anew."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.images import ContainerImage, images_for, images_of_server, servers, table_date
from cdk_modelbuilder.images.host import PROCESSORS
from cdk_modelbuilder.images.regions import dns_suffix
from cdk_modelbuilder.images.table_files import VARIABLE, folder, own_folder

if TYPE_CHECKING:
    from cdk_modelbuilder.images.making import Refresh

_HEADS = ("server", "holds", "python", "for", "status", "image")


@click.group(
    "images",
    invoke_without_command=True,
    short_help="List AWS's container images.",
    epilog="Example: cdk-modelbuilder images --framework pytorch --processor gpu --region eu-west-1",
)
@click.option("--framework", help="Only images that run its models as they are, such as pytorch.")
@click.option("--server", help="Only images with this model server, such as ray.")
@click.option("--region", help="Only images that AWS offers there, by their URIs.")
@click.option("--processor", type=click.Choice(PROCESSORS), help="Only images for it.")
@click.option("--all", "with_retired", is_flag=True, help="Retired images too.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    framework: str | None,
    server: str | None,
    region: str | None,
    processor: str | None,
    with_retired: bool,
    as_json: bool,
) -> None:
    """List AWS's container images that the catalogue knows: what is inside, and until when it is patched.

    No network is asked: the list is as old as the date below it. `refresh` makes it anew.
    """
    if context.invoked_subcommand is not None:
        return
    if region is not None:
        dns_suffix(region)
    found = [
        image
        for image in _images(framework, server)
        if (region is None or region in image.accounts)
        and processor in (None, image.processor)
        and (with_retired or image.retired is None)
    ]
    if as_json:
        listed = [_facts(image, region) for image in found]
        print_json({"as_of": table_date().isoformat(), "images": listed, "tables": _origin()})
        return
    click.echo(_table([_row(image, region) for image in found]) if found else "no image fits")
    more = "" if with_retired else "; --all lists retired ones too"
    click.echo(f"\n{len(found)} image{'' if len(found) == 1 else 's'}, as of {table_date()}, {_origin()}{more}")


def _images(framework: str | None, server: str | None) -> list[ContainerImage]:
    if framework is not None:
        return [image for image in images_for(framework) if server in (None, image.model_server)]
    names = servers() if server is None else (server,)
    return [image for name in names for image in images_of_server(name)]


def _origin() -> str:
    return "the package's tables" if folder() == own_folder() else f"the tables of {folder()} ({VARIABLE})"


def _facts(image: ContainerImage, region: str | None) -> dict[str, Any]:
    return {
        "server": image.model_server,
        "image": image.name,
        "uri": None if region is None else image.uri(region),
        "public_uri": image.public_uri,
        "frameworks": dict(image.frameworks),
        "python": image.python,
        "processor": image.processor,
        "architecture": image.architecture,
        "cuda": image.cuda,
        "inference_ami": image.inference_ami,
        "end_of_patch": None if image.end_of_patch is None else image.end_of_patch.isoformat(),
        "retired": image.retired,
        "status": status_of(image, _today()),
        "entry_point": None if image.entry_point is None else list(image.entry_point),
        "command": None if image.command is None else list(image.command),
        "regions": sorted(image.accounts),
    }


def _row(image: ContainerImage, region: str | None) -> tuple[str, ...]:
    holds = ", ".join(f"{name} {version}" if version else name for name, version in sorted(image.frameworks.items()))
    kind = image.processor if image.architecture == "x86_64" else f"{image.processor} {image.architecture}"
    cuda = f" cuda {image.cuda}" if image.cuda else ""
    name = image.name if region is None else image.uri(region)
    return image.model_server, holds, image.python, kind + cuda, status_of(image, _today()), name


def status_of(image: ContainerImage, today: dt.date) -> str:
    """``patched until <day>``, ``patches ended <day>``, ``retired`` or ``no date``."""
    if image.end_of_patch is not None:
        return f"patched until {image.end_of_patch}" if today <= image.end_of_patch else f"ended {image.end_of_patch}"
    return "retired" if image.retired else "no date"


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.UTC).date()


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (_HEADS, *rows))
    return "\n".join(line.rstrip() for line in lines)


@command.command("refresh", epilog="Example: cdk-modelbuilder images refresh --dlc ~/deep-learning-containers")
@click.option(
    "--dlc",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="A clone of aws/deep-learning-containers from GitHub.",
)
@click.option(
    "--wheel",
    "wheels",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Wheel of sagemaker-core or botocore. Default: what is installed. Repeat.",
)
@click.option("--to", type=click.Path(path_type=Path), help=f"Folder of the tables. Default: ${VARIABLE}, else yours.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if anything would change.")
@json_option
def refresh_command(*, dlc: Path, wheels: tuple[Path, ...], to: Path | None, check: bool, as_json: bool) -> None:
    """Make the tables anew from public sources, and show what changes.

    In a checkout of this project the package's own tables are written. Elsewhere they go into a folder of yours, and
    are read from there while MODELBUILDER_IMAGE_TABLES names it.
    """
    from cdk_modelbuilder.images.making import refresh  # noqa: PLC0415 - only here

    target = to or _default_folder()
    page = own_folder().parents[1] / "docs" / "images.md"
    found = refresh(
        dlc, wheels, target, against=own_folder(), page=page if target == own_folder() and page.is_file() else None
    )
    if not check:
        found.write()
    if as_json:
        print_json(
            {
                "changes": list(found.changes),
                "current": found.is_current,
                "files": sorted(str(path) for path in (*found.texts, *found.gone)),
                "folder": str(target),
                "written": not check and not found.is_current,
            }
        )
    else:
        _tell(found, target, check=check)
    sys.exit(int(check and not found.is_current))


def _tell(found: Refresh, target: Path, *, check: bool) -> None:
    for line in found.changes:
        click.echo(line)
    if found.is_current:
        click.echo(f"{target} is what the sources give")
        return
    for path in found.texts:
        click.echo(f"{path}: {'differs from' if check else 'made from'} the sources")
    for path in found.gone:
        click.echo(f"{path}: {'no longer in' if check else 'removed, as it is no longer in'} the sources")
    if not check and target not in (own_folder(), folder()):
        click.echo(f"to use these tables: export {VARIABLE}={target}")


def _default_folder() -> Path:
    if os.environ.get(VARIABLE):
        return folder()
    if (own_folder().parents[1] / "pyproject.toml").is_file():
        return own_folder()
    import platformdirs  # noqa: PLC0415 - only here

    return platformdirs.user_data_path("cdk-modelbuilder") / "image-tables"
