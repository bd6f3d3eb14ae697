"""What the gateway says about itself: ``GET /-/status``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cdk_modelbuilder.local.gateway.async_queue import AsyncQueue
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.one_copy import Copy
from cdk_modelbuilder.local.gateway.served import Served, ServedEndpoint

Memory = Callable[[], int | None]


def status(
    hosted: Hosted, endpoints: Mapping[str, ServedEndpoint], queues: Mapping[str, AsyncQueue]
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Memory]]]:
    """Plain data, and what is still to be filled in: each copy's ``memory_bytes``, which takes a while to find out."""
    unknown: list[tuple[dict[str, Any], Memory]] = []
    data = {
        "account": hosted.account,
        "region": hosted.region,
        "warnings": list(hosted.warnings),
        "endpoints": [_endpoint(endpoint, queues.get(name), unknown) for name, endpoint in endpoints.items()],
    }
    return data, unknown


def _endpoint(
    endpoint: ServedEndpoint, queue: AsyncQueue | None, unknown: list[tuple[dict[str, Any], Memory]]
) -> dict[str, Any]:
    hosted = endpoint.hosted
    return {
        "name": hosted.name,
        "status": endpoint.status,
        "failure": endpoint.failure,
        "asynchronous": hosted.asynchronous is not None,
        "queued": None if queue is None else queue.waiting,
        "variants": [
            {
                "name": one.name,
                "weight": one.weight,
                "routing": one.routing,
                "serverless_concurrency": one.serverless_concurrency,
                **_served(endpoint.variants.get(one.name), unknown),
            }
            for one in hosted.variants
        ],
        "components": [
            {
                "name": one.name,
                "variant": one.variant,
                "base": one.base,
                # An adapter has no copies of its own: those of its base answer.
                **_served(None if one.base else endpoint.components.get(one.name), unknown),
            }
            for one in hosted.components
        ],
    }


def _served(served: Served | None, unknown: list[tuple[dict[str, Any], Memory]]) -> dict[str, Any]:
    if served is None:
        return {"copies": []}
    return {
        "model": served.model.name,
        "outstanding": served.outstanding,
        **served.counters.to_json(),
        "copies": [
            _copy(copy, copies.bundle.root_sha256, unknown) for copies in served.copy_sets for copy in copies.copies
        ],
    }


def _copy(copy: Copy, root_sha256: str, unknown: list[tuple[dict[str, Any], Memory]]) -> dict[str, Any]:
    running = copy.running
    data = {
        "name": copy.label,
        "state": copy.state,
        "reason": copy.reason,
        "outstanding": copy.outstanding,
        "restarts": copy.restarts,
        "root_sha256": root_sha256,
        "identity": None if running is None else running.identity,
        "url": None if running is None else running.url,
        "memory_bytes": None,
    }
    if running is not None:
        unknown.append((data, running.memory_bytes))
    return data
