"""Shows a deployment on standard error: one line a resource on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from cdk_modelbuilder.deploying.log_lines import LogLine
from cdk_modelbuilder.deploying.stack import StackEvent
from cdk_modelbuilder.deploying.watching import event_line, log_line, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_COLOURS = (("FAILED", "red"), ("ROLLBACK", "yellow"), ("DELETE", "yellow"), ("COMPLETE", "green"))
_REFRESH = 4
"""Times a second: seconds that go by are seen."""


class Screen:
    """A watcher for people.

    On a terminal the resources that move are below, each with the seconds that it has taken, and what has ended and
    what the container writes scrolls by above.

    Args:
        stream: Where to. Default: standard error.
        quiet: Show nothing: the error of a failure has what there is to know.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._moving: dict[str, tuple[StackEvent, float]] = {}
        self._live: Live | None = None
        self._console: Console | None = None
        if self._stream.isatty():
            from rich.console import Console  # noqa: PLC0415 - for terminals alone

            self._console = Console(file=self._stream, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A line as it is."""
        self._print(printable(text), "")

    def step(self, text: str) -> None:
        """A step."""
        if not self._quiet:
            self._print(printable(text), "bold" if not text.startswith(" ") else "dim")

    def event(self, event: StackEvent) -> None:
        """A resource moved on."""
        if self._quiet:
            return
        name = event.logical_id
        if self._console is None:
            self._print(event_line(event), "")
            return
        if event.status.endswith("_IN_PROGRESS"):
            self._moving.setdefault(name, (event, time.monotonic()))
            self._moving[name] = (event, self._moving[name][1])
        else:
            _, since = self._moving.pop(name, (event, time.monotonic()))
            self._print(f"{event_line(event)}  ({time.monotonic() - since:.0f} s)", _colour(event.status))
        self._refresh()

    def log(self, line: LogLine) -> None:
        """A line of the container."""
        if not self._quiet:
            self._print(log_line(line), "cyan")

    def close(self) -> None:
        """Take away what is below."""
        self._moving.clear()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: str, style: str) -> None:
        if self._console is None:
            print(text, file=self._stream, flush=True)
        else:
            from rich.text import Text  # noqa: PLC0415 - for terminals alone

            self._console.print(Text(text, style=style))

    def _refresh(self) -> None:
        if self._live is None and self._moving:
            from rich.live import Live  # noqa: PLC0415 - for terminals alone

            self._live = Live(
                console=self._console, get_renderable=self._below, refresh_per_second=_REFRESH, transient=True
            )
            self._live.start()
        elif self._live is not None and not self._moving:
            self._live.stop()
            self._live = None

    def _below(self) -> RenderableType:
        from rich.table import Table  # noqa: PLC0415 - for terminals alone
        from rich.text import Text  # noqa: PLC0415

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for event, since in list(self._moving.values()):
            kind = Text(event.kind.removeprefix("AWS::"))
            seconds, status = Text(f"{now - since:4.0f} s", style="dim"), Text(event.status, style="yellow")
            table.add_row(seconds, status, kind, Text(event.logical_id))
        return table


def _colour(status: str) -> str:
    return next((colour for word, colour in _COLOURS if word in status), "")
