"""InvokeEndpointWithResponseStream: what the container sends goes on to the client as it arrives."""

from __future__ import annotations

import asyncio

from cdk_modelbuilder.local.gateway import event_stream
from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.invocation import DEFAULT_CONTENT_TYPE, Invocation
from cdk_modelbuilder.local.gateway.routing import Target
from cdk_modelbuilder.local.gateway.sessions import Sessions

_TOO_LONG = "The model did not finish its response within the time that Amazon SageMaker allows."
_BROKEN = "The TCP connection between the client and the model was reset or closed."


class StreamInvocation(Invocation):
    """A request whose answer is streamed. The last container's is; those before it in a series answer as a whole."""

    accept_header = names.ACCEPT

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        exchange: GatewayExchange,
        target: Target,
        sessions: Sessions,
        seconds: float,
    ) -> None:
        super().__init__(loop, exchange, target, sessions, seconds)
        self._client = exchange
        self._streaming = self._paused = False

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:
        super().begun(status, headers)
        if status >= 400 or self._stage + 1 < len(self.target.stages):
            return
        self._streaming = True
        self._client.watcher = self
        content_type = headers.get(b"content-type", DEFAULT_CONTENT_TYPE)
        self._client.begin_stream(
            event_stream.CONTENT_TYPE,
            b"X-Amzn-SageMaker-Content-Type: %s\r\n" % content_type
            + self.target.served.variant_line
            + names.response_lines(headers),
        )

    def part(self, data: bytes) -> None:
        if not self._streaming:
            super().part(data)
            return
        for start in range(0, len(data), event_stream.MOST_PAYLOAD):
            self._client.send_piece(event_stream.payload_part(data[start : start + event_stream.MOST_PAYLOAD]))
        if not self._client.writable and self._call is not None:
            self._paused = True
            self._call.pause()  # the container is held back as the client is slow

    def ended(self) -> None:
        if not self._streaming:
            super().ended()
            return
        self._let_go()
        self.finish(self._status)
        self._client.end_stream()

    def failed(self, reason: str) -> None:
        if not self._streaming:
            super().failed(reason)
            return
        self._let_go()
        self._end_with("ModelStreamError", {"Message": _BROKEN, "ErrorCode": "StreamBroken"})

    # What the client's connection calls

    def client_reads_again(self) -> None:
        if self._paused and self._call is not None:
            self._paused = False
            self._call.resume()

    def client_gone(self) -> None:
        if self._give_up():
            self.finish(499)

    def break_off(self) -> None:
        if not self._streaming:
            super().break_off()
        elif self._give_up():
            self._end_with("InternalStreamFailure", {"Message": "The local gateway has ended."})

    def _late(self) -> None:
        if not self._streaming or self._call is None:
            super()._late()
            return
        self._give_up()
        self._end_with("ModelStreamError", {"Message": _TOO_LONG, "ErrorCode": "ModelInvocationTimeExceeded"})

    def _end_with(self, name: str, members: dict[str, str]) -> None:
        self.finish(0)
        self._client.send_piece(event_stream.exception(name, members))
        self._client.end_stream()
