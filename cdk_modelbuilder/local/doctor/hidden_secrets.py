"""Command lines and addresses of others, fit to be printed: what may be a secret is taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"
_LONGEST = 160

_SECRET_WORD = re.compile(
    r"pass(word|wd|phrase)?|secret|token|credential|api[-_]?key|private[-_]?key|auth", re.IGNORECASE
)
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)=.*", re.DOTALL)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# Long runs without a space or slash that hold letters and digits: keys, tokens, hashes.
_OPAQUE = re.compile(r"(?<![\w/+.-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}(?![\w/.])")


def without_secrets(arguments: Sequence[str]) -> str:
    """The command line of ``arguments`` as one line, without what may be a secret, and not longer than a line or two.

    Values of options and variables whose name speaks of a secret, user and password in addresses, and long opaque words
    are replaced by ``***``.
    """
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not _FLAG.fullmatch(argument):
            shown.append(HIDDEN)
            hide_next = False
            continue
        assigned = _ASSIGNED.fullmatch(argument)
        if assigned and _SECRET_WORD.search(assigned["name"]):
            shown.append(f"{assigned['name']}={HIDDEN}")
        else:
            shown.append(_OPAQUE.sub(HIDDEN, _USER_INFO.sub(HIDDEN, argument)))
        hide_next = bool(_FLAG.fullmatch(argument) and _SECRET_WORD.search(argument))
    line = " ".join(" ".join(shown).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
