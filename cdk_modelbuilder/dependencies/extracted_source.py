"""Writes classes of a script or a notebook out as a module of their own.

Such a module cannot be shipped as it is: importing it would run the training again. So the classes are taken from their
source together with just what they use: imports, other classes and functions of the script, and plain constants.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import math
import symtable
import sys
import textwrap
import types
from collections.abc import Iterable
from typing import Any

from cdk_modelbuilder.dependencies.local_source import LocalSource, collect_imported, imported_modules
from cdk_modelbuilder.errors import ModelError

MODULE_NAME = "modelbuilder_script"
"""The module that the extracted classes live in, inside the bundle."""


class NoSourceError(Exception):
    """The source of a class is not to be had, as in a bare interpreter."""


def extract(objects: Iterable[Any]) -> bytes:
    """Source of a module that defines ``objects`` (classes or functions of scripts), the same for the same input.

    Raises:
        NoSourceError: Python does not know the source.
        ModelError: The code uses a value of the script that is not plain data.
    """
    imports: set[str] = set()
    constants: dict[str, str] = {}
    definitions: dict[str, str] = {}

    def add(thing: Any, name: str) -> None:
        if name in definitions:
            return
        own_name = getattr(thing, "__name__", name)
        if own_name not in (name, "<lambda>"):  # another name for it; a lambda's source holds the name itself
            add(thing, own_name)
            definitions[name] = f"{name} = {own_name}"
            return
        try:
            text = textwrap.dedent(_source_of(thing))
        except (OSError, TypeError) as error:
            raise NoSourceError(f"{thing.__module__}.{thing.__qualname__}: {error}") from None
        definitions[name] = ""  # keeps a cycle from running forever; filled in after what it needs
        for used in sorted(_free_names(text)):
            resolve(used, sys.modules[thing.__module__], name)
            imports.update(f"import {found}" for found in _submodules(used, text, sys.modules[thing.__module__]))
        definitions[name] = definitions.pop(name) or text

    def resolve(name: str, module: types.ModuleType, user: str) -> None:
        if name not in vars(module):
            return
        value = vars(module)[name]
        if isinstance(value, types.ModuleType):
            imports.add(_module_import(name, value))
        elif getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__qualname__"):
            add(value, name)
        elif hasattr(value, "__module__") and getattr(value, "__name__", None) is not None:
            original = value.__name__
            imports.add(f"from {value.__module__} import {original}" + ("" if original == name else f" as {name}"))
        else:
            constants[name] = _literal(name, value, user)

    for thing in sorted(objects, key=lambda item: item.__name__):
        add(thing, thing.__name__)
    parts = ['"""Taken from the script that built the bundle."""', "from __future__ import annotations"]
    parts += ["\n".join(sorted(imports))] if imports else []
    parts += ["\n".join(f"{name} = {constants[name]}" for name in sorted(constants))] if constants else []
    parts += [definitions[name].strip() for name in definitions]
    return ("\n\n".join(parts) + "\n").encode()


def _module_import(name: str, module: types.ModuleType) -> str:
    parent, _, last = module.__name__.rpartition(".")
    if parent and last == name:
        return f"from {parent} import {name}"
    return f"import {module.__name__}" + ("" if module.__name__ == name else f" as {name}")


def _source_of(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        if not inspect.isclass(thing):
            raise
    # Before Python 3.13, inspect looks for classes in their module's file, and a notebook has none. Its cells are known
    # to linecache by the file name in the code of the methods.
    for method in vars(thing).values():
        code = getattr(getattr(method, "__func__", method), "__code__", None)
        if code is None or code.co_name == "<lambda>":
            continue
        lines = linecache.getlines(code.co_filename)
        for node in ast.walk(ast.parse("".join(lines))):
            if isinstance(node, ast.ClassDef) and node.name == thing.__name__ and node.end_lineno is not None:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first <= code.co_firstlineno <= node.end_lineno:
                    return "".join(lines[first - 1 : node.end_lineno])
    raise OSError("no method of it leads to its source")


def _free_names(text: str) -> set[str]:
    """Names that ``text`` takes from its module; a parameter or a local of the same name is not one."""
    found: set[str] = set()
    tables = [symtable.symtable(text, "<script>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        at_top = table.get_type() == "module"
        found |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (at_top or symbol.is_global())
        }
    return found - set(vars(builtins))


def _submodules(name: str, text: str, module: types.ModuleType) -> list[str]:
    """Modules such as ``xml.dom`` that ``text`` reaches as attributes of the module ``name``."""
    top = vars(module).get(name)
    if not isinstance(top, types.ModuleType) or top.__name__ != name:
        return []
    chains = {ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    return sorted(chain for chain in chains if chain.startswith(name + ".") and chain in sys.modules)


def _literal(name: str, value: Any, user: str) -> str:
    try:
        return _written(value)
    except (TypeError, RecursionError):
        pass
    raise ModelError(
        f"{user} uses {name}, a {type(value).__name__} that the script made; it cannot be written out as source.",
        remedy=f"Move {user} into a module of its own, load {name} in load(), or keep it as an attribute.",
    )


def _written(value: Any) -> str:
    """Plain data as source, the same on every run; repr() writes sets in another order each time."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or value is Ellipsis or kind in (bool, int, float, complex, str, bytes):
        return "..." if value is Ellipsis else repr(value)
    if kind is dict:
        return "{" + ", ".join(f"{_written(key)}: {_written(inner)}" for key, inner in value.items()) + "}"
    if kind in (set, frozenset):
        inside = "[" + ", ".join(sorted(map(_written, value))) + "]"
        return f"{kind.__name__}({inside})"
    if kind in (list, tuple):
        inside = ", ".join(map(_written, value)) + ("," if kind is tuple and len(value) == 1 else "")
        return f"[{inside}]" if kind is list else f"({inside})"
    raise TypeError(kind.__name__)


def add_to(source: LocalSource, text: bytes) -> None:
    """Add an extracted module, and the local modules that it imports, to ``source``."""
    file = f"{MODULE_NAME}.py"
    source.files[file] = text
    imported = imported_modules(text, MODULE_NAME, is_package=False, name=f"code/{file}", file=None)
    source.update(collect_imported(imported, own=source.distributions))
