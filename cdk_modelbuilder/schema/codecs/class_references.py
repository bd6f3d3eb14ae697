"""Names of the user's classes in ``schema.json``, and the classes behind them.

In a container the bundle's verified code may be imported. A client imports nothing because a text file says so: it uses
the class if the program has imported its module, and does without otherwise.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, List, Optional

from .payload_errors import CodecError

SCRIPT_MODULE = "modelbuilder_script"
"""Where the classes of scripts and notebooks are, inside a bundle."""

SCRIPT_MODULES = ("__main__", "__modelbuilder_script__")

_verified: List[bool] = []


def allow_shipped_code() -> None:
    """From now on, modules may be imported: the folder that this file lies in has been verified."""
    _verified.append(True)


def reference_to(kind: type) -> str:
    """``module:Class`` for a class. Raises CodecError for one that no module gives by its name."""
    if "<locals>" in kind.__qualname__:
        raise CodecError(f"the class {kind.__qualname__} is defined inside of a function: define it in a module.")
    module = SCRIPT_MODULE if kind.__module__ in SCRIPT_MODULES else kind.__module__
    return f"{module}:{kind.__qualname__}"


def is_verified() -> bool:
    """Whether modules may be imported because a schema names them."""
    return bool(_verified)


def has_base(name: str) -> Callable[[type], bool]:
    """A test for subclasses of a class called ``name``, of whichever copy of this package."""
    return lambda kind: any(base.__name__ == name for base in kind.__mro__[1:])


def resolve(reference: str, is_wanted: Callable[[type], bool]) -> Optional[Any]:
    """The class behind ``module:Class``, or None if it is not to be had here.

    A schema is a text file, so it does not decide what is called: only a class that ``is_wanted`` holds of is given.
    """
    module_name, _, path = reference.partition(":")
    names = (module_name, *SCRIPT_MODULES) if module_name == SCRIPT_MODULE else (module_name,)
    if _verified and module_name not in sys.modules:
        try:
            importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            # A process that serves one bundle may build the next: a script's own classes are where the script runs.
            if module_name != SCRIPT_MODULE or error.name != SCRIPT_MODULE:
                raise
    for name in names:
        found: Any = sys.modules.get(name)
        for attribute in path.split("."):
            found = getattr(found, attribute, None)
        if isinstance(found, type) and is_wanted(found):
            return found
    return None
