"""One invocation of the model: what the request brought, and how its answer gets back to the client."""

from __future__ import annotations

import os
import time
from itertools import count

from cdk_modelbuilder.serving.access_log import AccessLog
from cdk_modelbuilder.serving.exchange import Body, Exchange, Refusal, error_body
from cdk_modelbuilder.serving.log import log
from cdk_modelbuilder.serving.response_head import fits_header
from cdk_modelbuilder.serving.shortened import shortened

GONE = 499
"""The status in the log where the client hung up before its answer; nginx has made it customary."""

_ID_CHARACTERS = 256
"""SageMaker's own have 64 at most."""

_process = os.urandom(8).hex()
_numbers = count()


class Invocation:
    """A request to the model, on its way there and back.

    Attributes:
        exchange: The request and the way to answer it.
        content_type: Of the request; empty if it has none.
        accept: What the client accepts.
        request_id: Under which the log has more about it.
    """

    __slots__ = (
        *("_access_log", "_answer", "_answer_type", "_failure", "_status", "accept", "content_type", "exchange"),
        "request_id",
    )

    def __init__(self, exchange: Exchange, access_log: AccessLog) -> None:
        headers = exchange.headers
        self.exchange = exchange
        self.content_type = headers[b"content-type"].decode("latin-1") if b"content-type" in headers else ""
        self.accept = headers[b"accept"].decode("latin-1") if b"accept" in headers else "*/*"
        named = headers.get(b"x-amzn-sagemaker-inference-id")
        self.request_id = (
            shortened(named.decode("latin-1"), _ID_CHARACTERS) if named else f"{_process}{next(_numbers):010x}"
        )
        self._access_log = access_log
        self._status = 200
        self._answer: Body = b""
        self._answer_type = ""
        self._failure: str | None = None

    # In a model's thread

    def take_body(self) -> Body | None:
        """The request's body, held by nothing else from now on; None if the client has hung up."""
        exchange = self.exchange
        body, exchange.body = exchange.body, b""
        # Looked at only now: where the client hangs up, gone is set before the body is dropped.
        return None if exchange.gone else body

    def answered(self, body: Body, content_type: str) -> None:
        """Keep the model's answer for :meth:`deliver`.

        Raises:
            ValueError: The content type cannot be sent.
        """
        if not fits_header(content_type):
            raise ValueError(f"output_fn gave the content type {content_type!r}, which cannot stand in a header")
        self._answer, self._answer_type = body, content_type

    def failed(self, error: BaseException) -> None:
        """Keep the answer to an error for :meth:`deliver`; called where the error is handled."""
        self._failure = described(error)
        status = _status_of(error)
        if status is not None:  # in words made for the client
            message = self._failure.partition(": ")[2]
        else:
            status = 500
            message = f"the model failed on this request; the log has the reason under {self.request_id}."
        if status >= 500:
            log("model error", level=40, exc_info=True, request_id=self.request_id)
        self._status, self._answer, self._answer_type = status, error_body(status, message), "application/json"

    # In the event loop's thread

    def deliver(self) -> None:
        """Send the answer, and note it in the log."""
        if self.exchange.gone:
            self.note(GONE, 0)
            return
        size = len(self._answer)
        self.exchange.respond(self._status, self._answer, self._answer_type)
        self.note(self._status, size, None if self._failure is None else {"error": self._failure})

    def refuse(self, refusal: Refusal) -> None:
        """Answer without the model."""
        answer = error_body(refusal.status, refusal.message)
        self.exchange.respond(refusal.status, answer, "application/json", refusal.headers)
        self.note(refusal.status, len(answer))

    def note(self, status: int, bytes_out: int, more: dict[str, object] | None = None) -> None:
        """Write the log's line."""
        self._access_log.invocation(
            status=status,
            seconds=time.perf_counter() - self.exchange.started,
            bytes_in=self.exchange.size,
            bytes_out=bytes_out,
            content_type=self.content_type,
            request_id=self.request_id,
            more=more,
        )


def described(error: BaseException) -> str:
    """Type and message, not too long, whatever the error's own code does when it is asked."""
    try:
        return shortened(f"{type(error).__name__}: {error}")
    except BaseException:  # noqa: BLE001 - an error of the user's, with an error in it
        return f"{type(error).__name__}: (its message cannot be shown)"


def _status_of(error: BaseException) -> int | None:
    """The status that the error asks for, if it does; looking it up may run code of the user's."""
    try:
        status = getattr(error, "http_status", None)
        return int(status) if isinstance(status, int) and 400 <= status <= 599 else None
    except BaseException:  # noqa: BLE001 - as in described()
        return None
