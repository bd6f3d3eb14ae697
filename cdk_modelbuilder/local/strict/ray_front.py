"""Ray Serve behind the front of AWS's Ray containers.

Source: aws/deep-learning-containers, ``scripts/docker/ray/sagemaker_serve.py``; ray-project/ray 2.57,
``python/ray/serve/_private/proxy_router.py`` (health) and ``replica.py``; measured on both.
"""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from concurrent.futures import Future
from pathlib import Path

from cdk_modelbuilder.local.strict.exchange import Asked, Headers, Reply
from cdk_modelbuilder.local.strict.pages import fastapi_detail, labelled, starlette_failure
from cdk_modelbuilder.local.strict.ray_deployment import Passed, Replica, make_replica, reply_of

_JSON = "application/json"
_NOT_MADE = b"Deployment(name='Model', app='model') is unavailable because it failed to deploy."
_HEALTHY = Reply(200, b"", labelled("text/plain"))


class RayFront:
    """One replica, which gets some requests at once; the others wait, as all do until it is there.

    Ray is healthy on its head node as soon as it knows the route: before the model is loaded, and when that failed.

    Args:
        model_dir: The verified model folder.
    """

    loads_first = False
    max_request_bytes = None

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir
        self._made: Future[tuple[Replica, asyncio.Semaphore]] = Future()
        self._seconds = int(os.environ.get("RAYSERVE_BACKEND_TIMEOUT", "300"))

    def load(self) -> None:
        """Make the replica."""
        try:
            replica = make_replica(self._model_dir)
        except Exception as error:
            traceback.print_exc()
            self._made.set_exception(error)
            raise
        self._made.set_result((replica, asyncio.Semaphore(replica.at_once)))

    def too_large(self) -> Reply:
        raise NotImplementedError("no body is too large")

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request."""
        if asked.path not in ("/ping", "/invocations"):
            return fastapi_detail(404, "Not Found")
        if asked.method != ("GET" if asked.path == "/ping" else "POST"):
            return fastapi_detail(405, "Method Not Allowed")
        if asked.path == "/ping":
            return _HEALTHY
        passed = {name: value for name, value in asked.headers.items() if name.startswith("x-amzn-sagemaker-")}
        for name in ("content-type", "accept"):
            passed[name] = asked.headers.get(name, _JSON)
        called = self._called(Passed(Headers(passed.items()), asked.body))
        try:
            reply = await asyncio.wait_for(called, self._seconds)
        except TimeoutError:
            return Reply(504, json.dumps({"error": "Request timeout"}).encode(), _JSON)
        kind = reply.content_type
        return Reply(reply.status, reply.body, labelled(passed["accept"] if kind is None else kind))

    async def _called(self, passed: Passed) -> Reply:
        try:
            replica, places = await asyncio.shield(asyncio.wrap_future(self._made))
        except Exception:  # noqa: BLE001 - whatever the model raised was printed
            return Reply(503, _NOT_MADE, labelled("text/plain"))
        async with places:
            try:
                return reply_of(await replica.call(passed))
            except Exception:  # noqa: BLE001 - what the deployment did not catch
                traceback.print_exc()
                return starlette_failure()
