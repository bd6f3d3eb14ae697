"""Finds bundles on disk by their root digest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cdk_modelbuilder.bundle import BUNDLE_FILE, MODEL_FOLDER, ModelBundle

_DEPTH = 4
_PASSED_OVER = frozenset(("node_modules", "__pycache__", MODEL_FOLDER))


class BundleSearch:
    """The bundles below some folders.

    Args:
        folders: Where to look, four levels deep; hidden folders are passed over.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._paths: dict[str, Path] = {}
        for folder in folders:
            for path in _bundles_in(folder, _DEPTH):
                root = _root_of(path)
                if root is not None:
                    self._paths.setdefault(root, path)
        self._opened: dict[str, ModelBundle] = {}

    def find(self, root_sha256: str) -> ModelBundle | None:
        """The bundle with this root digest, its files checked; None if there is none.

        Raises:
            BundleError: Its model's files are not there.
            IntegrityError: A file of it was changed.
        """
        if root_sha256 not in self._paths:
            return None
        if root_sha256 not in self._opened:
            self._opened[root_sha256] = ModelBundle.load(self._paths[root_sha256])
        return self._opened[root_sha256]

    def targets(self) -> Mapping[str, ModelBundle]:
        """Every bundle as a target model of a multi-model endpoint, which is called NAME.tar.gz."""
        found: dict[str, ModelBundle] = {}
        for root in self._paths:
            bundle = self.find(root)
            assert bundle is not None
            found.setdefault(f"{bundle.name}.tar.gz", bundle)
        return found


def _bundles_in(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / BUNDLE_FILE).is_file():
        yield folder
        return
    if depth == 0:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and entry.name not in _PASSED_OVER and not entry.name.startswith("."):
            yield from _bundles_in(Path(entry.path), depth - 1)


def _root_of(path: Path) -> str | None:
    try:
        root = json.loads((path / BUNDLE_FILE).read_bytes()).get("root_sha256")
    except (OSError, ValueError, AttributeError):
        return None
    return root if isinstance(root, str) else None
