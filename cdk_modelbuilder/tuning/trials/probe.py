"""Sends the first requests of a load one by one, before there is any load: a server that rejects them says why."""

from __future__ import annotations

import urllib3

from cdk_modelbuilder.tuning.load.plan import Load

_MOST = 3
_MOST_WORDS = 1000


def rejection(load: Load, *, url: str, path: str, seconds: float) -> tuple[int, str] | None:
    """Status and words of the first bad answer to a request of ``load``; None where they were good.

    Args:
        load: Whose requests are sent, at most three of them.
        url: Where the server listens, without a path.
        path: Where requests without a path of their own go.
        seconds: How long one may take.

    A status of 0 is a connection that broke, or no answer in time.
    """
    with urllib3.PoolManager(retries=False, timeout=seconds) as http:
        for request in load.requests[:_MOST]:
            headers = {"Content-Type": request.content_type, "Accept": request.accept}
            try:
                answer = http.request("POST", url + (request.path or path), body=request.body, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                return 0, f"{type(error).__name__}: {error}"
            if answer.status >= 400:
                return answer.status, answer.data[:_MOST_WORDS].decode("utf-8", "replace")
    return None
