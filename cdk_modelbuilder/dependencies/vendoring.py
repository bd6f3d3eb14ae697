"""Installed packages that no index has, and what becomes of them: pinned to a commit, or shipped as source."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cdk_modelbuilder.dependencies.installed import InstalledDistribution
from cdk_modelbuilder.dependencies.origin import without_credentials
from cdk_modelbuilder.dependencies.private_files import is_private
from cdk_modelbuilder.errors import DependencyError

LocalPolicy = Literal["vendor", "source", "refuse"]
"""What to do with a package that was installed from a folder: pin it to its pushed commit and ship it as source where
there is none; always ship it as source; or refuse what is at no pushed commit."""

METADATA_FOLDER = "modelbuilder_metadata"
"""Where the metadata of vendored packages are, below ``code/``: beside ``inference.py``, SageMaker's toolkit, which
builds a wheel of that folder, would take them for its own and fail."""
MOST_BYTES = 50 << 20
_COMPILED = (".so", ".pyd", ".dylib", ".dll")
_SKIPPED = ("__pycache__", "venv", "node_modules")  # and everything hidden
_SCP = re.compile(r"^(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?!//)(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Vendored:
    """A package that travels as source next to the inference code.

    Attributes:
        files: POSIX path below ``code/`` -> the file's bytes.
        why: Why it is no pin, in words.
    """

    files: dict[str, bytes]
    why: str


def source_or_commit(distribution: InstalledDistribution, policy: LocalPolicy) -> str | Vendored:
    """What pip takes for a package that is not from an index, or its source.

    Raises:
        DependencyError: It is at no pushed commit and the policy refuses that, or its source cannot be shipped.
    """
    origin = distribution.origin
    if origin.kind == "url" or (origin.kind == "vcs" and origin.folder is None):
        return f"{distribution.name} @ {origin.reference}"
    place = origin.folder or origin.file
    why = f"it was installed from {place.name if place is not None else 'this machine'}"
    if origin.kind == "folder" and origin.folder is not None and policy != "source":
        commit, why = pushed_commit(origin.folder)
        if commit is not None:
            return f"{distribution.name} @ {commit}"
    if policy == "refuse":
        raise DependencyError(
            f"{distribution.name} {distribution.version} is no package of an index, and {why}.",
            remedy="Commit and push its folder, or install it from an index; or say dependencies={'local': 'vendor'}, "
            "which ships it as source inside the bundle.",
        )
    return Vendored(_source_of(distribution), why)


def metadata_files(distribution: InstalledDistribution) -> dict[str, bytes]:
    """Its metadata, so that ``importlib.metadata.version()`` and entry points work where it is shipped as source."""
    folder = f"{METADATA_FOLDER}/{distribution.name.replace('-', '_')}-{distribution.version}.dist-info"
    source = distribution.source
    texts = {
        "METADATA": source.read_text("METADATA") or source.read_text("PKG-INFO"),
        "entry_points.txt": source.read_text("entry_points.txt"),
    }
    return {f"{folder}/{name}": text.encode() for name, text in texts.items() if text}


def pushed_commit(folder: Path) -> tuple[str | None, str]:
    """``git+https://host/repository@<commit>`` for a folder whose commit a remote has, or None; and why not."""
    if _git(folder, "rev-parse", "--is-inside-work-tree") != "true":
        return None, "its folder is in no git repository"
    commit, top = _git(folder, "rev-parse", "HEAD"), _git(folder, "rev-parse", "--show-toplevel")
    if not commit or not top:
        return None, "its repository has no commit yet"
    if _git(folder, "status", "--porcelain", "--", "."):
        return None, f"its folder has changes that are not committed (at {commit[:12]})"
    branches = (_git(folder, "branch", "--remotes", "--contains", commit) or "").split()
    remotes = [branch.partition("/")[0] for branch in branches if "/" in branch]
    url = _git(folder, "remote", "get-url", remotes[0]) if remotes else None
    if not url:
        return None, f"its commit {commit[:12]} was not pushed"
    reference = _reference(url)
    if reference is None:
        return None, f"its commit {commit[:12]} is in a repository on this machine only"
    inside = folder.resolve().relative_to(Path(top).resolve()).as_posix()
    return f"{reference}@{commit}" + ("" if inside == "." else f"#subdirectory={inside}"), ""


def _reference(url: str) -> str | None:
    """A remote's URL as pip takes it; None for one that only this machine can reach."""
    scp = _SCP.match(url)
    if scp is not None:
        return f"git+ssh://{scp['user']}@{scp['host']}/{scp['path']}"
    if not url.startswith(("https://", "http://", "ssh://", "git://")):
        return None
    return f"git+{without_credentials(url)}"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - wherever git is
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _source_of(distribution: InstalledDistribution) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for name, path in _places(distribution):
        if path.suffix in _COMPILED:
            raise DependencyError(
                f"{distribution.name} {distribution.version} was installed from this machine and holds compiled code "
                f"({name}), made for this Python and this platform.",
                remedy="Build a wheel of it for the container's Python, and name that in dependencies={'custom': "
                "['./the.whl']}.",
            )
        total += path.stat().st_size
        if total > MOST_BYTES:
            raise DependencyError(
                f"the source of {distribution.name} is larger than {MOST_BYTES >> 20} MB ({name} is the last file).",
                remedy="Move data out of the package and name its folder in artifacts=, or install it from an index.",
            )
        files[name] = path.read_bytes() or b"\n"  # in shards, OpenSSF tools leave empty files out
    if not files:
        raise DependencyError(
            f"{distribution.name} {distribution.version} was installed from this machine, and its files are gone.",
            remedy="Install it again.",
        )
    return {**files, **metadata_files(distribution)}


def _places(distribution: InstalledDistribution) -> Iterator[tuple[str, Path]]:
    """``(path below code/, file)`` of everything that it brings, sorted."""
    editable = distribution.editable_modules
    for module, place in sorted(editable.items()):
        if place.is_file():
            yield place.name, place
        elif place.is_dir():
            for path in sorted(place.rglob("*")):
                parts = path.relative_to(place).parts
                if path.is_file() and not path.is_symlink() and not _is_skipped(parts):
                    yield "/".join((module, *parts)), path
    if editable:
        return
    for file in sorted(distribution.source.files or (), key=str):
        path = Path(str(file.locate()))
        is_metadata = file.parts[0].endswith((".dist-info", ".egg-info", ".data"))
        is_outside = file.parts[0] == ".." or file.is_absolute()
        if not (is_outside or is_metadata or _is_skipped(file.parts)) and path.is_file():
            yield file.as_posix(), path


def _is_skipped(parts: tuple[str, ...]) -> bool:
    is_made = parts[-1].endswith((".pyc", ".pth")) or any(part in _SKIPPED for part in parts)
    return is_made or is_private("/".join(parts))
