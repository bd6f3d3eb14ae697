"""Copies that answer as a test says, in place of processes: what is tested is the gateway."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.predictor.scripted_container import Reply, ScriptedContainer


class ScriptedCopy:
    """A RunningModel; its /ping answers ``ping``, and its invocations are scripted."""

    def __init__(self, *replies: Reply) -> None:
        self.ping = 200
        self.container = ScriptedContainer(*replies)
        copy = self

        def do_GET(handler: Any) -> None:  # noqa: N802 - the name that http.server calls
            handler.send_response(copy.ping)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        self.container._server.RequestHandlerClass.do_GET = do_GET
        self.container.__enter__()
        self._ended = threading.Event()

    @property
    def url(self) -> str:
        return self.container.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def identity(self) -> str:
        return f"script {self.port}"

    def is_running(self) -> bool:
        return not self._ended.is_set()

    def memory_bytes(self) -> int | None:
        return None

    def last_log_lines(self) -> list[str]:
        return []

    def wait(self) -> int:
        self._ended.wait()
        return 0

    def stop(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self.container.__exit__(None, None, None)


class ScriptedStart:
    """Starts scripted copies, and keeps them.

    Args:
        replies: What each copy answers; a function makes them from the copy's number.
    """

    def __init__(self, *replies: Reply, each: Callable[[int], list[Reply]] | None = None) -> None:
        self._each = each or (lambda _: list(replies))
        self.copies: list[ScriptedCopy] = []
        self.environments: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, bundle, environment, *, on_log) -> ScriptedCopy:
        with self._lock:
            copy = ScriptedCopy(*self._each(len(self.copies)))
            self.copies.append(copy)
            self.environments.append(dict(environment))
        on_log("started")
        return copy

    @property
    def requests(self) -> list[tuple[dict[str, str], bytes]]:
        """Headers and bodies that any copy has seen."""
        return [request for copy in self.copies for request in copy.container.requests]


def eventually(condition: Callable[[], Any], seconds: float = 30) -> bool:
    """Whether ``condition`` comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
