"""A client's connection: the project's own server's, with every header that the API knows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from cdk_modelbuilder.local.gateway.api_error import ApiError
from cdk_modelbuilder.serving.connection import Connection
from cdk_modelbuilder.serving.exchange import Body, Exchange
from cdk_modelbuilder.serving.response_head import response_head

_CREDENTIALS = frozenset((b"authorization", b"x-amz-security-token", b"cookie"))
"""Never kept: what is not there cannot be logged."""
_LISTS = frozenset((b"accept", b"content-encoding", b"transfer-encoding"))


class GatewayExchange(Exchange):
    """A request of the API and the way to answer it."""

    __slots__ = ()

    def answer(self, status: int, body: Body, content_type: bytes, headers: bytes = b"") -> None:
        """Send a whole response; ``headers`` are further lines."""
        self.respond(status, body, content_type.decode("latin-1"), headers)

    def fail(self, error: ApiError) -> None:
        """Send an error."""
        self.respond(error.status, error.body, "application/json", error.headers)

    def begin_stream(self, content_type: str, headers: bytes) -> None:
        """Send the head of a response that comes in pieces, with further lines."""
        head = response_head(200, content_type, headers)
        if self.gone:
            return
        if self.is_first_version:
            self.keep_alive = False
        else:
            head += b"transfer-encoding: chunked\r\n"
        self._connection.write(b"%s%s\r\n" % (head, self._about_the_connection()))


class GatewayConnection(Connection):
    """One client's connection."""

    def __init__(self, app: Any, connections: set[Connection]) -> None:
        # uvicorn's configuration and state, of which the class uses these two.
        config, state = SimpleNamespace(loaded_app=app), SimpleNamespace(connections=connections)
        super().__init__(cast("Any", config), cast("Any", state), {})

    def on_message_begin(self) -> None:
        self._receiving = GatewayExchange(self)
        self._head_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        exchange = self._receiving
        if exchange is None or exchange.started:
            return
        name = name.lower()
        if name in _LISTS and name in exchange.headers:
            value = exchange.headers[name] + b", " + value
        if name not in _CREDENTIALS:
            exchange.headers[name] = value
