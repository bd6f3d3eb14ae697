"""The gateway's routes."""

from __future__ import annotations

import json
import random
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway import guard
from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError, too_large, unavailable, validation_error
from cdk_modelbuilder.local.gateway.async_queue import AsyncQueue
from cdk_modelbuilder.local.gateway.async_request import read_request
from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.constraints import violation
from cdk_modelbuilder.local.gateway.invocation import Invocation
from cdk_modelbuilder.local.gateway.routing import choose
from cdk_modelbuilder.local.gateway.served import REAL_TIME_BYTES, ServedEndpoint
from cdk_modelbuilder.local.gateway.stream_invocation import StreamInvocation
from cdk_modelbuilder.serving.backlog import Backlog

if TYPE_CHECKING:
    import asyncio

Handler = Callable[[GatewayExchange], None]
_WAITING_BODIES = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """How long answers may take, by default as long as SageMaker lets them.

    Source: the guide's pages "Custom Inference Code with Hosting Services" and "Asynchronous inference".

    Attributes:
        invoke_seconds: InvokeEndpoint, all containers of a series together.
        stream_seconds: InvokeEndpointWithResponseStream.
        async_seconds: InvokeEndpointAsync, where the request does not say.
        ttl_seconds: How long such a request may wait before, where it does not say.
        grace_seconds: How long what is at work is waited for when the gateway ends.
    """

    invoke_seconds: float = 60
    stream_seconds: float = 480
    async_seconds: float = 900
    ttl_seconds: float = 21600
    grace_seconds: float = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """What routes need to know.

    Attributes:
        account: The account that errors name.
        choice: Random numbers for variants.
        limits: How long answers may take.
    """

    account: str
    choice: random.Random
    limits: Limits


class Front:
    """Answers requests; for the event loop's thread.

    Args:
        loop: The event loop.
        endpoints: The endpoints by name; it changes as they are deleted.
        settings: The rest.
        routes: Method, space and path -> who answers, for what is not of SageMaker Runtime.
        queues: The queues of asynchronous endpoints.

    Attributes:
        max_payload_bytes: Largest body.
        backlog: What is held in memory.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoints: Mapping[str, ServedEndpoint],
        settings: Settings,
        *,
        routes: Mapping[bytes, Handler],
        queues: Mapping[str, AsyncQueue],
    ) -> None:
        self.max_payload_bytes = REAL_TIME_BYTES
        self.backlog = Backlog(REAL_TIME_BYTES, _WAITING_BODIES)
        self._loop = loop
        self._endpoints = endpoints
        self._settings = settings
        self._routes = routes
        self._queues = queues
        self._running: weakref.WeakSet[Invocation] = weakref.WeakSet()
        self._operations: dict[bytes, Callable[[GatewayExchange, ServedEndpoint], None]] = {
            b"invocations": self._invoke,
            b"invocations-response-stream": self._stream,
            b"async-invocations": self._put,
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
        elif exchange.refusal is not None:
            exchange.fail(self._worded(exchange.refusal.status, exchange.refusal.message))
        elif (route := self._routes.get(b"%s %s" % (exchange.method, path))) is not None:
            route(exchange)
        else:
            said = f"{exchange.method.decode()} {path.decode('latin-1')}"
            exchange.fail(ApiError(404, "UnknownOperationException", f"{said} is none of the gateway's routes."))

    def _operate(self, exchange: GatewayExchange, name: str, operation: bytes) -> None:
        if exchange.method != b"POST":
            exchange.fail(ApiError(405, "UnknownOperationException", "use POST."))
            return
        if exchange.refusal is not None:
            exchange.fail(self._worded(exchange.refusal.status, exchange.refusal.message))
            return
        endpoint = self._endpoints.get(name)
        if endpoint is None or not endpoint.open:
            exchange.fail(validation_error(f"Endpoint {name} of account {self._settings.account} not found."))
            return
        wrong = violation(exchange.headers)
        if wrong is not None:
            exchange.fail(wrong)
            return
        self._operations[operation](exchange, endpoint)

    def _worded(self, status: int, message: str) -> ApiError:
        if status == 413:
            return too_large(self.max_payload_bytes)
        if status == 503:
            return unavailable(message)
        return ApiError(status, "ValidationError", message)

    def _invoke(self, exchange: GatewayExchange, endpoint: ServedEndpoint) -> None:
        self._send(Invocation, exchange, endpoint, self._settings.limits.invoke_seconds)

    def _stream(self, exchange: GatewayExchange, endpoint: ServedEndpoint) -> None:
        if exchange.headers.get(names.SESSION) == b"NEW_SESSION":  # by the service model
            exchange.fail(validation_error("A session cannot be created by InvokeEndpointWithResponseStream."))
            return
        self._send(StreamInvocation, exchange, endpoint, self._settings.limits.stream_seconds)

    def _send(
        self,
        kind: type[Invocation | StreamInvocation],
        exchange: GatewayExchange,
        endpoint: ServedEndpoint,
        seconds: float,
    ) -> None:
        if endpoint.hosted.asynchronous is not None:
            exchange.fail(
                validation_error(f"Endpoint {endpoint.hosted.name} is asynchronous: use InvokeEndpointAsync.")
            )
            return
        target = choose(endpoint, exchange.headers, exchange.size, self._settings.choice)
        if isinstance(target, ApiError):
            exchange.fail(target)
            return
        asked = kind(self._loop, exchange, target, endpoint.sessions, seconds)
        self._running.add(asked)
        asked.begin()

    def break_off(self) -> None:
        """The gateway ends: whoever still waits for an answer is told."""
        for asked in list(self._running):
            asked.break_off()

    def _put(self, exchange: GatewayExchange, endpoint: ServedEndpoint) -> None:
        settings = endpoint.hosted.asynchronous
        if settings is None:
            exchange.fail(validation_error(f"Endpoint {endpoint.hosted.name} is not asynchronous: use InvokeEndpoint."))
            return
        limits = self._settings.limits
        asked = read_request(
            exchange.headers,
            exchange.body,
            settings,
            ttl=limits.ttl_seconds,
            timeout=limits.async_seconds,
            now=time.monotonic(),
        )
        if isinstance(asked, ApiError):
            exchange.fail(asked)
            return
        self._queues[endpoint.hosted.name].put(asked)
        lines = f"X-Amzn-SageMaker-OutputLocation: {asked.output}\r\n"
        if asked.failure is not None:
            lines += f"X-Amzn-SageMaker-FailureLocation: {asked.failure}\r\n"
        body = json.dumps({"InferenceId": asked.inference_id}).encode()
        exchange.answer(202, body, b"application/json", lines.encode("latin-1"))
