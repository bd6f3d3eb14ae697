"""Names of the user's classes in ``schema.json``, and the classes behind them.

In a container the bundle's verified code may be imported. A client imports nothing because a text file says so: it uses
the class if the program has imported its module, and does without otherwise.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, List, Optional

SCRIPT_MODULE = "modelbuilder_script"
"""Where the classes of scripts and notebooks are, inside a bundle."""

SCRIPT_MODULES = ("__main__", "__modelbuilder_script__")

_verified: List[bool] = []


def allow_shipped_code() -> None:
    """From now on, modules may be imported: the folder that this file lies in has been verified."""
    _verified.append(True)


def reference_to(kind: type) -> str:
    """``module:Class`` for a class."""
    module = SCRIPT_MODULE if kind.__module__ in SCRIPT_MODULES else kind.__module__
    return f"{module}:{kind.__qualname__}"


def resolve(reference: str) -> Optional[Any]:
    """The class behind ``module:Class``, or None if it is not to be had here."""
    module_name, _, path = reference.partition(":")
    names = (module_name, *SCRIPT_MODULES) if module_name == SCRIPT_MODULE else (module_name,)
    if _verified and module_name not in sys.modules:
        importlib.import_module(module_name)
    for name in names:
        found: Any = sys.modules.get(name)
        for attribute in path.split("."):
            found = getattr(found, attribute, None)
        if isinstance(found, type):
            return found
    return None
