"""What commands print: JSON for machines, aligned lines for people, a progress bar for what takes long."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
bundle_argument = click.argument("bundle", type=click.Path(path_type=str))

SHOW_AFTER_SECONDS = 0.5
_quiet = False


def be_quiet() -> None:
    """From now on, no notes and no progress: results and errors alone."""
    global _quiet  # noqa: PLW0603 - one command line, one wish
    _quiet = True
    logging.getLogger().setLevel(logging.ERROR)


def is_quiet() -> bool:
    """Whether ``-q`` was given."""
    return _quiet


def print_json(data: Mapping[str, Any]) -> None:
    """Print ``data`` as one JSON object."""
    click.echo(json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, aligned."""
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {value}")


class ProgressBar:
    """A bar on standard error, shown once a job has taken half a second, and only on a terminal."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` bytes of ``step`` are done; 0 of 0 for a step without a count."""
        if _quiet or not sys.stderr.isatty() or time.monotonic() - self._start < SHOW_AFTER_SECONDS:
            return
        if self._bar is None:
            self._bar = _new_bar()
            self._task = self._bar.add_task(step, total=None)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, description=step, completed=done, total=total or None)

    def stop(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """A bar for the length of a block."""
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.stop()


def _new_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - only for jobs that take long
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=Console(stderr=True),
        transient=True,
    )
