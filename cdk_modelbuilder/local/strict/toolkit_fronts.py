"""What stands between a client and a toolkit's hooks: Multi Model Server and TorchServe, or gunicorn.

Sources: awslabs/multi-model-server and pytorch/serve (``frontend``), sagemaker-containers 2.8.6 (``_server.py``,
``_worker.py``); measured on all three.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from cdk_modelbuilder.local.strict.exchange import Asked, Reply
from cdk_modelbuilder.local.strict.pages import model_server_error, werkzeug_page
from cdk_modelbuilder.local.strict.toolkit import Toolkit

_HEALTHY = Reply(200, b'{\n  "status": "Healthy"\n}\n', "application/json")
_UNFOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try "
    "again."
)


class _Front:
    """A worker has one request at a time."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="worker")

    def load(self) -> None:
        self._toolkit.load()

    def too_large(self) -> Reply:
        return Reply(413, b"", None)

    async def _invoke(self, asked: Asked) -> Reply:
        kind, accept = asked.headers.get("content-type"), asked.headers.get("accept")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._toolkit.answer, asked.body, kind, accept)


class ModelServerFront(_Front):
    """Java, with workers of its own: it answers ``/ping`` beside them, and whether or not there is a model.

    Args:
        toolkit: The hooks.
        max_payload_bytes: Largest request, and largest answer.
    """

    loads_first = False

    def __init__(self, toolkit: Toolkit, max_payload_bytes: int) -> None:
        super().__init__(toolkit)
        self.max_request_bytes = max_payload_bytes

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request; the method matters nowhere."""
        if asked.path == "/ping":
            return _HEALTHY
        if asked.path == "/invocations":
            reply = await self._invoke(asked)
            return worker_died() if len(reply.body) > self.max_request_bytes else reply
        if asked.path == "/":
            return model_server_error(
                405, "MethodNotAllowedException", "Requested method is not allowed, please refer to API document."
            )
        return model_server_error(
            404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document."
        )


class GunicornFront(_Front):
    """gunicorn with Flask: a health check waits for the model, and for the request that is running."""

    loads_first = True
    max_request_bytes = None

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request."""
        if asked.path not in ("/ping", "/invocations"):
            return werkzeug_page(404, "Not Found", _UNFOUND)
        if asked.method not in (("GET", "HEAD") if asked.path == "/ping" else ("POST",)):
            return werkzeug_page(405, "Method Not Allowed", "The method is not allowed for the requested URL.")
        if asked.path == "/ping":
            await asyncio.get_running_loop().run_in_executor(self._worker, self._toolkit.load)
            return Reply(200, b"", "application/json")
        return await self._invoke(asked)


def worker_died() -> Reply:
    """What comes of an answer that is too large for the way from the worker to the server."""
    return model_server_error(500, "InternalServerException", "Worker died.")
