"""Where the master key comes from: an argument, the environment, or a file that only its owner can read.

The master key is 32 random bytes, written as 64 hexadecimal digits. It never leaves the builder's side: containers and
the secret store get the key of one bundle, see signature.py.
"""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.errors import KeyFileError
from cdk_modelbuilder.integrity.key_files import create_key_file, read_key_file

MASTER_KEY_VARIABLE = "MODELBUILDER_MASTER_KEY"
MASTER_KEY_FILE_VARIABLE = "MODELBUILDER_MASTER_KEY_FILE"

_log = logging.getLogger("cdk_modelbuilder")


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """The builder's secret, and where it was found."""

    secret: bytes
    source: str

    def __repr__(self) -> str:
        return f"MasterKey(source={self.source!r})"


def default_key_file() -> Path:
    """The key file of this user: ``MODELBUILDER_MASTER_KEY_FILE``, else in the user's configuration folder."""
    named = os.environ.get(MASTER_KEY_FILE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_path  # noqa: PLC0415 - keeps `import cdk_modelbuilder` light

    return user_config_path("cdk-modelbuilder") / "master.key"


def find_master_key(given: str | bytes | None = None, *, create: bool) -> MasterKey | None:
    """The master key: ``given``, else the environment, else the key file.

    Args:
        given: 64 hexadecimal digits, or 32 raw bytes.
        create: Make the key file when there is no key at all, and announce it on the log.

    Returns:
        The key, or None when there is none and ``create`` is false.

    Raises:
        KeyFileError: A key was found but is malformed, or its file is open to others.
    """
    if given is not None:
        return MasterKey(_parse(given, "the signing_key argument"), "argument")
    from_environment = os.environ.get(MASTER_KEY_VARIABLE)
    if from_environment:
        return MasterKey(_parse(from_environment, MASTER_KEY_VARIABLE), MASTER_KEY_VARIABLE)
    path = default_key_file()
    if path.exists():
        text = read_key_file(path, what="master key", variable=MASTER_KEY_VARIABLE)
        return MasterKey(_parse(text, str(path)), str(path))
    if not create:
        return None
    return create_master_key(path)


def require_master_key(given: str | bytes | None = None, *, purpose: str, remedy: str = "") -> MasterKey:
    """The master key as :func:`find_master_key` finds it, which must be there.

    Args:
        given: 64 hexadecimal digits, or 32 raw bytes.
        purpose: What it is needed for, to end the sentence "there is no master key ...".
        remedy: Another way out, if there is one.

    Raises:
        KeyFileError: There is none, or it is malformed.
    """
    key = find_master_key(given, create=False)
    if key is None:
        raise KeyFileError(
            f"there is no master key {purpose}.",
            remedy=f"Give the key that signed the bundle in {MASTER_KEY_VARIABLE}{remedy}.",
        )
    return key


def create_master_key(path: Path | None = None) -> MasterKey:
    """Make a new master key file of mode 0600 and announce it.

    Raises:
        KeyFileError: The file exists already, or its folder cannot be written.
    """
    path = default_key_file() if path is None else path
    key = secrets.token_bytes(32)
    create_key_file(
        path,
        key.hex() + "\n",
        what="master key",
        remedy=f"Name another place in {MASTER_KEY_FILE_VARIABLE}, or give the key in {MASTER_KEY_VARIABLE}.",
    )
    _log.warning("made a new master key in %s; keep a copy, bundles are signed with keys derived from it", path)
    return MasterKey(key, str(path))


def _parse(text: str | bytes, place: str) -> bytes:
    if isinstance(text, bytes):
        if len(text) == 32:
            return text
    else:
        try:
            key = bytes.fromhex(text.strip())
        except ValueError:
            key = b""
        if len(key) == 32:
            return key
    raise KeyFileError(
        f"{place} does not hold a master key: 64 hexadecimal digits (32 bytes) are needed.",
        remedy="Make one with: cdk-modelbuilder keys create",
    )
