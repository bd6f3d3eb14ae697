"""Where an installed distribution came from, as PEP 610 has it recorded in ``direct_url.json``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["index", "vcs", "url", "file", "folder"]
_CREDENTIALS = re.compile(r"^([a-z+]+://)[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Origin:
    """How a distribution got here.

    Attributes:
        kind: ``index`` (by name and version), ``vcs``, ``url`` (a file on a server), ``file`` (a wheel or archive on
            this machine) or ``folder`` (built from a folder on this machine).
        reference: What pip takes after ``name @``, for ``vcs`` and ``url``: pinned to a commit or to a digest.
        folder: The project's folder, for ``folder``.
        file: The archive, for ``file``.
        sha256: Its digest, for ``file`` and ``url``, where it was recorded.
        editable: Whether its modules are still read from ``folder``.
    """

    kind: Kind
    reference: str = ""
    folder: Path | None = None
    file: Path | None = None
    sha256: str | None = None
    editable: bool = False


def origin_of(source: metadata.Distribution) -> Origin:
    """The origin of ``source``; what was recorded badly counts as from an index, as for pip."""
    text = source.read_text("direct_url.json")
    if (source.read_text("INSTALLER") or "").strip() == "conda":
        return Origin("index")  # direct_url.json names the folder that conda-build ran in, on another machine
    if text is None:
        return _of_egg_link(source)
    try:
        data: dict[str, Any] = json.loads(text)
        url = str(data["url"])
        if "vcs_info" in data:
            return _of_vcs(url, data)
        if "dir_info" in data:
            editable = bool(data["dir_info"].get("editable", False))
            return Origin("folder", folder=_local(url), editable=editable)
        return _of_archive(url, data.get("archive_info", {}))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Origin("index")


def without_credentials(url: str) -> str:
    """``url`` without what stands before its host: a name of ``git`` is no secret, anything else may be.

    >>> without_credentials("https://me:token@host/x")
    'https://host/x'
    """
    if urlsplit(url).username == "git" and urlsplit(url).password is None:
        return url
    return _CREDENTIALS.sub(r"\1", url)


def _of_vcs(url: str, data: dict[str, Any]) -> Origin:
    info = data["vcs_info"]
    commit = str(info["commit_id"])
    inside = data.get("subdirectory")
    fragment = f"#subdirectory={inside}" if inside else ""
    local = _local(url)
    return Origin("vcs", f"{info['vcs']}+{without_credentials(url)}@{commit}{fragment}", folder=local)


def _of_archive(url: str, info: dict[str, Any]) -> Origin:
    hashes = dict(info.get("hashes") or {})
    if "sha256" not in hashes and str(info.get("hash", "")).startswith("sha256="):
        hashes["sha256"] = str(info["hash"]).partition("=")[2]
    sha256 = hashes.get("sha256")
    local = _local(url)
    if local is not None:
        return Origin("file", file=local, sha256=sha256)
    return Origin("url", without_credentials(url) + (f"#sha256={sha256}" if sha256 else ""), sha256=sha256)


def _local(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _of_egg_link(source: metadata.Distribution) -> Origin:
    """``setup.py develop`` of old: the metadata lie in the project's own folder."""
    place = source.locate_file("")
    folder = Path(str(place)) if place is not None else Path()
    if source.read_text("PKG-INFO") is None or source.read_text("RECORD") is not None:
        return Origin("index")
    for project in (folder, folder.parent):
        if (project / "setup.py").is_file() or (project / "pyproject.toml").is_file():
            return Origin("folder", folder=project, editable=True)
    return Origin("index")
