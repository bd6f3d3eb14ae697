"""The text of a file that the user names."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from cdk_modelbuilder.errors import UsageError

# The longer marks first: UTF-16's is the beginning of UTF-32's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_CODING = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")
_LARGEST = 64 << 20  # a lock of a thousand packages has 2 MB


def is_file(path: Path) -> bool:
    r"""Whether a file is there; a path that no file can have is none.

    >>> is_file(Path("a" * 5000)), is_file(Path("nul is \0"))
    (False, False)
    """
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_text(path: Path, place: str) -> str:
    """The text of ``path``, in the encoding that a byte order mark or a ``coding:`` comment (PEP 263) says, or UTF-8.

    Args:
        path: The file.
        place: What messages call it.

    Raises:
        UsageError: It cannot be read, or is not text.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise UsageError(f"{place} has {size} bytes; it is no list of packages.", remedy="Name the right file.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError: the path has a NUL
        because = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{place} cannot be read: {because}.", remedy="Name an existing file, relative to the current folder."
        ) from None
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None:
        data = next(data[len(mark) :] for mark, name in _MARKS if data.startswith(mark))
    else:
        said = next((match for match in map(_CODING.match, data.split(b"\n")[:2]) if match), None)
        encoding = "utf-8" if said is None else said[1].decode("ascii")
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise UsageError(
            f"{place} is not text in {encoding!r}: {error}.",
            remedy="Save it as UTF-8, or name its encoding in its first line: # -*- coding: latin-1 -*-",
        ) from None
