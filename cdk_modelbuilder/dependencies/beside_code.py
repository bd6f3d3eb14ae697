"""Files beside the user's modules that the running code asks for: which they are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cdk_modelbuilder.dependencies.private_files import is_private
from cdk_modelbuilder.dependencies.vendoring import MOST_BYTES
from cdk_modelbuilder.errors import DependencyError

_NOT_SHIPPED = ("__pycache__", "node_modules", "venv")


def asked_for(path: str, places: Mapping[str, Path]) -> list[tuple[str, Path]]:
    """``(path below code/, file)`` of a file, or of everything in a folder, sorted; none that looks like a secret.

    Code that lists a folder answers by what it finds there, so all of it counts.

    Args:
        path: What was asked for, as a POSIX path below ``code/``.
        places: Path below ``code/`` -> the file on this machine, of the modules that are shipped.

    Raises:
        DependencyError: The folder is too large to be shipped as source.
    """
    original = _original(path, places)
    if original is None or original.is_symlink():
        return []
    if original.is_file():
        return [] if is_private(path) else [(path, original)]
    found = sorted(_files(path, original)) if original.is_dir() else []
    if sum(file.stat().st_size for _, file in found) > MOST_BYTES:
        raise DependencyError(
            f"the code asks what there is in {original.name}/ beside it, which is more than {MOST_BYTES >> 20} MB.",
            remedy="Name the folder in artifacts=, and read it from the model_dir that load() is given.",
        )
    return found


def module_at(path: str) -> str:
    """The module of a source file.

    >>> module_at("a/b/__init__.py"), module_at("a/c.py")
    ('a.b', 'a.c')
    """
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _original(path: str, places: Mapping[str, Path]) -> Path | None:
    """The file or folder on this machine: beside a module that is shipped, or below a folder that is."""
    known = {place.rpartition("/")[0]: file.parent for place, file in sorted(places.items(), reverse=True)}
    if path in known:
        return known[path]
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in known:
            return known[folder] / path[len(folder) :].lstrip("/")
    return None


def _files(path: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        inside = file.relative_to(folder).as_posix()
        is_one = file.is_file() and not file.is_symlink() and file.suffix != ".pyc"
        if is_one and not is_private(f"{path}/{inside}") and not set(file.relative_to(folder).parts) & {*_NOT_SHIPPED}:
            yield f"{path}/{inside}", file
