"""Takes out of uv's ``pylock.toml`` what is true on this machine only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.dependencies.listed.reference import check_no_credentials
from cdk_modelbuilder.dependencies.lock_file import WHEELS_FOLDER
from cdk_modelbuilder.dependencies.target import Target

_PYTHON = re.compile(r'^requires-python = ".*"$', re.MULTILINE)
_USER_INFO = re.compile(r'(?P<before>= "[a-z][a-z0-9+]*://)[^/@"\s]*@')
_LOCAL_FILE = re.compile(r'\b(?:url = "file://|path = ")[^"]*/(?P<name>[^/"]+\.(?:whl|tar\.gz|zip))"')
_ADDRESS = re.compile(r'"(?P<url>[a-z][a-z0-9+]*://[^"\s]*)"')


def without_local_facts(text: str, target: Target) -> str:
    """``text`` with the container's Python, and with neither a password nor a path of this machine.

    A file of this machine gets the path that it has in a wheelhouse, relative to the lock, as PEP 751 wants it.

    Raises:
        UsageError: An index gave an address with a token in it.
    """
    text = _PYTHON.sub(f'requires-python = ">={target.python}"', text)
    text = _USER_INFO.sub(lambda found: found["before"] + _kept_user(found[0]), text)
    text = _LOCAL_FILE.sub(lambda found: f'path = "{WHEELS_FOLDER}/{found["name"]}"', text)
    for found in _ADDRESS.finditer(text):
        check_no_credentials(found["url"], "pylock.toml")
    return text


def file_hashes(package: Mapping[str, Any]) -> tuple[str, ...]:
    """``sha256:<hex>`` of every file of one of the lock's packages: its wheels, else its archive or source."""
    files = package.get("wheels") or [package[kind] for kind in ("archive", "sdist") if kind in package]
    return tuple(sorted(f"{name}:{digest}" for file in files for name, digest in file.get("hashes", {}).items()))


def _kept_user(address: str) -> str:
    return "git@" if address.endswith("://git@") else ""
