"""Files that hold a secret key: of mode 0600, never written over, and refused where others can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cdk_modelbuilder.errors import KeyFileError


def read_key_file(path: Path, *, what: str, variable: str) -> str:
    """The text of the key file at ``path``.

    Args:
        path: The file.
        what: What it holds, such as "master key".
        variable: Environment variable that could hold the key instead.

    Raises:
        KeyFileError: It cannot be read, or others can read it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & 0o077:
            raise KeyFileError(
                f"{path} has mode {mode:04o}: others can read the {what}.",
                remedy=f"Run: chmod 600 '{path}', and make a new key if it may have been read.",
            )
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            f"the {what} in {path} cannot be read: {error}.",
            remedy=f"Mend the file, or give the key in {variable}.",
        ) from None


def create_key_file(path: Path, text: str, *, what: str, remedy: str) -> None:
    """Write ``text`` to a new file of mode 0600; its folder is made if there is none.

    Args:
        path: The file.
        text: What goes into it.
        what: What it holds, such as "master key".
        remedy: What to do if it cannot be written.

    Raises:
        KeyFileError: The file exists already, or its folder cannot be written.
    """
    if path.is_file():
        raise KeyFileError(
            f"{path} holds a {what} already.",
            remedy="Keep it: bundles signed with it verify with no other. To start afresh, move it away first.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as handle:
                handle.write(text)
        except OSError:
            path.unlink()  # half a key is none
            raise
    except OSError as error:
        raise KeyFileError(f"the {what} cannot be written to {path}: {error.strerror}.", remedy=remedy) from None
