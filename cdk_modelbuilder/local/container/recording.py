"""What is known of a container while it runs and after: its log, its memory, and how it ended."""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cdk_modelbuilder.local.container.ending import Ending

_log = logging.getLogger("cdk_modelbuilder.endpoint")
_KEPT_LINES = 40
_LONGEST_LINE = 1 << 16
_GONE = 137
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 1.0


class Recording:
    """Follows one container from its start on, in two threads.

    Args:
        api: The SDK's low-level client.
        name: The container.
        on_log: Called with each line of its log.
        hidden: Texts that must not stand in the log, and what stands there instead.
        limit: Its memory limit in bytes, for the ending.
    """

    def __init__(
        self, api: Any, name: str, on_log: Callable[[str], object], *, hidden: Mapping[str, str], limit: int | None
    ) -> None:
        self.tail: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self.ended = threading.Event()
        self.ending: Ending | None = None
        self._api, self._name, self._on_log = api, name, on_log
        self._hidden, self._limit = dict(hidden), limit
        self._peak: int | None = None
        self._threads = [
            threading.Thread(target=target, name=f"{name}-{what}", daemon=True)
            for what, target in (("log", self._follow), ("memory", self._sample))
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until a container that was ended has been seen to the end."""
        self._threads[0].join(timeout=10)  # the other one notices within a second by itself

    def memory_now(self) -> int | None:
        """Memory of all its processes, without what the kernel caches of files, in bytes."""
        from docker.errors import APIError  # noqa: PLC0415 - an extra
        from requests.exceptions import RequestException  # noqa: PLC0415

        with contextlib.suppress(APIError, RequestException):
            return self._note(self._api.stats(self._name, stream=False, one_shot=True))
        return None

    def _follow(self) -> None:
        from docker.errors import DockerException  # noqa: PLC0415 - an extra
        from requests.exceptions import RequestException  # noqa: PLC0415

        state: dict[str, Any] = {"ExitCode": _GONE, "Error": "the daemon knows nothing of it any more"}
        try:
            with contextlib.suppress(DockerException, RequestException, OSError):
                for line in lines_of(self._api.logs(self._name, stream=True, follow=True)):
                    self._take(line)
            self._api.wait(self._name, timeout=None)
            state = self._api.inspect_container(self._name)["State"]
        except (DockerException, RequestException, OSError):
            pass  # it was removed by someone else, or the daemon ended
        finally:
            self.ending = Ending.of(state, limit=self._limit, peak=self._peak)
            self.ended.set()

    def _take(self, line: str) -> None:
        text = line
        for secret, instead in self._hidden.items():
            text = text.replace(secret, instead)
        self.tail.append(text)
        try:
            self._on_log(text)
        except Exception:  # noqa: BLE001 - the log must go on, and the container is not to blame
            _log.exception("on_log failed on a line of %s", self._name)

    def _sample(self) -> None:
        pause = _FIRST_PAUSE  # what fails for want of memory does so early
        while not self.ended.wait(pause):
            self.memory_now()
            pause = min(pause * 1.2, _LAST_PAUSE)

    def _note(self, sample: dict[str, Any]) -> int | None:
        used = memory_of(sample)
        seen = [size for size in (self._peak, used, sample.get("memory_stats", {}).get("max_usage")) if size]
        self._peak = max(seen, default=None)
        return used


def memory_of(sample: dict[str, Any]) -> int | None:
    """Memory in one sample of Docker's statistics as ``docker stats`` counts it; None where there is none.

    That is usage less ``total_inactive_file`` (cgroup v1) or ``inactive_file`` (v2). Source: "Get container stats"
    in the reference of Docker's Engine API.
    """
    found = sample.get("memory_stats") or {}
    usage = found.get("usage")
    if usage is None:
        return None
    details = found.get("stats") or {}
    cached = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(usage) - int(cached) if cached < usage else int(usage)


def lines_of(chunks: Iterator[bytes]) -> Iterator[str]:
    """The lines in a log that comes in pieces; one that is endless is cut."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if len(rest) > _LONGEST_LINE:
            yield rest.decode("utf-8", "replace")
            rest = b""
    if rest:
        yield rest.decode("utf-8", "replace")
