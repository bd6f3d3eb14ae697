"""Looks at arguments before they reach an HTTP library, whose own errors would not say which one it was."""

from __future__ import annotations

import math
import re
from typing import Any

from cdk_modelbuilder.errors import UsageError

_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""What would end a header's line, or cannot be sent in one."""
_LONGEST_SECONDS = 1e9
"""More does not fit a socket's time-out."""


def check_header(name: str, value: Any) -> None:
    """Refuse what cannot be sent in a header.

    Raises:
        UsageError: It is no text, or has characters that a header cannot have.
    """
    if not isinstance(value, str):
        raise UsageError(f"{name} is a {type(value).__name__}.", remedy="Give a text.")
    unfit = _UNFIT.search(value)
    if unfit:
        raise UsageError(
            f"{name} has the character {unfit.group()!r} at position {unfit.start()}, which no HTTP header can carry.",
            remedy="Leave line ends and control characters out, and what is not in Latin-1.",
        )


def check_timeout(timeout: Any) -> None:
    """Refuse what is no time to wait.

    Raises:
        UsageError: It is no number above 0, or so large that no socket takes it.
    """
    if isinstance(timeout, bool) or not hasattr(timeout, "__float__"):
        raise UsageError(f"timeout is {timeout!r}.", remedy="Give a number of seconds.")
    if math.isnan(timeout) or not 0 < timeout <= _LONGEST_SECONDS:
        raise UsageError(f"timeout is {timeout}.", remedy="Give a number of seconds above 0, or leave it out.")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no number of things.

    Raises:
        UsageError: It is no whole number of at least 1.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UsageError(f"{name} is {value!r}.", remedy="Give a whole number.")
    if value < 1:
        raise UsageError(f"{name} is {value}.", remedy="Give 1 or more.")
