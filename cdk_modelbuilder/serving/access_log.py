"""The line about each invocation, made without the logging module: it would cost as much as the answer."""

from __future__ import annotations

import asyncio
import json
import time
from functools import lru_cache

from cdk_modelbuilder.serving.log import flush, gathered, utc_time
from cdk_modelbuilder.serving.shortened import shortened

WRITE_AFTER_SECONDS = 0.02
"""How long lines are gathered before they are written together."""


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    # In ASCII: what a client sends must neither split a line (U+0085) nor speak to a terminal (U+009B).
    return json.dumps(shortened(text))


class AccessLog:
    """Writes one line for each invocation, in JSON like every other line; for the event loop's thread only.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def invocation(
        self,
        *,
        status: int,
        seconds: float,
        bytes_in: int,
        bytes_out: int,
        content_type: str,
        request_id: str,
        more: dict[str, object] | None = None,
    ) -> None:
        """Note one invocation.

        Args:
            status: The response's status; 499 where the client did not wait for it.
            seconds: From the request's headers to the response's last byte.
            bytes_in: Size of the request's body.
            bytes_out: Size of the response's body.
            content_type: The request's content type.
            request_id: Under which the log has more about it.
            more: Fields for the end of the line; ``incomplete`` among them makes it an error.
        """
        level = "error" if status >= 500 or (more is not None and "incomplete" in more) else "info"
        end = "}\n" if more is None else ", " + json.dumps(more, default=str)[1:] + "\n"
        line = (
            f'{{"time": "{utc_time(time.time())}", "level": "{level}", '
            f'"event": "invocation", "status": {status}, "latency_ms": {seconds * 1000:.3f}, "bytes_in": {bytes_in}, '
            f'"bytes_out": {bytes_out}, "content_type": {_quoted(content_type)}, "request_id": {_quoted(request_id)}'
            f"{end}"
        )
        if gathered.add(line):
            self._loop.call_later(WRITE_AFTER_SECONDS, flush)
