"""Listening sockets on loopback, and who has the port that is wanted."""

from __future__ import annotations

import errno
import socket

from cdk_modelbuilder.errors import UsageError

_BACKLOG = 2048
_REMEDY = "Leave port out (or give 0) to take a free one."


def listen(port: int) -> socket.socket:
    """A socket that listens on ``port`` of 127.0.0.1, or on a free one for 0.

    Raises:
        UsageError: The port cannot be used; the message names who holds it.
    """
    try:
        return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise port_taken(port) from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"port {port} on 127.0.0.1 cannot be used: {reason}.", remedy=_REMEDY) from None


def port_taken(port: int) -> UsageError:
    """Somebody has the port that was asked for; says who, if that can be told."""
    from cdk_modelbuilder.local.doctor.ports import holder_of  # noqa: PLC0415 - only now

    holder = holder_of(port)
    by = f" by {holder}" if holder else ""
    return UsageError(f"port {port} on 127.0.0.1 is taken{by}.", remedy=_REMEDY)
