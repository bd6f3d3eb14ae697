"""The user's own modules: which they are, what they import, and where their source goes in the bundle."""

from __future__ import annotations

import ast
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

SCRIPT_MODULES = ("__main__", "__modelbuilder_script__")
"""Modules that run something when imported: their classes are written out, see extracted_source.py."""


@dataclass(frozen=True, slots=True)
class LocalSource:
    """Source files to ship, and the installed modules that they import.

    Attributes:
        files: POSIX path below ``code/`` -> bytes.
        imports: Modules of other distributions that the files import, by full name.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    @property
    def imports_this_package(self) -> bool:
        """Whether the files need a stand-in for this package where it is not installed."""
        return any(name.partition(".")[0] == __package__.partition(".")[0] for name in self.imports)


@cache
def _installed_roots() -> tuple[Path, ...]:
    places = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {*site.getsitepackages(), site.getusersitepackages()}
    own_package = str(Path(__file__).parents[1])  # never shipped, even from an editable install
    return tuple(Path(place).resolve() for place in sorted({*places, own_package}))


def is_local(module: str) -> bool:
    """Whether ``module`` is the user's source: a script, or a file outside of every installed distribution."""
    return module in SCRIPT_MODULES or source_file(module) is not None


def source_file(module: str) -> Path | None:
    """The file of a local module; None for installed, built-in, compiled and unknown ones."""
    if module in SCRIPT_MODULES or module.partition(".")[0] in sys.builtin_module_names:
        return None
    top, dot, _ = module.partition(".")
    if dot and source_file(top) is None and not _is_namespace(top):
        return None  # find_spec() would import the installed package that it is a part of
    found = _find_spec(module)
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    path = Path(found.origin).resolve()
    return None if any(path.is_relative_to(root) for root in _installed_roots()) else path


def _is_namespace(module: str) -> bool:
    found = _find_spec(module)
    return found is not None and not found.has_location and found.submodule_search_locations is not None


def _find_spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def collect(modules: Iterable[str]) -> LocalSource:
    """The source of ``modules`` and of every local module that they import, at whatever depth.

    Imports are read from the syntax tree, so those inside functions count too.
    """
    source = LocalSource()
    waiting = sorted(set(modules))
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = source_file(module)
        if path is None:
            if module.partition(".")[0] not in sys.stdlib_module_names and module not in SCRIPT_MODULES:
                source.imports.add(module)
            continue
        is_package = path.name == "__init__.py"
        data = path.read_bytes()
        place = module.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        source.files[place] = data or b"\n"  # in shards, OpenSSF tools leave empty files out
        parents = module.split(".")[:-1]
        waiting += [".".join(parents[:depth]) for depth in range(1, len(parents) + 1)]
        waiting += imported_modules(ast.parse(data, str(path)), module, is_package=is_package)
    return source


def imported_modules(tree: ast.AST, module: str, *, is_package: bool) -> list[str]:
    """Every module that ``tree`` imports, by full name; ``from a import b`` gives ``a`` and, if it is one, ``a.b``."""
    package = module if is_package else module.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                upwards = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*upwards, *([base] if base else [])])
            if base:
                found.append(base)
                found += [f"{base}.{alias.name}" for alias in node.names if source_file(f"{base}.{alias.name}")]
    return found
