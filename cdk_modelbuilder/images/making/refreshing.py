"""Writes the tables anew, or says how they differ from what the sources give."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.making.sources import open_sources
from cdk_modelbuilder.images.making.tables import make_tables


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh found.

    Attributes:
        folder: Where the tables are.
        texts: Name -> new text, of the files that differ.
        gone: Names of files there that the sources no longer give.
        diffs: Name -> unified diff against what is there now.
    """

    folder: Path
    texts: Mapping[str, str] = field(repr=False)
    gone: tuple[str, ...]
    diffs: Mapping[str, str] = field(repr=False)

    @property
    def is_current(self) -> bool:
        """Whether the folder holds what the sources give."""
        return not self.texts and not self.gone

    def write(self) -> None:
        """Bring the folder up to date.

        Raises:
            UsageError: It cannot be written to.
        """
        try:
            for name, text in self.texts.items():
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            for name in self.gone:
                (self.folder / name).unlink()
        except OSError as error:
            raise UsageError(
                f"{self.folder} cannot be written to: {error.strerror}.",
                remedy="Name a folder of your own, and let MODELBUILDER_IMAGE_TABLES point to it.",
            ) from None


def refresh(dlc: Path, wheels: Sequence[Path], folder: Path, *, against: Path | None = None) -> Refresh:
    """Make the tables from the sources, and compare them with those in a folder; nothing is written yet.

    Args:
        dlc: A clone of aws/deep-learning-containers, bare or not.
        wheels: Wheels of sagemaker-core and botocore; for one not given, the installed package is read.
        folder: Where the tables are, or will be.
        against: What the diff is made against, where the folder is still empty; None for the folder itself.

    Raises:
        SourceError: A source is missing, or they contradict each other.
        UsageError: A wheel is of something else, or git is not installed.
    """
    made = make_tables(open_sources(dlc, list(wheels)))
    stale, diffs = {}, {}
    for name, text in made.items():
        there = _text(folder / name)
        if there == text:
            continue
        stale[name] = text
        before = there if there is not None or against is None else _text(against / name)
        diffs[name] = "".join(
            difflib.unified_diff(
                (before or "").splitlines(keepends=True), text.splitlines(keepends=True), f"a/{name}", f"b/{name}", n=0
            )
        )
    tables = folder / "tables"
    found = {f"tables/{path.name}" for path in tables.glob("*.json")} if tables.is_dir() else set()
    return Refresh(folder, stale, tuple(sorted(found - set(made))), diffs)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
