"""Sends requests of a load one by one, before there is any load: a server that rejects them says why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import urllib3

from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.requests import LoadRequest

_MOST = 3
_MOST_WORDS = 1000
_MOST_REMEMBERED, _REMEMBERED_SECONDS, _REMEMBERED_BYTES = 200, 10.0, 1 << 20


@dataclass(frozen=True, slots=True)
class Rejection:
    """A bad answer to a request that was sent alone.

    Attributes:
        status: HTTP status; 0 for a connection that broke, or no answer in time.
        words: What was said.
    """

    status: int
    words: str


class Probe:
    """Sends requests alone.

    Args:
        url: Where the server listens, without a path.
        path: Where requests without a path of their own go.
        seconds: How long one may take.
    """

    def __init__(self, *, url: str, path: str, seconds: float) -> None:
        self._url, self._path, self._seconds = url, path, seconds

    def rejection(self, load: Load) -> Rejection | None:
        """The first bad answer to one of the first requests of ``load``; None where they were good."""
        with self._http() as http:
            for request in load.requests[:_MOST]:
                found = self._ask(http, request)
                if isinstance(found, Rejection):
                    return found
        return None

    def with_expected_answers(self, load: Load) -> Load:
        """The load, where each request that gets the same answer twice is to get that one under load, too.

        Streams, large answers and what comes late in a long list of requests are left as they are.
        """
        until = time.monotonic() + _REMEMBERED_SECONDS
        remembered: dict[LoadRequest, bytes] = {}
        with self._http() as http:
            for request in list(dict.fromkeys(load.requests))[:_MOST_REMEMBERED]:
                if time.monotonic() > until:
                    break
                if request.stream:
                    continue
                first, second = self._ask(http, request), self._ask(http, request)
                if isinstance(first, bytes) and first == second and len(first) <= _REMEMBERED_BYTES:
                    remembered[request] = first
        expecting = tuple(replace(one, expected=remembered.get(one)) for one in load.requests)
        return replace(load, requests=expecting)

    def _http(self) -> urllib3.PoolManager:
        return urllib3.PoolManager(retries=False, timeout=self._seconds)

    def _ask(self, http: urllib3.PoolManager, request: LoadRequest) -> bytes | Rejection:
        headers = {"Content-Type": request.content_type, "Accept": request.accept}
        try:
            answer = http.request("POST", self._url + (request.path or self._path), body=request.body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return Rejection(0, f"{type(error).__name__}: {error}")
        if answer.status >= 400:
            return Rejection(answer.status, answer.data[:_MOST_WORDS].decode("utf-8", "replace"))
        return bytes(answer.data)
