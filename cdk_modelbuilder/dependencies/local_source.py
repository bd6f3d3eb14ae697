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

from cdk_modelbuilder.dependencies.import_sites import ImportSite, import_sites
from cdk_modelbuilder.dependencies.installed import Installed

SCRIPT_MODULES = ("__main__", "__modelbuilder_script__")
"""Modules that run something when imported: their classes are written out, see extracted_source.py."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports a module.

    Attributes:
        name: In words: ``code/churn/spec.py``, or ``the saved model``.
        file: Where the source is on this machine; None for what is no file.
        line: Line of the import.
        optional: The code goes on without the module.
    """

    name: str
    file: str | None = None
    line: int = 0
    optional: bool = False

    @property
    def place(self) -> str:
        """File and line for messages."""
        return self.name if self.file is None else f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class LocalSource:
    """Source files to ship, and the modules that they import and that are not among them.

    Attributes:
        files: POSIX path below ``code/`` -> bytes.
        imports: Module, by full name -> who imports it.
        places: POSIX path below ``code/`` -> the file on this machine.
        distributions: Editable installs that some of the files are from.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    imports: dict[str, Importer] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    distributions: set[str] = field(default_factory=set)

    @property
    def imports_this_package(self) -> bool:
        """Whether the files need a stand-in for this package where it is not installed."""
        return any(name.partition(".")[0] == __package__.partition(".")[0] for name in self.imports)

    def add_import(self, module: str, importer: Importer) -> None:
        """Note an import; one that the code cannot do without counts more than one that it can."""
        known = self.imports.get(module)
        if known is None or (known.optional and not importer.optional):
            self.imports[module] = importer

    def update(self, other: LocalSource) -> None:
        """Add what ``other`` holds."""
        self.files.update(other.files)
        self.places.update(other.places)
        self.distributions.update(other.distributions)
        for module, importer in other.imports.items():
            self.add_import(module, importer)


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
    path = module_file(module)
    return None if path is None or path.suffix != ".py" else path


def module_file(module: str) -> Path | None:
    """The file of a module that lies outside of every installed distribution, compiled ones too; else None."""
    if module in SCRIPT_MODULES or module.partition(".")[0] in sys.builtin_module_names:
        return None
    top, dot, _ = module.partition(".")
    if dot and module_file(top) is None and not _is_namespace(top):
        return None  # find_spec() would import the installed package that it is a part of
    found = _find_spec(module)
    if found is None or not found.origin or not found.has_location:
        return None
    path = Path(found.origin).resolve()
    if any(path.is_relative_to(root) for root in _installed_roots()):
        return path if _is_left_alone(module, path) else None
    return None if _in_target_folder(module, path) else path


def _is_left_alone(module: str, path: Path) -> bool:
    """Whether a file lies among the installed packages and belongs to none of them: somebody copied it there."""
    libraries = {Path(sysconfig.get_path(key)).resolve() for key in ("purelib", "platlib")}
    return any(path.is_relative_to(folder) for folder in libraries) and not Installed.here().owners(module)


def _in_target_folder(module: str, path: Path) -> bool:
    """Whether a distribution brings the file from another folder than this interpreter's (``pip install --target``)."""
    installed = Installed.here()
    owners = [found for name in installed.owners(module) if (found := installed.get(name)) is not None]
    folders = [Path(str(owner.source.locate_file(""))).resolve() for owner in owners if not owner.editable_modules]
    return any(path.is_relative_to(folder) for folder in folders)


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

    Imports are read from the syntax tree, so those inside functions count too. What an editable install brings counts
    as installed, unless one of ``modules`` is from there.
    """
    starts = sorted(set(modules))
    own = {name for module in starts for name in Installed.here().owners(module)}
    return collect_imported([(module, Importer("the bundle")) for module in starts], own=own)


def collect_imported(imported: Iterable[tuple[str, Importer]], *, own: Iterable[str] = ()) -> LocalSource:
    """The same for modules that are imported somewhere.

    Args:
        imported: Modules, and who imports them.
        own: Editable installs that the bundle's own code is from.
    """
    source = LocalSource(distributions=set(own))
    waiting = list(imported)
    seen: set[str] = set()
    while waiting:
        module, importer = waiting.pop()
        if module in seen or module in SCRIPT_MODULES:
            continue
        path = None if _is_of_others(module, source.distributions) else source_file(module)
        if path is None:
            is_folder = not Installed.here().owners(module) and _is_namespace(module)
            if module.partition(".")[0] not in sys.stdlib_module_names and not is_folder:
                source.add_import(module, importer)
            continue
        seen.add(module)
        is_package = path.name == "__init__.py"
        data = path.read_bytes()
        place = module.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        source.files[place] = data or b"\n"  # in shards, OpenSSF tools leave empty files out
        source.places[place] = path
        parents = module.split(".")[:-1]
        waiting += [(".".join(parents[:depth]), importer) for depth in range(1, len(parents) + 1)]
        waiting += imported_modules(data, module, is_package=is_package, name=f"code/{place}", file=str(path))
    return source


def _is_of_others(module: str, own: set[str]) -> bool:
    """Whether an editable install brings ``module``, and none of those that the bundle's own code is from."""
    installed = Installed.here()
    owners = installed.owners(module)
    editable = [name for name in owners if (found := installed.get(name)) is not None and found.editable_modules]
    return bool(editable) and not own.intersection(owners)


def imported_modules(
    data: bytes, module: str, *, is_package: bool, name: str, file: str | None
) -> list[tuple[str, Importer]]:
    """Every module that a source file imports, by full name, and where.

    Args:
        data: The file.
        module: Its own full name.
        is_package: Whether it is an ``__init__.py``.
        name: What to call it.
        file: Where it is on this machine.
    """
    sites = import_sites(ast.parse(data, file or name), module, is_package=is_package)
    return [(_module_of(site), Importer(name, file, site.line, site.optional)) for site in sites]


def _module_of(site: ImportSite) -> str:
    """``from a import b`` means ``a.b`` if that is a module, and ``a`` if not."""
    if site.attribute is None:
        return site.module
    installed = Installed.here()
    is_part = installed.owners(site.candidate) != installed.owners(site.module)
    return site.candidate if is_part or source_file(site.candidate) is not None else site.module
