"""Log lines that machines read: one JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from typing import Any

from cdk_modelbuilder.serving.shortened import TRACEBACK_CHARACTERS, shortened

logger = logging.getLogger("cdk_modelbuilder.serving")


class GatheredLines:
    """Lines that are written together a little later: one write, and one wake-up of whoever reads them, for many.

    Args:
        descriptor: Where to write; None drops everything, as Python does when it has no standard error.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()

    def add(self, line: str) -> bool:
        """Keep ``line``, which ends with a newline; True if it is the first one since the last write."""
        first = not self._lines
        self._lines.append(line)
        return first

    def write(self) -> None:
        """Write what has been gathered."""
        with self._writing:
            gathered = []
            while self._lines:
                gathered.append(self._lines.popleft())
            if self._descriptor is not None and gathered:
                rest = memoryview("".join(gathered).encode("utf-8", "backslashreplace"))
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]


class JsonLines(logging.Formatter):
    """Formats a record, and the fields it was given in ``extra={"fields": {...}}``, as one line of JSON.

    The line is ASCII: texts may come from a request, and none may split the line or speak to a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": utc_time(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = shortened(self._traceback(record.exc_info), TRACEBACK_CHARACTERS)
        return json.dumps(line, default=str)

    def _traceback(self, exc_info: Any) -> str:
        """The traceback, also of an error of the user's that fails when it is looked at."""
        try:
            return self.formatException(exc_info)
        except BaseException:  # noqa: BLE001 - its code can raise anything
            kind, _, stack = exc_info
            return "".join(traceback.format_tb(stack)) + f"{kind.__name__}: (it cannot be shown)"


class _AfterTheGathered(logging.Handler):
    """Writes a record at once, behind the lines that were gathered before it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            gathered.add(self.format(record) + "\n")
            gathered.write()
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)


def _standard_error() -> int | None:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError):
        return None


gathered = GatheredLines(_standard_error())
"""What this process has logged and not written yet. :func:`flush` it before anything that ends the process."""


def configure(level: int = logging.INFO) -> None:
    """Send this process's log, uvicorn's included, to standard error as JSON lines."""
    handler = _AfterTheGathered()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level)


def log(event: str, *, level: int = logging.INFO, exc_info: bool = False, **fields: Any) -> None:
    """Write one line."""
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"fields": fields}, exc_info=exc_info)


def flush() -> None:
    """Write the lines that were gathered."""
    gathered.write()


_last_second: tuple[int, str] = (-1, "")


def utc_time(moment: float) -> str:
    """``moment`` (seconds of the epoch) for a log line: ISO 8601 in UTC, with milliseconds."""
    global _last_second  # noqa: PLW0603 - many lines share a second, and formatting one costs more than the rest
    second = int(moment)
    known, text = _last_second
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _last_second = (second, text)
    return f"{text}.{int((moment - second) * 1000):03d}Z"
