"""``uv.lock``: read by uv itself, because its format is uv's own and changes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.file_options import read_hashes, take_apart
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.requirements_file import logical_lines
from cdk_modelbuilder.dependencies.listed.selection import Selection
from cdk_modelbuilder.dependencies.listed.toml_file import TomlFile, read_requires_python
from cdk_modelbuilder.dependencies.listed.uv_settings import index_lines
from cdk_modelbuilder.dependencies.uv_tool import run_uv
from cdk_modelbuilder.errors import UsageError

_LOCAL = ("editable", "directory", "virtual")


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
    if not project.is_file():
        raise UsageError(f"{place} lies beside no pyproject.toml.", remedy="Name the lock in the project's folder.")
    requires = read_requires_python(file.data.get("requires-python"), place, environment)
    packages = list(_packages(file))
    places = dict(zip(map(id, packages), file.table_lines("package", len(packages)), strict=True))
    collected = Collected(environment, is_lock=True, requires_python=requires)
    origins: dict[tuple[str, str], str] = {}
    local: list[str] = []
    for package in packages:
        name, source = str(canonicalize_name(str(package.get("name")))), package.get("source")
        origins[name, str(package.get("version"))] = origins[name, ""] = places[id(package)]
        if isinstance(source, Mapping) and source.keys() & set(_LOCAL):
            local.append(name)
            if "." not in [source.get(key) for key in _LOCAL]:
                collected.note_folder(name, places[id(package)])
    for option, origin in index_lines(TomlFile.read(project, "pyproject.toml")):
        collected.add_options(option, origin, chosen.path.parent)
    for _, line in logical_lines(_exported(chosen, place, local)):
        _add(line, place, origins, collected, chosen.path.parent)
    return collected.listed()


def _packages(file: TomlFile) -> Iterator[Mapping[str, Any]]:
    packages = file.data.get("package", [])
    if "version" not in file.data or not isinstance(packages, list):
        raise UsageError(f"{file.place} is no lock of uv's.", remedy="Make it again with `uv lock`.")
    for index, package in enumerate(packages):
        if not isinstance(package, Mapping):
            raise file.refusal(f"package[{index}]", "is no table")
        yield package


def _exported(chosen: Selection, place: str, local: list[str]) -> str:
    options = [f"--extra={extra}" for extra in chosen.extras]
    kind = "--group" if chosen.extras else "--only-group"  # a group alone is the group alone, as of pip's --group
    options += [f"{kind}={group}" for group in chosen.groups]
    options += [f"--no-emit-package={name}" for name in local]
    ended = run_uv(
        [
            "export", "--frozen", "--no-emit-project", "--no-emit-workspace", "--no-default-groups",
            "--no-header", "--no-annotate", "--no-python-downloads", "--offline", "--quiet",
            "--format=requirements.txt", "--project", str(chosen.path.parent.resolve()), *options,
        ],
        purpose=f"to read {place}",
    )  # fmt: skip
    if ended.returncode != 0:
        said = " ".join(ended.stderr.split()).removeprefix("error: ").rstrip(".")
        raise UsageError(
            f"{place}: uv cannot read it: {said.replace(str(chosen.path.parent.resolve()), '.')}.",
            remedy="Make it again with `uv lock`, or name an extra or a group that the project has.",
        )
    return ended.stdout


def _add(line: str, place: str, origins: Mapping[tuple[str, str], str], collected: Collected, folder: Path) -> None:
    parts = take_apart(line, place)
    name = parts.requirement.partition("@")[0].partition("==")[0].partition("[")[0].strip()
    version = parts.requirement.partition("==")[2].partition(";")[0].strip()
    key = str(canonicalize_name(name))
    origin = origins.get((key, version), origins.get((key, ""), place))
    collected.add(
        parts.requirement, origin, folders=(folder,), hashes=read_hashes(parts.values.get("hashes", []), origin)
    )
