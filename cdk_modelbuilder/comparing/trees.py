"""A folder to read from, on disk or in a commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

MAX_TEXT_BYTES: Final = 32 << 20
"""Larger files are no text that anybody reviews. Templates end at 1 MB, schemas and manifests long before that."""


class Tree(Protocol):
    """Files below one folder. Paths are relative to it, with slashes. Links are not there: nothing of ours has any.

    Attributes:
        name: What the user called it.
    """

    @property
    def name(self) -> str: ...

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None if there is no such file, or a larger one than ``MAX_TEXT_BYTES``."""

    def files(self, folder: str) -> Mapping[str, int]:
        """Path and size in bytes of every file below ``folder``."""

    def folders(self) -> tuple[str, ...]:
        """Names of the folders right below it, sorted."""

    def names(self) -> tuple[str, ...]:
        """Names of the files right in it, sorted."""

    def below(self, folder: str) -> Tree:
        """The folder called ``folder`` in it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there."""


@dataclass(frozen=True)
class DiskTree:
    """A folder on disk, which need not exist."""

    path: Path
    name: str = field(default="")

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None if there is no such file, or a larger one than ``MAX_TEXT_BYTES``."""
        place = self._inside(path)
        if place is None:
            return None
        try:
            state = os.lstat(place)
            if not stat.S_ISREG(state.st_mode) or state.st_size > MAX_TEXT_BYTES:
                return None
            return place.read_bytes()
        except OSError:
            return None

    def files(self, folder: str) -> Mapping[str, int]:
        """Path and size in bytes of every file below ``folder``."""
        top = self._inside(folder)
        if top is None:
            return {}
        found: dict[str, int] = {}
        for parent, _, names in os.walk(top):  # does not follow links
            for name in names:
                place = Path(parent, name)
                state = os.lstat(place)
                if stat.S_ISREG(state.st_mode):
                    found[f"{folder}/{place.relative_to(top).as_posix()}".lstrip("/")] = state.st_size
        return dict(sorted(found.items()))

    def folders(self) -> tuple[str, ...]:
        """Names of the folders right below it, sorted."""
        return self._entries(lambda entry: entry.is_dir(follow_symlinks=False))

    def names(self) -> tuple[str, ...]:
        """Names of the files right in it, sorted."""
        return self._entries(lambda entry: entry.is_file(follow_symlinks=False))

    def below(self, folder: str) -> Tree:
        """The folder called ``folder`` in it."""
        inner = Path(folder)
        if inner.is_absolute() or ".." in inner.parts:
            return NoTree(f"{self.name}/{folder}")
        return DiskTree(self.path / inner, f"{self.name}/{folder}")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there."""
        try:
            return next(self.path.iterdir(), None) is None
        except OSError:
            return True

    def _inside(self, path: str) -> Path | None:
        """Where ``path`` is; None if a link or its own dots lead elsewhere: what names files here may name any."""
        asked = Path(path)
        if asked.is_absolute() or ".." in asked.parts:
            return None
        expected = Path(os.path.realpath(self.path)) / asked
        try:
            return expected if os.path.realpath(expected) == str(expected) else None
        except ValueError:  # a zero byte
            return None

    def _entries(self, wanted: Callable[[os.DirEntry[str]], bool]) -> tuple[str, ...]:
        try:
            with os.scandir(self.path) as entries:
                return tuple(sorted(entry.name for entry in entries if wanted(entry)))
        except OSError:
            return ()


@dataclass(frozen=True)
class NoTree:
    """A folder that is not there on one side: what is on the other is new, or was removed."""

    name: str = "/dev/null"

    def read(self, path: str) -> bytes | None:  # noqa: ARG002 - nothing is there
        """None."""
        return None

    def files(self, folder: str) -> Mapping[str, int]:  # noqa: ARG002 - nothing is there
        """Nothing."""
        return {}

    def folders(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def names(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def below(self, folder: str) -> NoTree:
        """Nothing, either."""
        return NoTree(f"{self.name}/{folder}")

    @property
    def is_empty(self) -> bool:
        """True."""
        return True
