"""The HTTP side of strict mode, which is the same for all: bodies are read, and the rules asked for the answer."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cdk_modelbuilder.local.strict.exchange import Asked, Headers, Reply, Rules

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class StrictApp:
    """An ASGI application that answers by the rules of one family."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            reply = await self._reply(scope, receive)
            headers = [(b"content-length", b"%d" % len(reply.body))]
            if reply.content_type is not None:
                headers.append((b"content-type", reply.content_type.encode("latin-1")))
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            body = b"" if scope["method"] == "HEAD" else reply.body
            await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        thread = ThreadPoolExecutor(1, thread_name_prefix="loading")
        loading = asyncio.get_running_loop().run_in_executor(thread, self._rules.load)
        if self._rules.loads_first:
            try:
                await loading
            except Exception as error:  # noqa: BLE001 - whatever it is ends the worker, as it ends the container's
                traceback.print_exc()
                reason = f"the model did not load: {type(error).__name__}: {error}"
                await send({"type": "lifespan.startup.failed", "message": reason})
                return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        with suppress(Exception):  # the first request was told, and each one after it
            await loading
        thread.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        body = await self._body(scope, receive)
        if body is None:
            return self._rules.too_large()
        headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        return await self._rules.answer(Asked(scope["method"], scope["path"], headers, body))

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The request's body; None where it is too large, and read no further then."""
        limit = self._rules.max_request_bytes
        stated = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
        if limit is not None and stated > limit:
            return None
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if limit is not None and size > limit:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)
