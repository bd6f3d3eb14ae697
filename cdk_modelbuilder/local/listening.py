"""Listening sockets on loopback, and who has the port that is wanted."""

from __future__ import annotations

import errno
import socket

from cdk_modelbuilder.errors import UsageError

_BACKLOG = 2048


def listen(port: int) -> socket.socket:
    """A socket that listens on ``port`` of 127.0.0.1, or on a free one for 0.

    Raises:
        UsageError: The port cannot be used; the message names who holds it.
    """
    try:
        return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} on 127.0.0.1 cannot be used: {_reason(port, error)}.",
            remedy="Leave port out (or give 0) to take a free one.",
        ) from None


def _reason(port: int, error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == errno.EADDRINUSE:
        from cdk_modelbuilder.local.doctor.ports import holder_of  # noqa: PLC0415 - only now

        holder = holder_of(port)
        if holder is not None:
            return f"it is held by {holder}"
    return str(error.strerror)
