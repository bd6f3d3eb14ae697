"""The journal of a tuning: a JSON line for each attempt, so that a run that was interrupted goes on where it was.

The first line says what was asked, by a digest: another question begins another journal.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.attempt import Attempt

FORMAT = "cdk-modelbuilder/tuning-journal"
FORMAT_VERSION = 1


class Journal:
    """An open journal; as a context manager it is closed at the end.

    Args:
        path: The file. Its folder is made.
        question: What decides every attempt: the bundle, the space, the goal, the load, the machine.
        resume: Go on with what the file has of the same question; else it is begun anew.

    Attributes:
        attempts: Those made so far, in their order.
        resumed: How many of them were there before.

    Raises:
        UsageError: The file cannot be written, or another run is writing it.
    """

    def __init__(self, path: Path, question: Mapping[str, Any], *, resume: bool = True) -> None:
        self.path = path
        self._head = {"format": FORMAT, "format_version": FORMAT_VERSION, "question_sha256": digest(question)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise UsageError(
                f"the journal {path} cannot be written: {error.strerror}.", remedy="Mend the permissions of its folder."
            ) from None
        try:
            _lock(self._file.fileno(), path)
        except UsageError:
            self._file.close()
            raise
        self.attempts: list[Attempt] = []
        kept = self._read() if resume else 0
        self.resumed = len(self.attempts)
        self._file.truncate(kept)
        if not kept:
            self._write(self._head)

    def add(self, attempt: Attempt) -> None:
        """Write down one more; it is on the disk when this returns."""
        self.attempts.append(attempt)
        self._write(attempt.to_json())

    @property
    def seconds(self) -> float:
        """How long all attempts took."""
        return sum(attempt.seconds for attempt in self.attempts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> int:
        """Take over the attempts of the same question; returns how many bytes of the file are good."""
        self._file.seek(0)
        kept = 0
        for number, line in enumerate(self._file):
            try:
                data: Any = json.loads(line) if line.endswith(b"\n") else None
                if number == 0:
                    if data != self._head:
                        return 0
                else:
                    self.attempts.append(Attempt.from_json(data))
            except (ValueError, KeyError, TypeError, AttributeError):
                break  # cut short by whatever ended that run: what comes before it counts
            kept += len(line)
        return kept

    def _write(self, data: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(data, sort_keys=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def digest(question: Mapping[str, Any]) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _lock(descriptor: int, path: Path) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(
            f"another tuning is writing {path}.", remedy="Wait for it, or end it: it goes on later where it was."
        ) from None
