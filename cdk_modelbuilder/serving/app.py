"""The SageMaker hosting contract: GET /ping and POST /invocations; and a page to try it out.

Source of the contract: the AWS guide's page "Custom Inference Code with Hosting Services".
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import httptools

from cdk_modelbuilder.serving import documentation
from cdk_modelbuilder.serving.access_log import AccessLog
from cdk_modelbuilder.serving.backlog import MOST_WAITING, Backlog
from cdk_modelbuilder.serving.exchange import Exchange
from cdk_modelbuilder.serving.invocation import Invocation
from cdk_modelbuilder.serving.log import flush, log
from cdk_modelbuilder.serving.loop_mailbox import LoopMailbox
from cdk_modelbuilder.serving.model_state import ModelState
from cdk_modelbuilder.serving.model_threads import ModelThreads
from cdk_modelbuilder.serving.variables import Batching

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class InferenceApp:
    """One worker's routes, and the model behind them.

    Args:
        model_dir: A bundle's ``model/`` folder.
        max_payload_bytes: Largest request body.
        threads: Requests handled at a time.
        batching: Instead of what the model's code says about requests together.
        stuck_after: See :class:`~cdk_modelbuilder.serving.model_state.ModelState`.
    """

    def __init__(
        self, model_dir: Path, *, max_payload_bytes: int, threads: int, batching: Batching, stuck_after: float
    ) -> None:
        self.max_payload_bytes = max_payload_bytes
        self.backlog = Backlog(max_payload_bytes, threads)
        self._model_dir = model_dir
        self._thread_count = threads
        self._state = ModelState(model_dir, threads=threads, batching=batching, stuck_after=stuck_after)
        self._access_log: AccessLog
        self._threads: ModelThreads
        reading = (b"GET", b"HEAD")
        self._routes: dict[bytes, tuple[tuple[bytes, ...], Callable[[Exchange], None]]] = {
            b"/ping": (reading, self._ping),
            b"/invocations": ((b"POST",), self._invoke),
            b"/openapi.json": (reading, self._openapi),
            **{path: (reading, send) for path, send in documentation.page_routes().items()},
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Start and stop with the server; the requests come through :meth:`handle` and not through ASGI."""
        assert scope["type"] == "lifespan"
        await receive()
        loop = asyncio.get_running_loop()
        mailbox = LoopMailbox(loop)
        self._access_log = AccessLog(loop)
        self._threads = ModelThreads(self._state, mailbox, self._thread_count)
        # Not awaited: /ping answers 503 while a large model loads, instead of hanging until SageMaker gives up.
        self._threads.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if not self._state.loaded:  # loading cannot be interrupted, and there is no request to wait for
            log("stopped while loading")
            flush()
            os._exit(0)
        self._threads.stop()
        flush()
        await send({"type": "lifespan.shutdown.complete"})

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        route = self._routes.get(exchange.url) or self._routes.get(_path_of(exchange.url))
        if route is not None and exchange.method in route[0] and exchange.refusal is None:
            route[1](exchange)
        else:
            self._refuse(exchange, None if route is None else route[0])

    def _refuse(self, exchange: Exchange, methods: tuple[bytes, ...] | None) -> None:
        if exchange.refusal is not None:
            if methods is not None and exchange.method in methods == (b"POST",):
                Invocation(exchange, self._access_log).refuse(exchange.refusal)
            else:
                exchange.refuse(*exchange.refusal)
        elif methods is not None:
            allowed = b", ".join(methods)
            exchange.refuse(405, f"use {methods[0].decode()}.", b"allow: %s\r\n" % allowed)
        else:
            exchange.refuse(404, "there are GET /ping, POST /invocations, GET /openapi.json and GET /docs.")

    def _ping(self, exchange: Exchange) -> None:
        healthy = self._state.healthy and self._threads.alive
        exchange.respond(200 if healthy else 503, b"\n", "text/plain")

    def _invoke(self, exchange: Exchange) -> None:
        invocation = Invocation(exchange, self._access_log)
        if self._threads.waiting < MOST_WAITING:
            self._threads.submit(invocation)
        else:
            invocation.refuse(self.backlog.refusal)

    def _openapi(self, exchange: Exchange) -> None:
        if not self._state.loaded:
            exchange.refuse(503, "the model is still loading; nothing of its folder is shown before it is verified.")
            return
        documentation.send_openapi(exchange, self._model_dir)


def _path_of(url: bytes) -> bytes:
    try:
        return bytes(httptools.parse_url(url).path or b"")
    except httptools.HttpParserInvalidURLError:
        return b""
