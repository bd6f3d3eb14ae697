"""Which file of a path is the model: the path itself, or the only one in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cdk_modelbuilder.errors import ModelError

_MARKERS = ("MLmodel", "config.cfg", "config.json", "model_index.json", "modules.json", "saved_model.pb")
"""A folder with one of these is a model as a whole, whatever else lies in it."""


def model_files(path: Path, is_model: Callable[[Path], bool]) -> list[Path]:
    """The files at ``path`` that are models: itself, or those that lie right in the folder, by name."""
    if path.is_file():
        return [path] if is_model(path) else []
    if not path.is_dir() or any((path / marker).exists() for marker in _MARKERS):
        return []
    return [item for item in sorted(path.iterdir()) if item.is_file() and is_model(item)]


def only_model(path: Path, is_model: Callable[[Path], bool]) -> Path:
    """The one of them.

    Raises:
        ModelError: There are several; or none.
    """
    found = model_files(path, is_model)
    if len(found) > 1:
        raise ModelError(
            f"{path} holds {len(found)} models: {', '.join(item.name for item in found)}.",
            remedy="Give the path of the file that is meant; for several in one endpoint, load them in an "
            "InferenceSpec.",
        )
    if not found:
        raise ModelError(f"{path} holds no model.", remedy="Give the path of its file.")
    return found[0]
