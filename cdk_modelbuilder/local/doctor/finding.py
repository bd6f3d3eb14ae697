"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Works for now, or for most; worth a look."""
    FAILURE = "failure"
    """Local mode or a deployment will fail of it."""
    SKIPPED = "skipped"
    """Not asked, for the reason that the detail gives."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        check: The check's name, such as ``docker-daemon``.
        outcome: How it ended.
        detail: What was found, with the value and the place, as a sentence; never a secret.
        remedy: What to do about it, as a sentence; empty where nothing is to be done.
        commands: The commands that do it on this platform, in order. A line that begins with ``#`` is a note.
    """

    check: str
    outcome: Outcome
    detail: str
    remedy: str = ""
    commands: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain data: the same keys for every finding."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "remedy": self.remedy,
            "commands": list(self.commands),
        }

    def __str__(self) -> str:
        """Detail and remedy, then a command a line."""
        text = " ".join(part for part in (self.detail, self.remedy) if part)
        return "\n".join((text, *(f"  {line}" for line in self.commands)))
