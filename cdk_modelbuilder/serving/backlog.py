"""How much may wait for the model: beyond that the server says so at once, instead of filling its memory."""

from __future__ import annotations

from cdk_modelbuilder.serving.exchange import Exchange, Refusal

MOST_WAITING = 1000
"""Invocations that wait for a thread."""
_LARGEST_BODIES = 16


class Backlog:
    """The bytes of all bodies that are not answered yet, received in part or whole; for the event loop's thread.

    Args:
        max_payload_bytes: Largest body. Sixteen of them fit.
        threads: Requests handled at a time; two such bodies fit for each.

    Attributes:
        limit: Most bytes that may be held.
        held: Bytes that are held.
        refusal: What a request gets for which there is no room.
    """

    refusal = Refusal(503, "too many requests are waiting for the model; try again later.", b"retry-after: 1\r\n")

    def __init__(self, max_payload_bytes: int, threads: int) -> None:
        self.limit = max_payload_bytes * max(_LARGEST_BODIES, 2 * threads)
        self.held = 0

    def release(self, exchange: Exchange) -> None:
        """The exchange's body is held no longer."""
        self.held -= exchange.held
        exchange.held = 0
