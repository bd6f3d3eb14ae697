"""Finds out whether a client that has ended its side still waits for its answer, or has hung up.

Both look the same until something is sent: the system of a client that has hung up answers with a reset. Any number of
interim responses may be sent before a response (RFC 9110 section 15.2).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from cdk_modelbuilder.serving.exchange import Exchange

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PATIENCE_SECONDS = 0.25


class HalfClosed:
    """Aborts a half-closed connection when its client turns out to have gone.

    Args:
        transport: The connection.
        loop: The event loop.
        unanswered: The requests that are not answered yet, in their order; it changes as they are.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, unanswered: Sequence[Exchange]
    ) -> None:
        self._transport, self._loop, self._unanswered = transport, loop, unanswered
        loop.call_later(_PATIENCE_SECONDS, self._ask)  # most answers come before that, and nothing need be asked

    def _ask(self) -> None:
        if not self._unanswered or self._transport.is_closing():
            return
        first = self._unanswered[0]
        # HTTP/1.0 has no interim responses. Where a stream has begun, its pieces are what is sent.
        if first.watcher is None and not first.is_first_version:
            self._transport.write(CONTINUE)
            self._loop.call_later(_PATIENCE_SECONDS, self._look)

    def _look(self) -> None:
        if not self._unanswered or self._transport.is_closing():
            return
        # Nothing is read any more, so the transport does not notice by itself.
        if self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._transport.abort()
        else:
            self._loop.call_later(_PATIENCE_SECONDS, self._look)
