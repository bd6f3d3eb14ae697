"""Folders and files that appear whole or not at all: made aside, then renamed into place."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cdk_modelbuilder.errors import BundleError

FICLONE = 0x40049409
"""The ioctl of Linux that makes a copy sharing its blocks, on file systems that can (btrfs, XFS)."""


@contextmanager
def staged_folder(target: Path, *, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a new folder beside ``target`` that becomes ``target`` when the block ends well.

    Args:
        target: Where the folder goes. An existing one is replaced only if ``may_replace`` says so.
        may_replace: Whether the existing, non-empty folder at the path is one of ours.

    Raises:
        BundleError: ``target`` is something else already, or the disk is full or read-only. Nothing was changed then.
    """
    target = target.absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BundleError(f"{target} exists and is not a folder.", remedy="Choose another model_path.")
    if target.exists() and any(target.iterdir()) and not may_replace(target):
        raise BundleError(
            f"{target} exists and is not a bundle; it stays as it is.",
            remedy="Choose another model_path for the bundle, or empty the folder. If it holds the model's files, "
            "name it in artifacts=.",
        )
    with _disk_errors(target):
        aside = target.parent / f".{target.name[:100]}.building-{secrets.token_hex(4)}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.mkdir()
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
            raise BundleError(
                f"the folder {target.parent} cannot be made: {error.strerror} ({error.filename}).",
                remedy="Choose another model_path.",
            ) from error
    try:
        with _disk_errors(target):
            yield aside
            _swap(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def place_file(source: Path, destination: Path) -> None:
    """Put ``source`` at ``destination`` without a second copy on disk where the file system can share it.

    Tries a reflink, then a hard link, then copies.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    if _reflink(source, destination):
        return
    try:
        os.link(source.resolve(), destination)  # Linux would link the symlink itself, whatever follow_symlinks says
    except OSError:
        shutil.copyfile(source, destination)


def _reflink(source: Path, destination: Path) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        with source.open("rb") as original, destination.open("xb") as copy:
            fcntl.ioctl(copy.fileno(), FICLONE, original.fileno())
    except (ImportError, OSError):
        destination.unlink(missing_ok=True)
        return False
    return True


def _swap(aside: Path, target: Path) -> None:
    if not target.exists():
        aside.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.replaced-", dir=target.parent))
    try:
        target.rename(old / "bundle")
        try:
            aside.rename(target)
        except OSError:
            (old / "bundle").rename(target)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(_existing(target)).free
            raise BundleError(
                f"the disk that holds {target} is full ({free / 2**20:.0f} MiB free); nothing was left behind.",
                remedy="Free some space, or choose a model_path on another disk.",
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise BundleError(
                f"{error.filename or target} cannot be written: {error.strerror}.",
                remedy="Choose a model_path that you may write to, or mend the permissions.",
            ) from error
        raise


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
