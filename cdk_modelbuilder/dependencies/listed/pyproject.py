"""``pyproject.toml``: what the project, its extras and its dependency groups need (PEP 621, PEP 735)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.selection import Selection
from cdk_modelbuilder.dependencies.listed.toml_file import TomlFile, closest, read_requires_python
from cdk_modelbuilder.dependencies.listed.uv_settings import Sources, index_lines, with_source
from cdk_modelbuilder.errors import UsageError

_DEEPEST = 100  # groups within groups; nobody has so many


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    origin: str


def read_pyproject(chosen: Selection, place: str, *, environment: Mapping[str, str]) -> Listed:
    """What ``[project] dependencies`` lists, with the chosen extras, or what the chosen groups list.

    Args:
        chosen: The file, and what of it.
        place: What messages call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: It is malformed, does not list its dependencies itself, or is for another Python.
    """
    file = TomlFile.read(chosen.path, place)
    lines: list[_Line] = []
    requires = None
    if chosen.extras or not chosen.groups:
        requires = read_requires_python(_project(file).get("requires-python"), place, environment)
        lines += _project_lines(file, chosen.extras)
    groups = file.table("dependency-groups")
    by_name = {str(canonicalize_name(name)): (name, value) for name, value in groups.items()}
    for group in chosen.groups:
        lines += _group_lines(file, by_name, str(canonicalize_name(group)), group, ())
    sources = Sources(file, environment, {*chosen.extras, *chosen.groups})
    collected = Collected(environment, requires_python=requires)
    folder = chosen.path.parent
    for option, origin in index_lines(file):
        collected.add_options(option, origin, folder)
    for line in lines:
        text = _with_source(line, sources)
        if text is None:
            collected.note_folder(line.text, line.origin)
        else:
            collected.add(text, line.origin, folders=(folder,))
    for line in _constraints(file):
        collected.add(line.text, line.origin, folders=(folder,), is_constraint=True)
    if "override-dependencies" in file.table("tool", "uv"):
        collected.notes.append(f"{place}: tool.uv.override-dependencies is not read; write such lines into custom.")
    return collected.listed()


def _project(file: TomlFile) -> Mapping[str, Any]:
    project = file.table("project")
    poetry = file.table("tool", "poetry")
    if "project" not in file.data or ("dependencies" not in project and "dependencies" in poetry):
        if "dependencies" in poetry:
            raise UsageError(
                f"{file.place}: the dependencies are in [tool.poetry], in Poetry's own format.",
                remedy="Name the file that `poetry export -o requirements.txt` writes, or list them in [project].",
            )
        raise UsageError(
            f"{file.place} has no table [project].", remedy=f"Add it, or name a group: {file.place}:group."
        )
    return project


def _project_lines(file: TomlFile, extras: Collection[str]) -> Iterator[_Line]:
    """The project's own, then those of its extras; an extra may name others of the same project."""
    project = _project(file)
    dynamic = file.strings(project.get("dynamic", []), "project.dynamic")
    optional = file.table("project", "optional-dependencies")
    by_name = {str(canonicalize_name(name)): name for name in optional}
    for key in ("dependencies", *(("optional-dependencies",) if extras else ())):
        if key in dynamic:
            raise UsageError(
                f"{file.place}: project.{key} is dynamic: a build step makes it, and it is not in the file.",
                remedy="Name the file that it is made from, such as requirements.txt.",
            )
    own = str(canonicalize_name(str(project.get("name", ""))))
    waiting, followed = ["", *extras], set()
    while waiting:
        extra = waiting.pop(0)
        if extra in followed:
            continue
        followed.add(extra)
        if extra and extra not in by_name:
            raise UsageError(f"{file.place} has no extra {extra!r}.", remedy=closest(extra, by_name))
        where = f"project.optional-dependencies.{by_name[extra]}" if extra else "project.dependencies"
        listed = optional[by_name[extra]] if extra else project.get("dependencies", [])
        for index, text in enumerate(file.strings(listed, where)):
            inner = _extras_of(text, own)
            if inner is None:
                yield _Line(text, file.origin(text, f"{where}[{index}]"))
            else:
                waiting += inner


def _extras_of(text: str, own: str) -> list[str] | None:
    """Extras that a line asks of the project itself; None for a line about another package."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return None
    is_own = own and str(canonicalize_name(parsed.name)) == own
    return sorted(str(canonicalize_name(extra)) for extra in parsed.extras) if is_own else None


def _group_lines(
    file: TomlFile, groups: Mapping[str, tuple[str, Any]], group: str, asked: str, inside: tuple[str, ...]
) -> Iterator[_Line]:
    # packaging.dependency_groups does the same, but forgets where each line was.
    if group not in groups:
        raise UsageError(
            f"{file.place} has no dependency group {asked!r}.",
            remedy=closest(asked, (name for name, _ in groups.values())),
        )
    if group in inside or len(inside) > _DEEPEST:
        how = "includes itself" if group in inside else "is nested too deep"
        raise UsageError(
            f"{file.place}: the dependency group {groups[group][0]!r} {how}.", remedy="Take out one include."
        )
    name, items = groups[group]
    where = f"dependency-groups.{name}"
    if not isinstance(items, list):
        raise file.refusal(where, "is no list")
    for index, item in enumerate(items):
        if isinstance(item, str):
            yield _Line(item, file.origin(item, f"{where}[{index}]"))
        elif isinstance(item, Mapping) and set(item) == {"include-group"} and isinstance(item["include-group"], str):
            other = item["include-group"]
            yield from _group_lines(file, groups, str(canonicalize_name(other)), other, (*inside, group))
        else:
            raise file.refusal(f"{where}[{index}]", f"is {item!r}, neither a requirement nor an include-group")


def _with_source(line: _Line, sources: Sources) -> str | None:
    """The line with the address that ``[tool.uv.sources]`` gives; None for a folder."""
    try:
        name = str(canonicalize_name(Requirement(line.text).name))
    except InvalidRequirement:
        return line.text  # refused with its place when it is read
    source = sources.source_of(name)
    return line.text if source is None else with_source(line.text, source)


def _constraints(file: TomlFile) -> list[_Line]:
    key = "constraint-dependencies"
    given = file.strings(file.table("tool", "uv").get(key, []), f"tool.uv.{key}")
    return [_Line(text, file.origin(text, f"tool.uv.{key}[{index}]")) for index, text in enumerate(given)]
