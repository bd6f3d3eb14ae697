"""What becomes of each file of an app: decided from what was generated, what is there, and what is generated now.

| there, against then | now, against then | becomes |
|---|---|---|
| the same | the same | nothing |
| the same | another, or none | what is generated now |
| another, or gone | the same | what the user made of it |
| another | another | a conflict: the user's file stays until they say which |
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from cdk_modelbuilder.generating.marker import digest_of


class Outcome(Enum):
    """What becomes of a file."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"
    CURRENT = "current"
    KEPT = "kept as you changed it"
    KEPT_REMOVED = "left out, as you removed it"
    LEFT_OVER = "left to you: it is not generated any more, and you changed it"
    CONFLICT = "changed by you and by the generator"

    @property
    def writes(self) -> bool:
        """Whether the file is touched."""
        return self in (Outcome.CREATED, Outcome.UPDATED, Outcome.REMOVED)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file.

    Attributes:
        path: Below the app's folder, with slashes.
        outcome: What becomes of it.
        before: Its content now; None where it is not there.
        after: What is generated; None where nothing is.
    """

    path: str
    outcome: Outcome
    before: bytes | None
    after: bytes | None

    @property
    def diff(self) -> str:
        """From what is there to what is generated, as a unified diff; empty where they are the same."""
        old, new = (
            "" if data is None else data.decode("utf-8", errors="replace") for data in (self.before, self.after)
        )
        names = ("/dev/null" if self.before is None else self.path, "/dev/null" if self.after is None else self.path)
        return "".join(
            line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), *names)
        )


def changes(
    then: Mapping[str, str], there: Mapping[str, bytes | None], now: Mapping[str, bytes], *, overwrite: bool = False
) -> list[FileChange]:
    """What becomes of each file, sorted by path.

    Args:
        then: Path -> digest as it was generated.
        there: Path -> content on disk, for every path of ``then`` and ``now``; None where there is no file.
        now: Path -> what is generated.
        overwrite: Take what is generated wherever the user has something else.
    """
    found = []
    for path in sorted({*then, *now}):
        before, after = there[path], now.get(path)
        outcome = _outcome(
            then.get(path),
            None if before is None else digest_of(before),
            None if after is None else digest_of(after),
            overwrite=overwrite,
        )
        if outcome is not None:
            found.append(FileChange(path, outcome, before, after))
    return found


def _outcome(then: str | None, there: str | None, now: str | None, *, overwrite: bool) -> Outcome | None:
    if now is None:
        if there is None:
            return None
        return Outcome.REMOVED if there == then else Outcome.LEFT_OVER
    if there == now:
        return Outcome.CURRENT
    if there is None:
        return Outcome.CREATED if then is None or overwrite else Outcome.KEPT_REMOVED
    if there == then or overwrite:
        return Outcome.UPDATED
    return Outcome.KEPT if then == now else Outcome.CONFLICT
