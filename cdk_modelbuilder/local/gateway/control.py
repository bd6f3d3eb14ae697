"""The gateway's own routes below ``/-/``, and pages that its user adds.

docs/local-gateway.md describes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any
from urllib.parse import parse_qs

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.console.description import describe
from cdk_modelbuilder.local.gateway.api_error import ApiError
from cdk_modelbuilder.local.gateway.async_queue import AsyncQueue
from cdk_modelbuilder.local.gateway.async_request import INLINE_BYTES
from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.logs import Logs
from cdk_modelbuilder.local.gateway.served import REAL_TIME_BYTES, SERVERLESS_BYTES, Served, ServedEndpoint
from cdk_modelbuilder.local.gateway.status import status
from cdk_modelbuilder.local.page import Page

_NOT_KEPT = b"cache-control: no-store\r\n"


class Control:
    """For the event loop's thread.

    Args:
        hosted: What is hosted.
        endpoints: The endpoints that are not deleted.
        queues: The queues of asynchronous ones.
        logs: The copies' logs.
        executor: Finds out what takes a while.
    """

    def __init__(
        self,
        hosted: Hosted,
        endpoints: Mapping[str, ServedEndpoint],
        queues: Mapping[str, AsyncQueue],
        logs: Logs,
        executor: Executor,
    ) -> None:
        self._hosted = hosted
        self._endpoints = endpoints
        self._queues = queues
        self._logs = logs
        self._executor = executor

    def routes(self, pages: Mapping[str, Page]) -> dict[bytes, Callable[[GatewayExchange], None]]:
        """Method, space and path -> who answers."""
        return {
            **{f"GET {path}".encode(): _sender(page) for path, page in pages.items()},
            b"GET /-/status": self._status,
            b"GET /-/schema": self._schema,
            b"GET /-/logs": self._logs.handle,
            b"GET /-/async": self._async,
        }

    def _status(self, exchange: GatewayExchange) -> None:
        data, unknown = status(self._hosted, self._endpoints, self._queues)

        def fill_in() -> dict[str, Any]:
            for copy, memory in unknown:
                copy["memory_bytes"] = memory()
            return data

        self._answer_with(exchange, fill_in)

    def _answer_with(self, exchange: GatewayExchange, find_out: Callable[[], dict[str, Any]]) -> None:
        """Answer with what ``find_out`` returns; it is called in another thread."""

        def send(found: asyncio.Future[bytes]) -> None:
            if found.cancelled() or found.exception() is not None:
                said = "the gateway ends" if found.cancelled() else repr(found.exception())
                exchange.fail(ApiError(500, "InternalFailure", f"this could not be found out: {said}."))
            else:
                exchange.answer(200, found.result(), b"application/json", _NOT_KEPT)

        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._executor, lambda: json.dumps(find_out()).encode()).add_done_callback(send)

    def _async(self, exchange: GatewayExchange) -> None:
        """``GET /-/async?endpoint=NAME&id=ID``: the answer of an asynchronous request, once it is there.

        It is sent as bytes to be saved: what a model calls a web page must not be one of the gateway's.
        """
        query = parse_qs(exchange.url.partition(b"?")[2].decode("latin-1"))
        name, number = (query.get(key, [""])[0] for key in ("endpoint", "id"))
        queue = self._queues.get(name) if name in self._endpoints else None
        fate = None if queue is None else queue.answers.find(number)
        if queue is None or fate is None:
            what = f"asynchronous endpoint {name!r}" if queue is None else f"request {number!r} of {name} that is known"
            exchange.fail(ApiError(404, "ValidationError", f"There is no {what}."))
        elif fate.failure is not None:
            exchange.fail(ApiError(424, "AsynchronousRequestFailed", fate.failure))
        elif fate.content_type is None:
            exchange.answer(202, b'{"state": "waiting"}', b"application/json", _NOT_KEPT)
        else:
            self._send_stored(exchange, queue, fate.output, fate.content_type)

    def _send_stored(self, exchange: GatewayExchange, queue: AsyncQueue, place: str, content_type: str) -> None:
        lines = f"X-Amzn-SageMaker-Content-Type: {content_type}\r\nX-Amzn-SageMaker-OutputLocation: {place}\r\n"

        def send(found: asyncio.Future[bytes]) -> None:
            if found.cancelled() or found.exception() is not None:
                said = "the gateway ends" if found.cancelled() else str(found.exception())
                exchange.fail(ApiError(404, "ValidationError", f"The answer is not there any more: {said}"))
            else:
                headers = lines.encode("latin-1") + b"content-disposition: attachment\r\n" + _NOT_KEPT
                exchange.answer(200, found.result(), b"application/octet-stream", headers)

        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._executor, queue.read, place).add_done_callback(send)

    def _schema(self, exchange: GatewayExchange) -> None:
        """``GET /-/schema?endpoint=NAME``: what each container takes and gives, and what it was verified against."""
        query = parse_qs(exchange.url.partition(b"?")[2].decode("latin-1"))
        name = query.get("endpoint", [""])[0]
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            exchange.fail(ApiError(404, "ValidationError", f"There is no endpoint {name!r}."))
            return
        variants, components = dict(endpoint.variants), dict(endpoint.components)
        most = REAL_TIME_BYTES if endpoint.hosted.asynchronous is None else INLINE_BYTES

        def find_out() -> dict[str, Any]:
            return {
                "endpoint": name,
                "variants": {one: _containers(served, most) for one, served in variants.items()},
                "components": {one: _containers(served, most) for one, served in components.items()},
            }

        self._answer_with(exchange, find_out)


def _containers(served: Served, most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    limit = most if served.concurrency is None else SERVERLESS_BYTES
    for container in served.model.containers:
        bundles: Mapping[str, ModelBundle] = container.models
        if container.bundle is not None:
            bundles = {"": container.bundle}
        found += [
            {
                "container": container.name,
                "direct": served.model.direct,
                "target_model": target or None,
                **_bundle(bundle),
                "max_payload_bytes": min(limit, bundle.container.max_payload_bytes),
            }
            for target, bundle in bundles.items()
        ]
    return found


def _bundle(bundle: ModelBundle) -> dict[str, Any]:
    return {
        "bundle": bundle.name,
        "root_sha256": bundle.root_sha256,
        "key_id": bundle.key_id,
        "public_key_id": bundle.public_key_id,
        "files": len(bundle.manifest.files),
        "schema": bundle.schema,
        **describe(bundle),
    }


def _sender(page: Page) -> Callable[[GatewayExchange], None]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in page.headers).encode("latin-1")
    content_type = page.content_type.encode("latin-1")

    def send(exchange: GatewayExchange) -> None:
        exchange.answer(200, page.content, content_type, lines)

    return send
