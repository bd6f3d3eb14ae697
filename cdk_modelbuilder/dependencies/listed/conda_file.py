"""``environment.yml`` of conda: its Python, its packages by their names on PyPI, and the list under ``pip:``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.conda_names import name_on_pypi
from cdk_modelbuilder.dependencies.listed.conda_spec import CondaSpec, read_conda_spec
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.requirements_file import Walk
from cdk_modelbuilder.dependencies.listed.text_file import read_text
from cdk_modelbuilder.dependencies.listed.toml_file import python_within
from cdk_modelbuilder.errors import ToolMissingError, UsageError

_LARGEST = 1_000_000


def read_conda_file(path: Path, place: str, *, environment: Mapping[str, str]) -> Listed:
    """The Python packages of a conda environment.

    Nothing is constructed from the file: its nodes are looked at, so neither a tag nor a nest of aliases does harm.

    Args:
        path: The file.
        place: What messages call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: It is no environment, or is for another Python than the container's.
        ToolMissingError: PyYAML is not installed.
    """
    collected = Collected(environment)
    walk = Walk(collected)
    root = _mapping(_composed(path, place), place)
    if "dependencies" not in root:
        raise UsageError(f"{place} has no list 'dependencies'.", remedy="Name a conda environment's file.")
    if "variables" in root:
        collected.notes.append(f"{place}: variables are not set in the container; use environment= for that.")
    left_out: list[str] = []
    seen: set[int] = set()
    for node in _items(root["dependencies"], place, "dependencies", seen):
        origin = _origin(node, place)
        if node.id == "scalar":
            spec = read_conda_spec(node.value, origin)
            name = name_on_pypi(spec.name)
            if spec.name == "python":
                collected.requires_python = _checked_python(spec, environment)
            elif name is not None:
                collected.add(f"{canonicalize_name(name)}{spec.specifier}", origin, folders=())
            elif spec.name != "pip":
                left_out.append(spec.name)
            continue
        for key, listed in _mapping(node, origin).items():
            if key != "pip":
                raise UsageError(f"{origin}: {key!r} is no part that conda knows.", remedy="Only pip: may stand there.")
            for line in _items(listed, place, "pip", seen):
                walk.read_text(_scalar(line, place), _origin(line, place), path.parent, place)
    if left_out:
        collected.notes.append(
            f"{place}: left out, being no Python packages: {', '.join(sorted(set(left_out)))}; wheels bring their own."
        )
    return collected.listed()


def _composed(path: Path, place: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        raise ToolMissingError(
            f"PyYAML is not installed; it is needed to read {place}.",
            remedy="Install it: pip install 'cdk-modelbuilder[conda]'.",
        ) from None
    text = read_text(path, place)
    if len(text) > _LARGEST:
        raise UsageError(f"{place} has {len(text)} characters; it is no environment.", remedy="Name the right file.")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        because = " ".join(str(getattr(error, "problem", None) or error).split()) or type(error).__name__
        mark = getattr(error, "problem_mark", None)
        where = place if mark is None else f"{place}, line {mark.line + 1}"
        raise UsageError(f"{where}: it is no YAML: {because}.", remedy="Correct the line.") from None
    if root is None:
        raise UsageError(f"{place} is empty.", remedy="Name a conda environment's file.")
    return root


def _mapping(node: Any, place: str) -> dict[str, Any]:
    if node.id != "mapping":
        raise UsageError(
            f"{place} holds a {node.id} where a mapping is wanted.",
            remedy="A conda environment has name:, channels: and dependencies:.",
        )
    return {str(key.value): value for key, value in node.value if key.id == "scalar"}


def _items(node: Any, place: str, name: str, seen: set[int]) -> Iterator[Any]:
    """The items of a list; what an alias repeats comes once, or a small file could say a billion things."""
    if node.id == "sequence":
        new = [] if id(node) in seen else [item for item in node.value if id(item) not in seen]
        seen.update(map(id, [node, *new]))
        yield from {id(item): item for item in new}.values()
    elif not (node.id == "scalar" and node.tag == "tag:yaml.org,2002:null"):
        raise UsageError(f"{_origin(node, place)}: {name!r} is no list.", remedy="Write one item a line, after a dash.")


def _scalar(node: Any, place: str) -> str:
    if node.id != "scalar":
        raise UsageError(
            f"{_origin(node, place)}: a {node.id} is no requirement.", remedy="Write one requirement a line."
        )
    return str(node.value)


def _origin(node: Any, place: str) -> str:
    return f"{place}, line {node.start_mark.line + 1}"


def _checked_python(spec: CondaSpec, environment: Mapping[str, str]) -> SpecifierSet:
    wanted = spec.specifier
    if python_within(wanted, environment) is None:
        raise UsageError(
            f"{spec.origin}: the environment has python{wanted}, and the container has Python "
            f"{environment['python_version']}.",
            remedy="Choose an image with that Python, or widen the line.",
        )
    return wanted
