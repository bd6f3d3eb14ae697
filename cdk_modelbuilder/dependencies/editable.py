"""Which modules an editable install brings: they lie in the project's folder, which its metadata only points to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from cdk_modelbuilder.dependencies.origin import Origin

_NOT_PACKAGES = ("tests", "test", "docs", "examples", "build", "dist", "node_modules")


def editable_modules(source: metadata.Distribution, origin: Origin) -> Mapping[str, Path]:
    """Top-level module -> its file or folder; empty unless the distribution is an editable install.

    Build backends do it in three ways: a ``.pth`` file that names a folder (PEP 660's plain way: hatch, flit, poetry,
    uv), setuptools' finder with a table from names to folders, and the ``egg-link`` of old, whose metadata lie in the
    project itself.
    """
    if not origin.editable:
        return {}
    folder = _installed_in(source)
    found: dict[str, Path] = {}
    for path in _own_files(source):
        if path.startswith("__editable__") and path.endswith(".py") and folder is not None:
            found.update(_mapping(folder / path))
        if path.endswith(".pth") and folder is not None:
            for line in _lines(folder / path):
                if not line.startswith(("import ", "import\t", "#")):
                    found.update(_belonging(Path(line), source, origin))
    if not found and origin.folder is not None:
        tops = (source.read_text("top_level.txt") or "").split()
        for place in (origin.folder, origin.folder / "src"):
            known = dict(_modules_in(place))
            found.update({top: known[top] for top in tops if top in known and top not in found})
    return dict(sorted(found.items()))


def _own_files(source: metadata.Distribution) -> list[str]:
    record = source.read_text("RECORD") or ""
    return [line.partition(",")[0] for line in record.splitlines() if "/" not in line.partition(",")[0]]


def _installed_in(source: metadata.Distribution) -> Path | None:
    place = source.locate_file("")
    return Path(str(place)) if place is not None else None


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return []


def _mapping(finder: Path) -> Mapping[str, Path]:
    """The table in the finder that setuptools writes, read without running it."""
    try:
        tree = ast.parse(finder.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if [getattr(target, "id", "") for target in targets] == ["MAPPING"]:
            try:
                table = dict(ast.literal_eval(node.value))
            except (ValueError, TypeError):
                return {}
            return {str(name): _existing(Path(str(place))) for name, place in table.items() if "." not in name}
    return {}


def _existing(place: Path) -> Path:
    return place if place.is_dir() or place.suffix == ".py" else place.with_suffix(".py")


def _modules_in(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".py" and entry.stem.isidentifier() and entry.stem not in ("setup", "conftest"):
            yield entry.stem, entry
        elif entry.is_dir() and entry.name.isidentifier() and entry.name not in _NOT_PACKAGES and _holds_modules(entry):
            yield entry.name, entry


def _belonging(folder: Path, source: metadata.Distribution, origin: Origin) -> Iterator[tuple[str, Path]]:
    """The modules below a folder on the path; of a project's own folder, what a wheel of it would hold.

    Scripts lie beside the packages there, and none of them is installed with the distribution.
    """
    listed = (source.read_text("top_level.txt") or "").split()
    own_name = re.sub(r"[-.]+", "_", source.name).lower()
    for name, place in _modules_in(folder):
        is_package = not listed and (place / "__init__.py").is_file()
        if folder != origin.folder or name in listed or name.lower() == own_name or is_package:
            yield name, place


def _holds_modules(folder: Path) -> bool:
    return any(path.suffix == ".py" for path in folder.iterdir() if path.is_file()) or any(
        (child / "__init__.py").is_file() for child in folder.iterdir() if child.is_dir()
    )
