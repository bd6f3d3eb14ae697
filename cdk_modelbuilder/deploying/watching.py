"""Who is told what happens while a deployment runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cdk_modelbuilder.deploying.log_lines import LogLine
from cdk_modelbuilder.deploying.stack import StackEvent


class Watcher(Protocol):
    """Hears of everything as it happens."""

    def step(self, text: str) -> None:
        """A step begins, or something was decided."""

    def event(self, event: StackEvent) -> None:
        """A resource of the stack moved on."""

    def log(self, line: LogLine) -> None:
        """The container wrote a line."""

    def close(self) -> None:
        """Nothing more comes."""


class Callbacks:
    """Tells two functions, one line at a time.

    Args:
        on_progress: Gets steps and events.
        on_log: Gets lines of the container.
    """

    def __init__(self, on_progress: Callable[[str], object] | None, on_log: Callable[[str], object] | None) -> None:
        self._on_progress, self._on_log = on_progress, on_log

    def step(self, text: str) -> None:
        """A step."""
        if self._on_progress is not None:
            self._on_progress(text)

    def event(self, event: StackEvent) -> None:
        """An event, as one line."""
        if self._on_progress is not None:
            self._on_progress(event_line(event))

    def log(self, line: LogLine) -> None:
        """A line."""
        if self._on_log is not None:
            self._on_log(line.text)

    def close(self) -> None:
        """Nothing to do."""


def event_line(event: StackEvent) -> str:
    """One event as one line of plain text."""
    name = event.logical_id
    reason = f": {' '.join(event.reason.split())}" if event.reason and event.reason != "User Initiated" else ""
    return printable(
        f"{event.time:%H:%M:%S}  {event.status:<28}  {event.kind.removeprefix('AWS::'):<34}  {name}{reason}"
    )


def log_line(line: LogLine) -> str:
    """One line of a container as one line of plain text, without characters that move the cursor."""
    return f"{line.time:%H:%M:%S}  {line.source}: {printable(line.text)}"


def printable(text: str) -> str:
    """``text`` without control characters: a container's log may hold anything, and the terminal would obey."""
    return "".join(char if char == "\t" or (char.isprintable()) else "�" for char in text)
