"""InvokeEndpoint: one request through one container, or through several in series."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError, Place, not_ready, unavailable
from cdk_modelbuilder.local.gateway.copies import CopySet
from cdk_modelbuilder.local.gateway.one_copy import Copy
from cdk_modelbuilder.local.gateway.routing import Target
from cdk_modelbuilder.local.gateway.sessions import Sessions
from cdk_modelbuilder.local.gateway.upstream import REFUSED, Call
from cdk_modelbuilder.serving.exchange import Body

DEFAULT_CONTENT_TYPE = b"application/octet-stream"
_LOOK_AGAIN_SECONDS = 0.05
_ATTEMPTS = 3


class Asked(Protocol):
    """A request, and whoever takes its answer."""

    headers: dict[bytes, bytes]
    started: float
    gone: bool

    @property
    def body(self) -> Body:
        """What is sent."""

    def answer(self, status: int, body: Body, content_type: bytes, headers: bytes = b"") -> None:
        """The whole answer; ``headers`` are lines for the client."""

    def fail(self, error: ApiError) -> None:
        """There is none."""


class Invocation:
    """A request on its way; the reader of its containers' answers.

    Args:
        loop: The event loop.
        exchange: The client's request.
        target: Who answers it.
        sessions: The endpoint's sessions.
        seconds: How long a container may take.
    """

    accept_header = b"accept"
    content_type_header = b"content-type"

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        exchange: Asked,
        target: Target,
        sessions: Sessions,
        seconds: float,
    ) -> None:
        self._loop = loop
        self.exchange = exchange
        self.target = target
        self._sessions = sessions
        self._seconds = seconds
        self._stage = 0
        self._attempts = 0
        self._headers = {**exchange.headers, **target.headers} if target.headers else exchange.headers
        self._body: Body = exchange.body
        self._content_type = exchange.headers.get(self.content_type_header)
        self._copy: Copy | None = None
        self._answered: tuple[Copy, ...] = ()
        self._call: Call | None = None
        self._status = 0
        self._answer: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send it."""
        self.target.served.outstanding += 1
        self._timer = self._loop.call_later(self._seconds, self._late)
        self._ask()

    # What the upstream calls

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:
        self._status, self._answer = status, headers

    def part(self, data: bytes) -> None:
        self._parts.append(data)

    def ended(self) -> None:
        self._answered = (*self._answered, self._let_go())
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if self._status >= 400:
            self.fail(self._place.model_error(self._status, self._name, body), self._status)
        elif self._stage + 1 < len(self.target.stages):
            self._stage += 1
            self._attempts = 0
            self._body, self._content_type, self._parts = body, self._answer.get(b"content-type"), []
            self._ask()
        else:
            self._note_session()
            self.finish(self._status)
            self.exchange.answer(
                200,
                body,
                self._answer.get(b"content-type", DEFAULT_CONTENT_TYPE),
                self.target.served.variant_line + names.response_lines(self._answer),
            )

    def failed(self, reason: str) -> None:
        copy = self._let_go()
        if reason == REFUSED:
            self._copies.suspect(copy)
            self._attempts += 1
        if reason == REFUSED and self._attempts < _ATTEMPTS:
            self._ask()
        else:
            self.fail(self._place.no_response(self._name), 0)

    def break_off(self) -> None:
        """The gateway ends before the answer is there."""
        if self._give_up():
            self.fail(unavailable("The local gateway has ended."), 0)

    # The steps

    def fail(self, error: ApiError, status: int) -> None:
        """Answer with an error; ``status`` is what the container answered."""
        self.finish(status)
        self.exchange.fail(error)

    def finish(self, status: int) -> None:
        """Count it as answered."""
        served = self.target.served
        served.outstanding -= 1
        if self._timer is not None:
            self._timer.cancel()
        served.counters.count(status, time.perf_counter() - self.exchange.started)

    @property
    def _name(self) -> str:
        return self.target.stages[self._stage][0]

    @property
    def _copies(self) -> CopySet:
        return self.target.stages[self._stage][1]

    @property
    def _place(self) -> Place:
        return self.target.served.place

    def _ask(self) -> None:
        copies = self._copies
        copy = self.target.held[self._stage] if self.target.held else copies.pick()
        if copy is None or copy.upstream is None:
            self._wait_or_fail(copies)
            return
        last = self._stage + 1 == len(self.target.stages)
        head = names.request_head(
            copies.invocations_path,
            self._headers,
            self._content_type,
            self.exchange.headers.get(self.accept_header) if last else None,
        )
        copy.outstanding += 1
        self._copy = copy
        self._call = copy.upstream.send(self, head, self._body)

    def _wait_or_fail(self, copies: CopySet) -> None:
        if self.target.loading and not copies.ready and copies.failure is None:
            self._call = None
            self._loop.call_later(_LOOK_AGAIN_SECONDS, self._look_again)
        else:
            self.fail(self._place.no_response(self._name), 0)

    def _look_again(self) -> None:
        if self._timer is not None and not self._timer.cancelled() and not self.exchange.gone:
            self._ask()
        elif self.exchange.gone:
            self.finish(499)

    def _let_go(self) -> Copy:
        copy, self._copy, self._call = self._copy, None, None
        assert copy is not None
        copy.outstanding -= 1
        return copy

    def _give_up(self) -> bool:
        """Take the request back from its copy; whether one had it."""
        if self._call is None:
            return False
        self._call.cancel()
        self._let_go()
        return True

    def _late(self) -> None:
        if self._call is None:  # it waits for a model that loads
            self.fail(not_ready(f"Model {self._name} is still loading. Wait and try your request again."), 0)
            return
        self._give_up()
        self.fail(self._place.timed_out(self._name), 0)

    def _note_session(self) -> None:
        if names.NEW_SESSION in self._answer:
            self._sessions.opened(self._answer[names.NEW_SESSION], self.target, self._answered)
        if names.CLOSED_SESSION in self._answer:
            self._sessions.closed(self._answer[names.CLOSED_SESSION])
