"""Whether two answers say the same, where the last digits of numbers may differ."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_RELATIVE, _ABSOLUTE = 1e-3, 1e-6


def are_alike(answer: bytes, expected: bytes) -> bool:
    """Whether ``answer`` says what ``expected`` says.

    Sums of floating-point numbers depend on their order, and so on what else is in a batch. Bytes that are no text are
    compared by their number alone, because their numbers cannot be found.

    >>> are_alike(b"[0.30000001, 7]", b"[0.3, 7]"), are_alike(b"[0.4, 7]", b"[0.3, 7]")
    (True, False)
    """
    if answer == expected:
        return True
    try:
        answer.decode("utf-8")
        expected.decode("utf-8")
    except UnicodeDecodeError:
        return len(answer) == len(expected)
    if _NUMBER.sub(b"0", answer) != _NUMBER.sub(b"0", expected):
        return False
    pairs = zip(_NUMBER.findall(answer), _NUMBER.findall(expected), strict=True)
    return all(math.isclose(float(one), float(other), rel_tol=_RELATIVE, abs_tol=_ABSOLUTE) for one, other in pairs)
