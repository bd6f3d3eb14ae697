"""Hands calls from the models' threads to the event loop, with one wake-up for all that come while it is busy."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from cdk_modelbuilder.serving.log import log


class LoopMailbox:
    """Calls to be made in the event loop's thread, in the order in which they were posted.

    A wake-up costs more than all else that a quick answer needs, so there is one for many calls.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Callable[[], object]] = deque()
        self._woken = False

    def post(self, call: Callable[[], object]) -> None:
        """Have ``call`` made in the loop's thread; any thread may post."""
        self._calls.append(call)
        if not self._woken:  # two threads at once may both wake the loop, which does no harm
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the process is about to
                self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._woken = False  # before the calls: what is posted from now on may come too late for this round
        calls = self._calls
        while calls:
            try:
                calls.popleft()()
            except Exception:  # noqa: BLE001 - one request's trouble must not keep the others' answers back
                log("server error", level=40, exc_info=True)
