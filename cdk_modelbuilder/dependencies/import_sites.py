"""Which modules a source file imports, where, and whether it can do without them. Read from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_ABSENCE: Final = frozenset({"ImportError", "ModuleNotFoundError", "PackageNotFoundError"})
_ANY_ERROR: Final = frozenset({"Exception", "BaseException"})
_ENVIRONMENT: Final = frozenset({"version_info", "platform", "name", "implementation", "machine", "system", "uname"})


@dataclass(frozen=True, slots=True)
class ImportSite:
    """One imported module.

    Attributes:
        module: Full name; relative imports are resolved.
        line: Line in the file.
        optional: The code goes on without it: the import stands in a ``try`` that catches its absence, or under a
            condition about the Python or the platform.
        attribute: For ``from module import attribute``; it may be a module of its own.
    """

    module: str
    line: int
    optional: bool
    attribute: str | None = None

    @property
    def candidate(self) -> str:
        """The longest name that may be a module."""
        return self.module if self.attribute is None else f"{self.module}.{self.attribute}"


def import_sites(tree: ast.AST, module: str, *, is_package: bool) -> list[ImportSite]:
    """Every import in ``tree``, wherever it stands, but for those that only type checkers read.

    Args:
        tree: The file's syntax tree.
        module: The file's own full name.
        is_package: Whether it is an ``__init__.py``.

    >>> [site.module for site in import_sites(ast.parse("import a.b; from .c import d"), "pkg.mod", is_package=False)]
    ['a.b', 'pkg.c']
    """
    package = module if is_package else module.rpartition(".")[0]
    return list(_sites(tree, package, optional=False))


def guards_imports(tree: ast.AST, line: int, *, any_error: bool) -> bool:
    """Whether what runs at ``line`` stands in a ``try`` that catches an ImportError.

    Args:
        tree: The file's syntax tree.
        line: Line that is running.
        any_error: Whether a ``try`` that catches every Exception counts too.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and _within(node.body, line) and _catches(node, any_error=any_error):
            return True
        if isinstance(node, ast.With) and _within(node.body, line) and _suppresses(node):
            return True
    return False


def _sites(node: ast.AST, package: str, *, optional: bool) -> Iterator[ImportSite]:
    if isinstance(node, ast.If):
        yield from _sites_under_condition(node, package, optional=optional)
    elif isinstance(node, ast.Try):
        yield from _sites_of_attempt(node, package, optional=optional)
    else:
        for module, attribute in _imported(node, package):
            yield ImportSite(module, getattr(node, "lineno", 0), optional, attribute)
        optional = optional or (isinstance(node, ast.With) and _suppresses(node))
        for child in ast.iter_child_nodes(node):
            yield from _sites(child, package, optional=optional)


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, package)
        if base:
            yield from ((base, None if alias.name == "*" else alias.name) for alias in node.names)
    elif isinstance(node, ast.Call):
        named = _named_in_call(node)
        if named:
            yield named, None


def _sites_of_attempt(node: ast.Try, package: str, *, optional: bool) -> Iterator[ImportSite]:
    caught = optional or _catches(node, any_error=True)
    for part in (*node.body, *node.handlers):  # a handler holds what is taken instead
        yield from _sites(part, package, optional=caught)
    for part in (*node.orelse, *node.finalbody):
        yield from _sites(part, package, optional=optional)


def _sites_under_condition(node: ast.If, package: str, *, optional: bool) -> Iterator[ImportSite]:
    names = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in ast.walk(node.test)}
    depends = optional or bool(names & _ENVIRONMENT)
    if "TYPE_CHECKING" not in names:
        for part in node.body:
            yield from _sites(part, package, optional=depends)
    for part in node.orelse:
        yield from _sites(part, package, optional=depends)


def _base(node: ast.ImportFrom, package: str) -> str:
    base = node.module or ""
    if not node.level:
        return base
    parts = package.split(".")
    upwards = parts[: len(parts) - node.level + 1]
    return ".".join([*upwards, *([base] if base else [])])


def _named_in_call(node: ast.Call) -> str | None:
    """``import_module("name")`` and ``__import__("name")`` with the name written out."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in ("import_module", "__import__") or not node.args:
        return None
    first = node.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
        return first.value
    return None


def _within(body: Sequence[ast.stmt], line: int) -> bool:
    return bool(body) and body[0].lineno <= line <= (body[-1].end_lineno or 0)


def _catches(node: ast.Try, *, any_error: bool) -> bool:
    wanted = _ABSENCE | (_ANY_ERROR if any_error else frozenset())
    for handler in node.handlers:
        if handler.type is None:
            if any_error:
                return True
            continue
        if _names(handler.type) & wanted:
            return True
    return False


def _suppresses(node: ast.With) -> bool:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and _names(call.func) & {"suppress"}:
            return any(_names(argument) & (_ABSENCE | _ANY_ERROR) for argument in call.args)
    return False


def _names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Tuple):
        return set().union(*map(_names, node.elts))
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")}
