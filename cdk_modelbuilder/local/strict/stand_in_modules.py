"""Modules of a container's own, such as ``ray.serve``, which the file that fits a bundle to its server imports.

They are there while that file is imported, and not after: the model's own code gets what is installed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any


def module_of(name: str, **attributes: Any) -> ModuleType:
    """A module called ``name`` with nothing but ``attributes``."""
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def import_beside(folder: Path, name: str, modules: Mapping[str, ModuleType]) -> ModuleType:
    """Import ``name`` from ``folder``, where ``modules`` are to be had.

    ``inference`` comes first, and without them. Raises whatever the modules do.
    """
    for place in (folder / "code", folder):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))
    importlib.import_module("inference")
    with _standing_in(modules):
        return importlib.import_module(name)


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    kept = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
