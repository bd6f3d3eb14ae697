"""The user's own settings of where packages come from, for uv: its own win, else those of pip hold.

They may hold passwords, so they travel in a file that is removed, and not where a list of processes shows them.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_OF_UV = ("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL")
_KEYS_OF_UV = ("index", "index-url", "extra-index-url", "find-links", "no-index")


@dataclass(frozen=True, slots=True)
class UvSettings:
    """How uv is told where packages come from.

    Attributes:
        environment: The variables of its process.
        file: ``uv.toml`` for the folder that it runs in. Even an empty one ends the search in the folders above, so
            that no project's settings count.
    """

    environment: Mapping[str, str]
    file: str = ""

    @contextmanager
    def in_folder(self, folder: Path) -> Iterator[Mapping[str, str]]:
        """The variables, while the file lies in the folder where uv is started."""
        place = folder / "uv.toml"
        place.touch(mode=0o600)
        try:
            place.write_text(self.file, "utf-8")
            # What it says is read: it must not be wrapped to the width of the user's terminal.
            yield {**self.environment, "COLUMNS": "100000"}
        finally:
            place.unlink()


def uv_settings(environ: Mapping[str, str]) -> UvSettings:
    """Settings for uv: those of ``environ``, with pip's where uv has none, and without long waits for a dead index."""
    found = dict(environ)
    found.setdefault("UV_HTTP_RETRIES", "1")
    found.pop("UV_PYTHON", None)
    if any(name in environ for name in _OF_UV) or _uv_is_configured(environ):
        return UvSettings(found)
    pip = _pip_settings(environ)
    if "trusted-host" in pip:
        found.setdefault("UV_INSECURE_HOST", " ".join(pip["trusted-host"].split()))
    if "cert" in pip:
        found.setdefault("SSL_CERT_FILE", pip["cert"])
    return UvSettings(found, _as_toml(pip))


def _as_toml(pip: Mapping[str, str]) -> str:
    # In a file and not in variables: an option of the command line adds to a file, as it does with pip, but replaces
    # a variable. https://docs.astral.sh/uv/reference/settings/
    lines = []
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        lines.append("no-index = true")
    links = [_absolute(one) for one in pip.get("find-links", "").split()]
    links = [
        one for one in links if "://" in one or Path(one).is_dir()
    ]  # pip goes on without a folder that is not there
    lines += [f"find-links = {json.dumps(links)}"] if links else []
    extra = pip.get("extra-index-url", "").split()
    if extra:
        lines.append('index-strategy = "unsafe-best-match"')  # as pip does, see index_options.for_uv
    lines += [f"[[index]]\nurl = {json.dumps(url)}" for url in extra]
    if "index-url" in pip:
        lines.append(f"[[index]]\nurl = {json.dumps(pip['index-url'])}\ndefault = true")
    return "".join(f"{line}\n" for line in lines)


def _uv_is_configured(environ: Mapping[str, str]) -> bool:
    # https://docs.astral.sh/uv/concepts/configuration-files/
    user = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = environ.get("UV_CONFIG_FILE")
    places = [Path(named)] if named else [user / "uv" / "uv.toml", Path("/etc/uv/uv.toml"), Path("/etc/xdg/uv/uv.toml")]
    for place in places:
        try:
            settings = tomllib.loads(place.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        pip = settings.get("pip", {})
        if any(key in settings or (isinstance(pip, dict) and key in pip) for key in _KEYS_OF_UV):
            return True
    return False


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The options of pip as it reads them itself: files, then variables over them. Files are read without starting pip.

    https://pip.pypa.io/en/stable/topics/configuration/
    """
    files = RawConfigParser(strict=False)
    for place in _pip_files(environ):
        with suppress(OSError, UnicodeDecodeError, ConfigParserError):
            files.read_string(place.read_text("utf-8"))
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if files.has_section(section):
            found.update({name.replace("_", "-"): value for name, value in files.items(section) if value})
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    folders = [Path(one) / "pip" for one in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]
    folders += [Path("/Library/Application Support/pip"), Path("/etc"), Path.home() / ".pip"]
    folders += [Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pip"]
    folders += [Path.home() / "Library/Application Support/pip", Path(sys.prefix)]
    return [*(folder / "pip.conf" for folder in folders), *([Path(named)] if named else [])]


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())
