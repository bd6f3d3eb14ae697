"""A progress bar for batches, on standard error, shown once one takes long and only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SHOW_AFTER_SECONDS = 0.5

OnProgress = Callable[[int, int | None], object]
"""Called with the number of answers so far, and the number of items or None if nobody knows it."""


@contextmanager
def reporter(progress: bool | OnProgress | None) -> Iterator[OnProgress]:
    """What to report to, for the length of a block: a bar for True, a callable itself, nothing for None."""
    if callable(progress):
        yield progress
        return
    bar = _Bar() if progress else None
    try:
        yield bar.show if bar else _nowhere
    finally:
        if bar:
            bar.stop()


def _nowhere(done: int, total: int | None) -> None:
    """Nobody wants to know."""


class _Bar:
    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def show(self, done: int, total: int | None) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._start < SHOW_AFTER_SECONDS:
            return
        if self._bar is None:
            self._bar = _new_bar()
            self._task = self._bar.add_task("predicting", total=total)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - only for batches that take long
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
