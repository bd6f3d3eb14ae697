"""Carries the pieces of a streamed answer from the model's thread to the client, never far ahead of it."""

from __future__ import annotations

import threading
from collections import deque

from cdk_modelbuilder.serving.exchange import Body
from cdk_modelbuilder.serving.invocation import GONE, Invocation, described
from cdk_modelbuilder.serving.loop_mailbox import LoopMailbox

AHEAD = 1 << 16
"""Bytes that may wait for the client, besides what the transport holds, before the model's thread waits too."""
PATIENCE_SECONDS = 60.0
"""A client that reads nothing for so long is given up, so that the model can serve the next one."""


class StreamChannel:
    """One streamed answer.

    The model's thread calls :meth:`send` and one of :meth:`end` and :meth:`fail`; the rest happens in the event loop's.

    Args:
        invocation: What is answered.
        content_type: Of the answer.
        mailbox: The way into the event loop's thread.
    """

    def __init__(self, invocation: Invocation, content_type: str, mailbox: LoopMailbox) -> None:
        self._invocation, self._content_type, self._mailbox = invocation, content_type, mailbox
        self._exchange = invocation.exchange
        self._changed = threading.Condition()
        self._pieces: deque[Body] = deque()
        self._ahead = 0
        self._gone = False
        self._failure: str | None = None
        self._bytes = self._count = 0
        mailbox.post(self._start)

    # In the model's thread

    def send(self, piece: Body) -> bool:
        """Send a piece; waits where the client is slow. False if nobody wants the rest."""
        with self._changed:
            if self._gone:
                return False
            self._pieces.append(piece)
            self._ahead += len(piece)
            if len(self._pieces) == 1:
                self._mailbox.post(self._write)
            while self._ahead > AHEAD and not self._gone:
                if not self._changed.wait(PATIENCE_SECONDS):
                    self._gone = True
                    self._failure = f"the client read nothing for {PATIENCE_SECONDS:.0f} s"
            return not self._gone

    def end(self) -> None:
        """All pieces have been sent, or nobody wants the rest."""
        self._mailbox.post(self._finish)

    def fail(self, error: BaseException) -> None:
        """There will be no more pieces, although there should be."""
        self._failure = described(error)
        self._mailbox.post(self._finish)

    # In the event loop's thread

    def client_reads_again(self) -> None:
        """The transport has room again."""
        self._count_as_sent()

    def client_gone(self) -> None:
        """The connection was lost."""
        with self._changed:
            self._gone = True
            self._changed.notify()

    def _start(self) -> None:
        if self._exchange.gone:
            self.client_gone()
            return
        self._exchange.watcher = self
        self._exchange.start_stream(self._content_type)

    def _write(self) -> None:
        with self._changed:
            pieces = list(self._pieces)
            self._pieces.clear()
        for piece in pieces:
            self._bytes += len(piece)
            self._count += 1
            self._exchange.send_piece(piece)
        if self._exchange.writable:
            self._count_as_sent()

    def _count_as_sent(self) -> None:
        with self._changed:
            self._ahead = sum(map(len, self._pieces))
            self._changed.notify()

    def _finish(self) -> None:
        more: dict[str, object] = {"streamed": True, "pieces": self._count}
        if self._failure is not None:
            self._exchange.cut()
            self._invocation.note(200, self._bytes, {**more, "incomplete": True, "error": self._failure})
        elif self._exchange.gone:
            self._invocation.note(GONE, self._bytes, more)
        else:
            self._exchange.end_stream()
            self._invocation.note(200, self._bytes, more)
