"""Words of ours around text that is not: names from bundles and templates may hold anything.

A name stands between two control characters, which :func:`clean` takes out of everything that comes from outside, so
that no text can pass for words of ours. What writes the report turns the pair into quotes of its own kind.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

OPEN: Final = "\x02"
CLOSE: Final = "\x03"
QUOTED: Final = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")

# Besides what is not printed at all, characters that print nothing or turn the text around them (Unicode's Cf and Co),
# so that what a reviewer reads is what is there. Soft hyphens and joiners within words are among them.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


def clean(text: str, *, keep: str = "") -> str:
    """``text`` with an escape for every character that a reader would not see as what it is, but for ``keep``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(char) if char not in keep and unicodedata.category(char) in _HIDDEN else char for char in text
    )


def hides_something(text: str) -> bool:
    """Whether ``text`` holds characters that turn or hide the text around them ("Trojan Source")."""
    return not text.isascii() and any(unicodedata.category(char) == "Cf" for char in text)


def quoted(name: Any) -> str:
    """``name``, which comes from outside, for use within words of ours."""
    return f"{OPEN}{clean(str(name))}{CLOSE}"


def unquoted(words: str) -> str:
    """``words`` as plain text."""
    return words.replace(OPEN, "").replace(CLOSE, "")


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: list[str] | tuple[str, ...], most: int = 8) -> str:
    """Names from outside one after the other, the first ``most`` of them."""
    shown = ", ".join(quoted(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _escape(char: str) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if char in known:
        return known[char]
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
