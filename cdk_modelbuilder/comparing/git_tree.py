"""A folder in a commit, read with git's own commands. The work tree and the index are neither read nor touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cdk_modelbuilder.comparing.trees import MAX_TEXT_BYTES, NoTree, Tree
from cdk_modelbuilder.errors import UsageError

_POINTER = b"version https://git-lfs.github.com/spec/"


class _Blob(NamedTuple):
    object_id: str
    size: int


@dataclass(frozen=True)
class GitTree:
    """A folder in a commit.

    Attributes:
        commit: Its full id.
        folder: Path from the repository's top, without slashes at the ends; empty for the top.
        name: What the user called it.
        blobs: Every regular file of the commit below ``folder``: path -> id and size.
    """

    commit: str
    folder: str
    name: str
    blobs: Mapping[str, _Blob] = field(repr=False)

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None if there is no such file, or a larger one than ``MAX_TEXT_BYTES``."""
        blob = self.blobs.get(path)
        if blob is None or blob.size > MAX_TEXT_BYTES:
            return None
        return _git("cat-file", "blob", blob.object_id, name=self.name)

    def files(self, folder: str) -> Mapping[str, int]:
        """Path and size in bytes of every file below ``folder``; of what Git LFS keeps, the size that it states."""
        start = f"{folder}/" if folder else ""
        return {path: self._size(path, blob) for path, blob in self.blobs.items() if path.startswith(start)}

    def folders(self) -> tuple[str, ...]:
        """Names of the folders right below it, sorted."""
        return tuple(sorted({path.partition("/")[0] for path in self.blobs if "/" in path}))

    def names(self) -> tuple[str, ...]:
        """Names of the files right in it, sorted."""
        return tuple(sorted(path for path in self.blobs if "/" not in path))

    def below(self, folder: str) -> GitTree:
        """The folder called ``folder`` in it."""
        start = f"{folder}/"
        blobs = {path[len(start) :]: blob for path, blob in self.blobs.items() if path.startswith(start)}
        inner = f"{self.folder}/{folder}".strip("/")
        return GitTree(self.commit, inner, f"{self.name}/{folder}", blobs)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return not self.blobs

    def _size(self, path: str, blob: _Blob) -> int:
        if 100 < blob.size < 200:  # as long as a pointer of Git LFS is
            data = self.read(path) or b""
            if data.startswith(_POINTER):
                _, _, size = data.rpartition(b"\nsize ")
                return int(size) if size.strip().isdigit() else blob.size
        return blob.size


def commit_of(ref: str) -> str | None:
    """The id of the commit that ``ref`` names in the repository of the current folder; None if there is none."""
    if not ref or ref.startswith("-"):
        return None
    done = _run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def why_no_commits() -> str:
    """What git says about the current folder, if it is in no repository that can be read; else nothing."""
    done = _run("rev-parse", "--git-dir")
    return "" if done.returncode == 0 else done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")


def current_prefix() -> str:
    """The current folder's path from the repository's top."""
    return _git("rev-parse", "--show-prefix", name=".").decode().strip().strip("/")


def open_git_tree(commit: str, folder: str, name: str) -> Tree:
    """The folder at ``folder`` (from the repository's top) in ``commit``, or nothing if it is not there.

    Raises:
        UsageError: It is a file, or git fails.
    """
    folder = folder.strip("/")
    if folder:
        kind = _run("cat-file", "-t", f"{commit}:{folder}")
        if kind.returncode != 0:
            return NoTree(name)
        if kind.stdout.strip() != b"tree":
            raise UsageError(f"{name} is no folder.", remedy="Name the folder that it lies in.")
    listing = _git("ls-tree", "-r", "-l", "-z", "--full-tree", f"{commit}:{folder}" if folder else commit, name=name)
    blobs: dict[str, _Blob] = {}
    for entry in listing.split(b"\0"):
        if not entry:
            continue
        facts, _, path = entry.partition(b"\t")
        mode, kind_of, object_id, size = facts.split()
        if kind_of == b"blob" and mode.startswith(b"100"):  # neither links nor submodules
            blobs[os.fsdecode(path)] = _Blob(object_id.decode(), int(size))
    return GitTree(commit, folder, name, dict(sorted(blobs.items())))


def _git(*words: str, name: str) -> bytes:
    done = _run(*words)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"git ended with {done.returncode}"
        raise UsageError(
            f"{name} cannot be read from git: {said}.", remedy="Run this in the repository's folder, with its history."
        )
    return done.stdout


def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.run(["git", *words], capture_output=True, check=False, env=environment)  # noqa: S607
    except FileNotFoundError:
        raise UsageError("git is not installed.", remedy="Install it, or compare folders.") from None
