"""Unpickles a file that was verified, and in it only the globals that were there when it was built.

Travels into bundles as ``code/modelbuilder_runtime/unpickle.py``: standard library only.
"""

from __future__ import annotations

import pickle
from typing import Any


def load_pickle(path: str, allowed: list[list[str]], moved: dict[str, str], outside: Any = None) -> Any:
    """The object in the pickle at ``path``.

    Args:
        path: The file.
        allowed: ``[module, name]`` of every global that may be looked up.
        moved: Module in the pickle -> module that holds it now; classes of the script that built the bundle.
        outside: Gives what lies outside of the pickle for the id that stands there for it.

    Raises:
        pickle.UnpicklingError: The pickle names something else.
    """
    names = {(module, name) for module, name in allowed}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) not in names:
                raise pickle.UnpicklingError(f"the pickle names {module}.{name}, which was not in it when it was built")
            return super().find_class(moved.get(module, module), name)

        def persistent_load(self, pid: Any) -> Any:
            if outside is None:
                raise pickle.UnpicklingError(f"the pickle refers to {pid!r}, which lies outside of it")
            return outside(pid)

    with open(path, "rb") as handle:
        return Unpickler(handle).load()
