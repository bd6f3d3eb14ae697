"""When to try again, and after how long: exponential backoff with full jitter, as botocore's standard mode does it."""

from __future__ import annotations

import random

import urllib3

LONGEST_WAIT_SECONDS = 20.0
"""Botocore's own limit. A server that asks for more with Retry-After gets this."""


def wait_after(attempts: int) -> float:
    """Seconds to wait after ``attempts`` attempts that failed.

    Full jitter keeps clients that were refused together from coming back together.
    """
    return random.uniform(0, min(2.0 ** min(attempts - 1, 10), LONGEST_WAIT_SECONDS))  # noqa: S311 - no secret


def asked_wait(retry_after: str | None) -> float | None:
    """The wait that a Retry-After header asks for (seconds or a date, RFC 9110 section 10.2.3); None without one."""
    if not retry_after:
        return None
    try:
        return min(float(urllib3.Retry().parse_retry_after(retry_after)), LONGEST_WAIT_SECONDS)
    except (ValueError, urllib3.exceptions.HTTPError):
        return None
