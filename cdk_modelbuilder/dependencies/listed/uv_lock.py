"""``uv.lock``: read by uv itself, because its format is uv's own and changes with it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.file_options import OptionLine, read_hashes, take_apart
from cdk_modelbuilder.dependencies.listed.reference import redacted
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.requirements_file import logical_lines
from cdk_modelbuilder.dependencies.listed.selection import Selection
from cdk_modelbuilder.dependencies.listed.text_file import is_file
from cdk_modelbuilder.dependencies.listed.toml_file import TomlFile, read_requires_python
from cdk_modelbuilder.dependencies.listed.uv_settings import index_lines
from cdk_modelbuilder.dependencies.uv_tool import run_uv
from cdk_modelbuilder.errors import UsageError


def read_uv_lock(chosen: Selection, place: str, *, environment: Mapping[str, str]) -> Listed:
    """The packages of a ``uv.lock`` for the container, with versions and hashes.

    The lock is taken as it is (``--frozen``). The project itself and packages in folders are left out.

    Args:
        chosen: The file, and which extras and groups of it.
        place: What messages call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: It is not valid, or not for the container's Python.
        ToolMissingError: uv is not installed.
    """
    file = TomlFile.read(chosen.path, place)
    project = chosen.path.with_name("pyproject.toml")
    if not is_file(project):
        raise UsageError(f"{place} lies beside no pyproject.toml.", remedy="Name the lock in the project's folder.")
    requires = read_requires_python(file.data.get("requires-python"), place, environment)
    packages = list(_packages(file))
    collected = Collected(environment, is_lock=True, requires_python=requires)
    for option, origin in index_lines(TomlFile.read(project, "pyproject.toml")):
        collected.add_options(option, origin, chosen.path.parent)
    known = _Known(packages, file.table_lines("package", len(packages)))
    for _, line in logical_lines(_exported(chosen, place)):
        _add(take_apart(line, place), place, known, collected, chosen.path.parent)
    return collected.listed()


def _packages(file: TomlFile) -> Iterator[Mapping[str, Any]]:
    packages = file.data.get("package", [])
    if "version" not in file.data or not isinstance(packages, list):
        raise UsageError(f"{file.place} is no lock of uv's.", remedy="Make it again with `uv lock`.")
    for index, package in enumerate(packages):
        if not isinstance(package, Mapping):
            raise file.refusal(f"package[{index}]", "is no table")
        yield package


def _exported(chosen: Selection, place: str) -> str:
    options = [f"--extra={extra}" for extra in chosen.extras]
    kind = "--group" if chosen.extras else "--only-group"  # a group alone is the group alone, as of pip's --group
    options += [f"{kind}={group}" for group in chosen.groups]
    folder = str(chosen.path.parent.resolve())
    ended = run_uv(
        [
            "export", "--frozen", "--no-emit-project", "--no-default-groups", "--no-header", "--no-annotate",
            "--no-python-downloads", "--offline", "--quiet", "--format=requirements.txt", "--project", folder, *options,
        ],
        purpose=f"to read {place}",
    )  # fmt: skip
    if ended.returncode != 0:
        said = " ".join(ended.stderr.split()).removeprefix("error: ").rstrip(".")
        raise UsageError(
            f"{place}: uv cannot read it: {redacted(said.replace(folder, '.'))}.",
            remedy="Make it again with `uv lock`, or name an extra or a group that the project has.",
        )
    return ended.stdout


class _Known:
    """What the lock says about packages, by what uv writes about them."""

    def __init__(self, packages: Sequence[Mapping[str, Any]], places: Sequence[str]) -> None:
        self._by_version: dict[tuple[str, str], str] = {}
        self._by_folder: dict[str, tuple[str, str]] = {}
        for package, place in zip(packages, places, strict=True):
            name, source = str(canonicalize_name(str(package.get("name")))), package.get("source")
            self._by_version[name, str(package.get("version"))] = self._by_version[name, ""] = place
            where = dict(source) if isinstance(source, Mapping) else {}
            for path in (where.get(kind) for kind in ("editable", "directory", "virtual")):
                if isinstance(path, str):
                    self._by_folder[posixpath.normpath(path)] = (name, place)

    def folder(self, path: str) -> tuple[str, str] | None:
        """Name and place of the package in a folder."""
        return self._by_folder.get(posixpath.normpath(re.split(r"[\[;]", path, maxsplit=1)[0].strip()))

    def place(self, name: str, version: str) -> str | None:
        """The place of a package; of any version of it, if this one is written in another way."""
        return self._by_version.get((name, version), self._by_version.get((name, "")))


def _add(parts: OptionLine, place: str, known: _Known, collected: Collected, folder: Path) -> None:
    text = parts.requirement or next(iter(parts.values.get("editables", [])), "")
    if (local := known.folder(text)) is not None:
        collected.note_folder(*local)
        return
    name = re.split(r"[\s@=\[;]", text, maxsplit=1)[0]
    version = text.partition("==")[2].partition(";")[0].strip()
    origin = known.place(str(canonicalize_name(name)), version) or place
    collected.add(text, origin, folders=(folder,), hashes=read_hashes(parts.values.get("hashes", []), origin))
