"""Modules of a container's own, such as ``ray.serve``, which the file that fits a bundle to its server imports.

They are there while that file is imported, and not after: the model's own code gets what is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
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


def import_file(folder: Path, path: str, modules: Mapping[str, ModuleType]) -> ModuleType:
    """Import the Python file at ``path`` below the model's folder, where ``modules`` are to be had.

    ``inference``, which it imports, comes first, and without them. Raises whatever the files do.
    """
    sys.path[:0] = [str(folder / "code"), str(folder)]
    importlib.import_module("inference")
    name = f"modelbuilder_entry_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, folder / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _standing_in(modules):
        spec.loader.exec_module(module)
    return module


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
