"""The user's own settings of where packages come from, as variables for uv: its own win, else those of pip hold.

They may hold passwords, so they travel in the environment, where a list of processes does not show them.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
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

    def write_file(self, folder: Path) -> None:
        """Put the file where uv is started."""
        (folder / "uv.toml").write_text(self.file, "utf-8")


def uv_settings(environ: Mapping[str, str]) -> UvSettings:
    """Settings for uv: those of ``environ``, with pip's where uv has none, and without long waits for a dead index."""
    found = dict(environ)
    found.setdefault("UV_HTTP_RETRIES", "1")
    found.pop("UV_PYTHON", None)
    if any(name in environ for name in _OF_UV) or _uv_is_configured(environ):
        return UvSettings(found)
    pip = _pip_settings(environ)
    if "index-url" in pip:
        found["UV_DEFAULT_INDEX"] = pip["index-url"]
    if "extra-index-url" in pip:
        found["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
        found.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip does, see index_options.for_uv
    if "find-links" in pip:
        found["UV_FIND_LINKS"] = ",".join(_absolute(one) for one in pip["find-links"].split())
    if "trusted-host" in pip:
        found.setdefault("UV_INSECURE_HOST", " ".join(pip["trusted-host"].split()))
    if "cert" in pip:
        found.setdefault("SSL_CERT_FILE", pip["cert"])
    has_no_index = pip.get("no-index", "").lower() in ("1", "true", "yes", "on")
    return UvSettings(found, "no-index = true\n" if has_no_index else "")  # uv has no variable for it


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
    """The options of pip as it reads them itself: files, then variables over them."""
    found: dict[str, str] = {}
    if importlib.util.find_spec("pip") is not None and environ.get("PIP_CONFIG_FILE") != os.devnull:
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
            capture_output=True,
            text=True,
            env=dict(environ),
            check=False,
        )
        settings = dict(line.partition("=")[::2] for line in listed.stdout.splitlines() if "=" in line)
        for section in ("global", "download", "install"):
            for name, text in settings.items():
                if name.startswith(f"{section}."):
                    found[name.partition(".")[2]] = _unquoted(text)
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _unquoted(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())
