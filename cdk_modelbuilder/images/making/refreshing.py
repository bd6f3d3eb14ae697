"""Writes the tables anew, or says how they differ from what the sources give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.making.changes import changes
from cdk_modelbuilder.images.making.page import page_text
from cdk_modelbuilder.images.making.sources import open_sources
from cdk_modelbuilder.images.making.tables import make_tables


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh found.

    Attributes:
        folder: Where the tables are, or will be.
        texts: Path -> new text, of the files that differ.
        gone: Tables there that the sources no longer give.
        changes: What is new, gone or different, one image a line.
    """

    folder: Path
    texts: Mapping[Path, str] = field(repr=False)
    gone: tuple[Path, ...]
    changes: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether everything is what the sources give."""
        return not self.texts and not self.gone

    def write(self) -> None:
        """Bring the files up to date.

        Raises:
            UsageError: They cannot be written.
        """
        try:
            for path, text in self.texts.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            for path in self.gone:
                path.unlink()
        except OSError as error:
            raise UsageError(
                f"{error.filename} cannot be written: {error.strerror}.",
                remedy="Name a folder of your own, and let MODELBUILDER_IMAGE_TABLES point to it.",
            ) from None


def refresh(
    dlc: Path, wheels: Sequence[Path], folder: Path, *, against: Path | None = None, page: Path | None = None
) -> Refresh:
    """Make the tables from the sources, and compare them with those in a folder; nothing is written yet.

    Args:
        dlc: A clone of aws/deep-learning-containers, bare or not.
        wheels: Wheels of sagemaker-core and botocore; for one not given, the installed package is read.
        folder: Where the tables are, or will be.
        against: The tables that the changes are told against, where the folder has none yet; None for none.
        page: A page of documentation whose list is made anew too.

    Raises:
        SourceError: A source is missing, or they contradict each other.
        UsageError: A wheel is of something else, or git is not installed.
    """
    made = make_tables(open_sources(dlc, list(wheels)))
    stale: dict[Path, str] = {}
    told: list[str] = []
    for name, text in made.items():
        there = _text(folder / name)
        if there != text:
            stale[folder / name] = text
            before = _text(against / name) if there is None and against is not None else there
            told += changes(name, before, text)
    if page is not None:
        there = page.read_text(encoding="utf-8")
        if (text := page_text(there, made)) != there:
            stale[page] = text
    kept = {folder / name for name in made}
    gone = tuple(path for path in sorted(folder.glob("tables/*.json")) if path not in kept)
    told += [f"- all of {path.stem}" for path in gone]
    return Refresh(folder, stale, gone, tuple(told))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
