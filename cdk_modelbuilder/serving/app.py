"""The SageMaker hosting contract as an ASGI application: GET /ping and POST /invocations.

Source of the contract: the AWS guide's page "Custom Inference Code with Hosting Services". Written on bare ASGI: two
routes need no framework, and one costs a quarter of the throughput (benchmarks/).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from cdk_modelbuilder.serving.log import log
from cdk_modelbuilder.serving.model_state import ModelState

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLargeError(Exception):
    """The request's body is over the limit."""


class InferenceApp:
    """One worker's application.

    Args:
        model_dir: A bundle's ``model/`` folder.
        max_payload_bytes: Largest request body.
        threads: Requests handled at a time.
        stuck_after: See :class:`~cdk_modelbuilder.serving.model_state.ModelState`.
    """

    def __init__(self, model_dir: Path, *, max_payload_bytes: int, threads: int, stuck_after: float) -> None:
        self._state = ModelState(model_dir, threads=threads, stuck_after=stuck_after)
        self._limit = max_payload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event of the HTTP server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._route(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        # Not awaited: /ping answers 503 while a large model loads, instead of hanging until SageMaker gives up.
        self._state.start_loading()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if not self._state.loaded:  # loading cannot be interrupted, and there is no request to wait for
            log("stopped while loading")
            os._exit(0)
        self._state.pool.shutdown(wait=False, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/ping":
            if method not in ("GET", "HEAD"):
                await _refuse(send, 405, "use GET.", allow="GET, HEAD")
            else:
                await _respond(send, 200 if self._state.healthy else 503, b"\n", "text/plain")
        elif path == "/invocations":
            if method != "POST":
                await _refuse(send, 405, "use POST.", allow="POST")
            else:
                await self._invoke(scope, receive, send)
        else:
            await _refuse(send, 404, "there are GET /ping and POST /invocations.")

    async def _invoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request_id = headers.get(b"x-amzn-sagemaker-inference-id") or uuid.uuid4().hex
        content_type, accept = headers.get(b"content-type", ""), headers.get(b"accept", "*/*")
        body = b""
        reason: dict[str, Any] = {}
        try:
            body = await self._read(headers, receive)
            loop = asyncio.get_running_loop()
            answer, answer_type = await loop.run_in_executor(
                self._state.pool, self._state.answer, body, content_type, accept
            )
            status = 200
        except TooLargeError as error:
            status, answer, answer_type = _error(413, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary between the user's code and the client
            status, answer, answer_type = self._failed(error, request_id)
            reason = {"error": f"{type(error).__name__}: {error}"}
        await _respond(send, status, answer, answer_type)
        log(
            "invocation",
            level=logging.INFO if status < 500 else logging.ERROR,
            status=status,
            latency_ms=round((time.perf_counter() - start) * 1000, 3),
            bytes_in=len(body),
            bytes_out=len(answer),
            content_type=content_type,
            request_id=request_id,
            **reason,
        )

    async def _read(self, headers: dict[bytes, str], receive: Receive) -> bytes:
        announced = headers.get(b"content-length", "0")
        refusal = f"the body is larger than the limit of {self._limit} bytes."
        if announced.isdigit() and int(announced) > self._limit:
            raise TooLargeError(refusal)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise TooLargeError(refusal)
            parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _failed(self, error: Exception, request_id: str) -> tuple[int, bytes, str]:
        status = getattr(error, "http_status", None)
        if isinstance(status, int):  # the request's fault, in words made for the client
            return _error(status, str(error))
        log("model error", level=logging.ERROR, exc_info=True, request_id=request_id)
        return _error(500, f"the model failed on this request; the log has the reason under {request_id}.")


def _error(status: int, message: str) -> tuple[int, bytes, str]:
    return status, json.dumps({"code": status, "message": message}).encode() + b"\n", "application/json"


async def _refuse(send: Send, status: int, message: str, allow: str | None = None) -> None:
    status, body, content_type = _error(status, message)
    await _respond(send, status, body, content_type, [(b"allow", allow.encode())] if allow else [])


async def _respond(
    send: Send, status: int, body: bytes, content_type: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    basic = [(b"content-type", content_type.encode("latin-1")), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*basic, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
