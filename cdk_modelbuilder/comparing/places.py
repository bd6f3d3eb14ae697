"""What OLD and NEW on the command line name: a folder, a folder in a commit, or nothing."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from cdk_modelbuilder.comparing import git_tree
from cdk_modelbuilder.comparing.trees import DiskTree, NoTree, Tree
from cdk_modelbuilder.errors import UsageError

_FORMS = "Give a folder, REF:path/in/the/repository, or REF with --path."


def open_place(place: str, path: str | None = None) -> Tree:
    """The folder that ``place`` names.

    Args:
        place: A folder; ``/dev/null`` for none; ``REF:path`` with a path from the repository's top, or one that begins
            with ``./`` from the current folder; or ``REF`` with ``path``. A folder of that name goes before a commit.
        path: A folder below ``place``; in a commit it is looked for from the current folder. It need not be there.

    Raises:
        UsageError: ``place`` is none of these, or git cannot read it.
    """
    if place in (os.devnull, "/dev/null"):
        return NoTree()
    if Path(place).is_dir():
        whole = DiskTree(Path(place), place)
        return whole if path is None else whole.below(path.strip("/"))
    if Path(place).exists():
        raise UsageError(f"{place} is a file.", remedy="Name the folder that it lies in.")
    return _in_a_commit(place, path)


def _in_a_commit(place: str, path: str | None) -> Tree:
    ref, colon, folder = place.partition(":")
    commit = git_tree.commit_of(ref)
    if commit is None:
        why = git_tree.why_no_commits()
        if why:
            raise UsageError(f"{place} is no folder, and no commit can be asked for it: {why}.", remedy=_FORMS)
        raise UsageError(
            f"{place} is no folder, and {ref!r} no commit that this repository has.",
            remedy=f"{_FORMS} A shallow clone lacks most commits: fetch it, or clone with more depth.",
        )
    if path is not None:
        if colon:
            raise UsageError(f"{place} names a path, and --path another one.", remedy="Leave one out.")
        folder = posixpath.join(git_tree.current_prefix(), path)
    elif folder.startswith("./") or folder == ".":
        folder = posixpath.join(git_tree.current_prefix(), folder)
    folder = posixpath.normpath(folder) if folder else ""
    if folder.startswith(".."):
        raise UsageError(f"{folder} leads out of the repository.", remedy=_FORMS)
    folder = "" if folder == "." else folder.strip("/")
    return git_tree.open_git_tree(commit, folder, f"{ref}:{folder}")
