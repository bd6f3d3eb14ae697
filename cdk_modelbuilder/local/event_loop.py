"""The fastest event loop that is installed."""

from __future__ import annotations

import asyncio
import contextlib


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop's, or of the standard library where there is no uvloop."""
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every system

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    return asyncio.new_event_loop()
