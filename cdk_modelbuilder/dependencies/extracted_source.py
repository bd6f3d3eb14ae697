"""Writes classes of a script or a notebook out as a module of their own.

Such a module cannot be shipped as it is: importing it would run the training again. So the classes are taken from their
source together with just what they use: imports, other classes and functions of the script, and plain constants.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
import types
from collections.abc import Iterable
from typing import Any

from cdk_modelbuilder.dependencies.local_source import LocalSource, collect, imported_modules
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

    def add(thing: Any) -> None:
        name = thing.__name__
        if name in definitions:
            return
        try:
            text = textwrap.dedent(inspect.getsource(thing))
        except (OSError, TypeError) as error:
            raise NoSourceError(f"{thing.__module__}.{thing.__qualname__}: {error}") from None
        definitions[name] = ""  # keeps a cycle from running forever; filled in after what it needs
        for used in sorted(_free_names(ast.parse(text))):
            resolve(used, sys.modules[thing.__module__], name)
        definitions[name] = definitions.pop(name) or text

    def resolve(name: str, module: types.ModuleType, user: str) -> None:
        if name not in vars(module):
            return
        value = vars(module)[name]
        if isinstance(value, types.ModuleType):
            parent, _, last = value.__name__.rpartition(".")
            if parent and last == name:
                imports.add(f"from {parent} import {name}")
            else:
                imports.add(f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}"))
        elif getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__qualname__"):
            add(value)
        elif hasattr(value, "__module__") and getattr(value, "__name__", None) is not None:
            original = value.__name__
            imports.add(f"from {value.__module__} import {original}" + ("" if original == name else f" as {name}"))
        else:
            constants[name] = _literal(name, value, user)

    for thing in sorted(objects, key=lambda item: item.__name__):
        add(thing)
    parts = ['"""Taken from the script that built the bundle."""', "from __future__ import annotations"]
    parts += ["\n".join(sorted(imports))] if imports else []
    parts += ["\n".join(f"{name} = {constants[name]}" for name in sorted(constants))] if constants else []
    parts += [definitions[name].strip() for name in definitions]
    return ("\n\n".join(parts) + "\n").encode()


def _free_names(tree: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - set(vars(builtins))


def _literal(name: str, value: Any, user: str) -> str:
    text = repr(value)
    try:
        if type(ast.literal_eval(text)) is type(value) and ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    raise ModelError(
        f"{user} uses {name}, a {type(value).__name__} that the script made; it cannot be written out as source.",
        remedy=f"Move {user} into a module of its own, load {name} in load(), or keep it as an attribute.",
    )


def add_to(source: LocalSource, text: bytes) -> None:
    """Add an extracted module, and the local modules that it imports, to ``source``."""
    modules = imported_modules(ast.parse(text), MODULE_NAME, is_package=False)
    found = collect(modules)
    source.files.update(found.files)
    source.files[f"{MODULE_NAME}.py"] = text
    source.imports.update(found.imports)
