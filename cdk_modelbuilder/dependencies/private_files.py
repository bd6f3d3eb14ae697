"""Files that never get into a bundle by themselves: hidden ones, and those whose names say that they hold secrets."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(r"(^|/)\.")
_NAMED: Final = re.compile(r"(^|/)(id_[a-z0-9]+|credentials?|secrets?)(\.(?!py$)[^/]*)?$", re.IGNORECASE)
_KEYS: Final = re.compile(r"\.(pem|key|p12|pfx|jks)$", re.IGNORECASE)


def is_private(path: str) -> bool:
    """Whether a file beside the user's code is not to be shipped, judged by its POSIX path.

    >>> [is_private(path) for path in ("pkg/.env", "pkg/secrets.json", "tls.pem", "pkg/secrets.py", "words.txt")]
    [True, True, True, False, False]
    """
    return any(pattern.search(path) for pattern in (_HIDDEN, _NAMED, _KEYS))
