"""The gateway's routes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway import guard
from cdk_modelbuilder.local.gateway.api_error import ApiError, too_large, unavailable, validation_error
from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.invocation import Invocation
from cdk_modelbuilder.local.gateway.routing import choose
from cdk_modelbuilder.local.gateway.served import REAL_TIME_BYTES, ServedEndpoint
from cdk_modelbuilder.serving.backlog import Backlog

if TYPE_CHECKING:
    import asyncio

Handler = Callable[[GatewayExchange], None]
INVOKE_SECONDS = 60
STREAM_SECONDS = 8 * 60
_WAITING_BODIES = 32


class Front:
    """Answers requests; for the event loop's thread.

    Args:
        loop: The event loop.
        hosted: What is hosted.
        endpoints: The endpoints by name; it changes as they are deleted.
        choice: Random numbers for variants.
        routes: Path -> who answers, for what is not of SageMaker's API.

    Attributes:
        max_payload_bytes: Largest body.
        backlog: What is held in memory.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hosted: Hosted,
        endpoints: Mapping[str, ServedEndpoint],
        choice: random.Random,
        routes: Mapping[bytes, Handler],
    ) -> None:
        self.max_payload_bytes = REAL_TIME_BYTES
        self.backlog = Backlog(REAL_TIME_BYTES, _WAITING_BODIES)
        self._loop = loop
        self._hosted = hosted
        self._endpoints = endpoints
        self._choice = choice
        self._routes = routes
        self._operations: dict[bytes, Callable[[GatewayExchange, ServedEndpoint], None]] = {
            b"invocations": self._invoke,
        }

    def handle(self, exchange: GatewayExchange) -> None:
        """Answer a request, now or later."""
        refused = guard.refusal(exchange.headers)
        if refused is not None:
            exchange.fail(refused)
            return
        path = exchange.url.partition(b"?")[0]
        parts = path.split(b"/")
        if len(parts) == 4 and parts[1] == b"endpoints" and parts[3] in self._operations:
            self._operate(exchange, parts[2].decode("latin-1"), parts[3])
        elif path in self._routes:
            self._routes[path](exchange)
        else:
            exchange.fail(
                ApiError(404, "UnknownOperationException", f"{path.decode('latin-1')} is none of the routes.")
            )

    def _operate(self, exchange: GatewayExchange, name: str, operation: bytes) -> None:
        if exchange.method != b"POST":
            exchange.fail(ApiError(405, "UnknownOperationException", "use POST."))
            return
        if exchange.refusal is not None:
            exchange.fail(self._worded(exchange.refusal.status, exchange.refusal.message))
            return
        endpoint = self._endpoints.get(name)
        if endpoint is None or endpoint.status == "Creating":
            exchange.fail(validation_error(f"Endpoint {name} of account {self._hosted.account} not found."))
            return
        self._operations[operation](exchange, endpoint)

    def _worded(self, status: int, message: str) -> ApiError:
        if status == 413:
            return too_large(self.max_payload_bytes)
        if status == 503:
            return unavailable(message)
        return ApiError(status, "ValidationError", message)

    def _invoke(self, exchange: GatewayExchange, endpoint: ServedEndpoint) -> None:
        target = choose(endpoint, exchange.headers, exchange.size, self._choice)
        if isinstance(target, ApiError):
            exchange.fail(target)
        else:
            Invocation(self._loop, exchange, target, endpoint.sessions, INVOKE_SECONDS).begin()
