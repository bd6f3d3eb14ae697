"""Sees which files beside the user's code are asked for, in the interpreter that runs it: opened, looked for, listed.

Standard library only: it runs in the interpreter that is observed.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_MACHINERY = "<frozen importlib"
_PACKAGE = str(Path(__file__).parents[1]) + os.sep


class FileWatch:
    """Watches some folders.

    Opening and listing raise audit events (PEP 578). Looking whether a file is there does not, so ``os.stat`` is
    wrapped, which ``os.path`` and ``pathlib`` both go through.

    Args:
        own: The folders, as real paths with a separator at the end.
        generated: Files and folders in them whose doings do not count.
        on_missing: Told of each file that is not there.
        on_listed: Told of each folder below them whose entries are asked for, whether it is there or not.
    """

    def __init__(
        self,
        own: tuple[str, ...],
        generated: Sequence[str],
        *,
        on_missing: Callable[[str], object],
        on_listed: Callable[[str], object],
    ) -> None:
        self._own, self._ours = own, (*generated, _PACKAGE, _MACHINERY)
        self._on_missing, self._on_listed = on_missing, on_listed

    def start(self) -> None:
        """From now on, until the interpreter ends."""
        sys.addaudithook(self._on_event)
        stat = os.stat
        os.stat = _noticing(stat, self._note_missing)
        for supporting in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if stat in supporting:  # shutil and others look there for what the function can do
                supporting.add(os.stat)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._note_missing(arguments[0])
        elif event in ("os.listdir", "os.scandir"):
            path = self._below(arguments[0])
            if path is not None and not sys._getframe(1).f_code.co_filename.startswith(self._ours):  # noqa: SLF001 - who asks
                self._on_listed(path)

    def _note_missing(self, given: object) -> None:
        path = self._below(given)
        if path is not None and "__pycache__" not in path and not os.path.lexists(path):
            self._on_missing(path)

    def _below(self, given: object) -> str | None:
        if not isinstance(given, str | os.PathLike):
            return None
        text = os.fspath(given)
        if not isinstance(text, str):
            return None
        path = os.path.abspath(text)  # noqa: PTH100 - resolve() asks for every folder above, and so would end up here
        return path if path.startswith(self._own) else None


def _noticing(stat: Callable[..., os.stat_result], note: Callable[[object], object]) -> Callable[..., os.stat_result]:
    @functools.wraps(stat)
    def noticing(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        try:
            return stat(path, *arguments, **options)
        except FileNotFoundError:
            note(path)
            raise

    return noticing
