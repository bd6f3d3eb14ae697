"""The files that the catalogue is read from: the package's own, or those of a folder that the user has refreshed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cdk_modelbuilder.errors import ImageError

VARIABLE = "MODELBUILDER_IMAGE_TABLES"
"""Environment variable with a folder of tables that are read instead of the package's."""

FORMAT = 2


def own_folder() -> Path:
    """The package's own tables."""
    return Path(str(resources.files(__package__)))


def folder() -> Path:
    """Where the tables are read from."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else own_folder()


def read_table(name: str) -> Mapping[str, Any]:
    """One of the files, such as ``"regions.json"``; each is read once.

    Raises:
        ImageError: It is missing, or was made for another version of this package.
    """
    return _read(folder(), name)


@cache
def _read(place: Path, name: str) -> Mapping[str, Any]:
    path = place / name
    try:
        table: dict[str, Any] = json.loads(path.read_bytes())
        version = table["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError(
            f"the image table {path} cannot be read: {type(error).__name__}: {error}.",
            remedy=f"Make it with 'cdk-modelbuilder images refresh', or unset {VARIABLE}.",
        ) from None
    if version != FORMAT:
        raise ImageError(
            f"the image table {path} has format {version}, this package reads format {FORMAT}.",
            remedy=f"Make it anew with 'cdk-modelbuilder images refresh', or unset {VARIABLE}.",
        )
    return MappingProxyType(table)
