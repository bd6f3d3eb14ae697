"""The health check of a start, as SageMaker makes it."""

from __future__ import annotations

import time
from collections.abc import Callable

import urllib3

from cdk_modelbuilder.container_spec import HealthCheck

_POLL_SECONDS = 0.02


def wait_until_healthy(url: str, check: HealthCheck, seconds: float, has_ended: Callable[[float], bool]) -> str | None:
    """Ping until there is a good answer; each may take as long as the check says, the first good one ``seconds``.

    Source: the guide's page "Custom Inference Code with Hosting Services".

    Args:
        url: Where the server listens.
        check: The spec's health check.
        seconds: For all of it.
        has_ended: Waits for the given seconds, or until the server has ended, and says whether it has.

    Returns:
        None when it is healthy; else what the last ping got, and the server has ended or the time is over.
    """
    deadline = time.monotonic() + seconds
    last = "nothing answered"
    with urllib3.PoolManager(retries=False, timeout=check.timeout_seconds) as http:
        while time.monotonic() < deadline and not has_ended(0):
            try:
                status = http.request("GET", url + check.path).status
            except urllib3.exceptions.HTTPError:
                pass
            else:
                if status == 200:
                    return None
                last = f"the last answer was {status}"
            has_ended(_POLL_SECONDS)
    return f"{last} at {check.path}"
