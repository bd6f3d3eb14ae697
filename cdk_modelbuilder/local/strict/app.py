"""The routes in front of the hooks, as Multi Model Server, TorchServe and gunicorn have them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cdk_modelbuilder.local.strict.families import Family
from cdk_modelbuilder.local.strict.toolkit import Reply, Toolkit, html_page, model_server_error

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEALTHY = Reply(200, b'{\n  "status": "Healthy"\n}\n', "application/json")


class StrictApp:
    """An ASGI application with the routes of one family.

    Args:
        family: The rules.
        toolkit: The hooks.
        max_payload_bytes: Largest request, where the family has a limit.
    """

    def __init__(self, family: Family, toolkit: Toolkit, *, max_payload_bytes: int) -> None:
        self._family = family
        self._toolkit = toolkit
        self._limit = max_payload_bytes if family.limits_bodies else None
        # A worker has one request at a time, and the model server answers /ping beside it.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="worker")

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
        loading = asyncio.get_running_loop().run_in_executor(self._worker, self._toolkit.load)
        if not self._family.pings_before_loading:
            await loading  # what it raises ends the worker, as it ends gunicorn's
        await send({"type": "lifespan.startup.complete"})
        await receive()
        with suppress(Exception):  # the first request was told, and each one after it
            await loading
        self._worker.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        body = await self._body(scope, receive)
        if body is None:
            return Reply(413, b"", None)
        path, method = scope["path"], scope["method"]
        if self._family.front == "wsgi":
            return await self._from_wsgi(path, method, scope, body)
        if path == "/ping":
            return _HEALTHY
        if path == "/invocations":
            return await self._invoke(scope, body)
        if path == "/":
            return model_server_error(
                405, "MethodNotAllowedException", "Requested method is not allowed, please refer to API document."
            )
        return model_server_error(
            404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document."
        )

    async def _from_wsgi(self, path: str, method: str, scope: Scope, body: bytes) -> Reply:
        if path not in ("/ping", "/invocations"):
            text = "The requested URL was not found on the server. If you entered the URL manually please check your "
            return html_page(404, "Not Found", f"{text}spelling and try again.")
        if method not in (("GET", "HEAD") if path == "/ping" else ("POST",)):
            return html_page(405, "Method Not Allowed", "The method is not allowed for the requested URL.")
        if path == "/ping":
            # In the worker: while it predicts, gunicorn's does not answer a health check either.
            await asyncio.get_running_loop().run_in_executor(self._worker, self._toolkit.load)
            return Reply(200, b"", "application/json")
        return await self._invoke(scope, body)

    async def _invoke(self, scope: Scope, body: bytes) -> Reply:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        kind, accept = headers.get(b"content-type"), headers.get(b"accept")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._toolkit.answer, body, kind, accept)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The request's body; None where it is too large, and read no further then."""
        stated = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
        if self._limit is not None and stated > self._limit:
            return None
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if self._limit is not None and size > self._limit:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)
