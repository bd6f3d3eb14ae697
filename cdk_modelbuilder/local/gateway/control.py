"""The gateway's own routes below ``/-/``, and pages that its user adds.

docs/local-gateway.md describes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.gateway.api_error import ApiError
from cdk_modelbuilder.local.gateway.async_queue import AsyncQueue
from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.logs import Logs
from cdk_modelbuilder.local.gateway.served import Served, ServedEndpoint
from cdk_modelbuilder.local.gateway.status import status

_NOT_KEPT = b"cache-control: no-store\r\n"


@dataclass(frozen=True, slots=True)
class Page:
    """What a path of its own answers to GET.

    Attributes:
        content_type: Its type.
        content: Its bytes.
        headers: Further headers.
    """

    content_type: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


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
        }

    def _status(self, exchange: GatewayExchange) -> None:
        data, unknown = status(self._hosted, self._endpoints, self._queues)

        def fill_in() -> bytes:
            for copy, memory in unknown:
                copy["memory_bytes"] = memory()
            return json.dumps(data).encode()

        def send(found: asyncio.Future[bytes]) -> None:
            if found.cancelled() or found.exception() is not None:
                exchange.fail(ApiError(500, "InternalFailure", "the copies' memory could not be found out."))
            else:
                exchange.answer(200, found.result(), b"application/json", _NOT_KEPT)

        asyncio.get_running_loop().run_in_executor(self._executor, fill_in).add_done_callback(send)

    def _schema(self, exchange: GatewayExchange) -> None:
        """``GET /-/schema?endpoint=NAME``: what each container takes and gives, and what it was verified against."""
        query = parse_qs(exchange.url.partition(b"?")[2].decode("latin-1"))
        name = query.get("endpoint", [""])[0]
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            exchange.fail(ApiError(404, "ValidationError", f"There is no endpoint {name!r}."))
            return
        data = {
            "endpoint": name,
            "variants": {one: _containers(served) for one, served in endpoint.variants.items()},
            "components": {one: _containers(served) for one, served in endpoint.components.items()},
        }
        exchange.answer(200, json.dumps(data).encode(), b"application/json", _NOT_KEPT)


def _containers(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for container in served.model.containers:
        bundles: Mapping[str, ModelBundle] = container.models
        if container.bundle is not None:
            bundles = {"": container.bundle}
        found += [_bundle(container.name, target, bundle) for target, bundle in bundles.items()]
    return found


def _bundle(container: str, target: str, bundle: ModelBundle) -> dict[str, Any]:
    return {
        "container": container,
        "target_model": target or None,
        "bundle": bundle.name,
        "root_sha256": bundle.root_sha256,
        "key_id": bundle.key_id,
        "public_key_id": bundle.public_key_id,
        "files": len(bundle.manifest.files),
        "schema": bundle.schema,
    }


def _sender(page: Page) -> Callable[[GatewayExchange], None]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in page.headers).encode("latin-1")
    content_type = page.content_type.encode("latin-1")

    def send(exchange: GatewayExchange) -> None:
        exchange.answer(200, page.content, content_type, lines)

    return send
