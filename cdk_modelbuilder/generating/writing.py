"""write_app(): an app on disk, all of it or nothing, where what its owners changed stays."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.app_files import ALL_PARTS, app_files
from cdk_modelbuilder.generating.changes import FileChange, Outcome, changes
from cdk_modelbuilder.generating.marker import MARKER_FILE, Marker, digest_of, read_marker
from cdk_modelbuilder.generating.plan import AppPlan, Part


class OnConflict(Enum):
    """What becomes of a file that both the user and the generator changed."""

    REFUSE = "refuse"
    """Nothing at all is written."""
    OVERWRITE = "overwrite"
    """What is generated; and so for all files that the user changed or removed, where something is generated still."""
    KEEP = "keep"
    """The user's; from now on it counts as theirs, until the generator changes it again."""


@dataclass(frozen=True, slots=True)
class WrittenApp:
    """What a run did, or would do.

    Attributes:
        folder: The app.
        plan: What it consists of.
        parts: Its parts, with those that earlier runs wrote.
        files: What becomes of each file.
        written: Whether it was done.
        marker_changed: Whether the plan, or what is remembered of the files, is another.
    """

    folder: Path
    plan: AppPlan
    parts: frozenset[Part]
    files: tuple[FileChange, ...]
    written: bool
    marker_changed: bool

    @property
    def conflicts(self) -> tuple[FileChange, ...]:
        """Files that both sides changed."""
        return tuple(one for one in self.files if one.outcome is Outcome.CONFLICT)

    @property
    def is_current(self) -> bool:
        """Whether there was nothing to do."""
        return not self.marker_changed and not any(one.outcome.writes for one in self.files) and not self.conflicts

    def raise_for_conflicts(self) -> None:
        """Refuse to go on with an app that was not written.

        Raises:
            UsageError: There are conflicts; it names them and shows what differs.
        """
        if self.conflicts and not self.written:
            names = ", ".join(one.path for one in self.conflicts)
            differences = "\n".join(one.diff for one in self.conflicts)
            raise UsageError(
                f"you changed {names} in {self.folder}, and it would be written otherwise now.",
                remedy=f"Drop your changes with `cdk-modelbuilder init {self.folder} --force` and try again; or make "
                f"these changes to your files yourself, and run `npx cdk deploy` in that folder:\n{differences}",
            )


def write_app(
    folder: Path | str,
    plan: AppPlan,
    *,
    parts: Collection[Part] = ALL_PARTS,
    on_conflict: OnConflict = OnConflict.REFUSE,
    dry_run: bool = False,
) -> WrittenApp:
    """Write the app that ``plan`` describes into ``folder``, which need not exist.

    What the last run wrote and nobody touched since is brought up to date; what the user changed stays. Links are not
    followed, and nothing outside of ``folder`` is written. Either every file is written or none.

    Args:
        folder: The app's folder.
        plan: What it consists of.
        parts: Which parts to write, beside those that the app has already.
        on_conflict: What becomes of files that both sides changed.
        dry_run: Only say what would be done.

    Returns:
        What was done. With conflicts that ``REFUSE`` left open it is not ``written``.

    Raises:
        UsageError: A folder with files of the same names that were not generated, links in the way, or names that
            clash.
    """
    target = Path(folder)
    marker = read_marker(target) if target.is_dir() else None
    wanted = frozenset(parts) | (marker.parts if marker else frozenset())
    now = {path: text.encode("utf-8") for path, text in app_files(plan, wanted).items()}
    then = marker.digests if marker else {}
    there = {path: _content(target, path) for path in {*then, *now}}
    if marker is None:
        _check_foreign(target, there, now)
    found = changes(then, there, now, overwrite=on_conflict is OnConflict.OVERWRITE)
    made = Marker(plan, wanted, {path: digest_of(data) for path, data in now.items()})
    old_marker = _content(target, MARKER_FILE)
    new_marker = made.text.encode("utf-8")
    is_open = on_conflict is OnConflict.REFUSE and any(one.outcome is Outcome.CONFLICT for one in found)
    if not dry_run and not is_open:
        content = {
            one.path: None if one.outcome is Outcome.REMOVED else one.after for one in found if one.outcome.writes
        }
        if old_marker != new_marker:
            content[MARKER_FILE] = new_marker  # last: a run that was cut short is done again
        _replace(target, content)
    return WrittenApp(target, plan, wanted, tuple(found), not dry_run and not is_open, old_marker != new_marker)


def _content(folder: Path, path: str) -> bytes | None:
    """The file's content; None where there is none.

    Raises:
        UsageError: A link, or something else than a file, is in the way.
    """
    place = folder
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise UsageError(
            f"{path!r} in {MARKER_FILE} does not lie in the app.", remedy="Restore the file from version control."
        )
    for number, part in enumerate(parts, start=1):
        place = place / part
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(place, error) from error
        is_last = number == len(parts)
        if not (stat.S_ISREG(mode) if is_last else stat.S_ISDIR(mode)):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "no file" if is_last else "no folder"
            raise UsageError(
                f"{place} is {what}, and {path} is to be written there.",
                remedy="Move it out of the way, or choose another folder.",
            )
    try:
        return place.read_bytes()
    except OSError as error:
        raise _unreadable(place, error) from error


def _unreadable(place: Path, error: OSError) -> UsageError:
    return UsageError(f"{place} cannot be read: {error.strerror}.", remedy="Mend the permissions of it.")


def _check_foreign(folder: Path, there: Mapping[str, bytes | None], now: Mapping[str, bytes]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder.", remedy="Choose another one.")
    foreign = sorted(
        path for path, data in there.items() if data is not None and digest_of(data) != digest_of(now[path])
    )
    if foreign:
        raise UsageError(
            f"{folder} has {', '.join(foreign)} already, which cdk-modelbuilder did not write; nothing was changed.",
            remedy="Choose an empty folder, or move these files out of the way.",
        )


def _replace(folder: Path, content: Mapping[str, bytes | None]) -> None:
    """Write and remove files: everything is written aside first, and put into place only when all of it is there."""
    aside: dict[str, Path] = {}
    done: dict[str, bytes | None] = {}
    suffix = f".{secrets.token_hex(4)}.new"
    try:
        for path, data in content.items():
            if data is not None:
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                aside[path] = place.with_name(place.name + suffix)
                aside[path].write_bytes(data)
        for path in content:
            before = _content(folder, path)
            done[path] = before
            _put(folder / path, aside.get(path))
            aside.pop(path, None)
    except BaseException as error:
        for path, before in done.items():
            with suppress(OSError):
                _restore(folder / path, before)
        if not isinstance(error, OSError):
            raise
        raise UsageError(
            f"{error.filename or folder} cannot be written: {error.strerror}; nothing was changed.",
            remedy="Mend the permissions, free some space, or choose another folder.",
        ) from error
    finally:
        for place in aside.values():
            place.unlink(missing_ok=True)
        for path in content:
            _remove_empty(folder, folder / path)


def _put(place: Path, aside: Path | None) -> None:
    if aside is None:
        place.unlink()
        return
    if place.exists():
        aside.chmod(stat.S_IMODE(place.stat().st_mode))
    aside.replace(place)


def _remove_empty(folder: Path, place: Path) -> None:
    """Remove the folders above ``place``, below ``folder``, that hold nothing."""
    while place.parent != folder:
        place = place.parent
        try:
            place.rmdir()
        except OSError:  # not empty, or not there
            return


def _restore(place: Path, before: bytes | None) -> None:
    if before is None:
        place.unlink(missing_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(before)
