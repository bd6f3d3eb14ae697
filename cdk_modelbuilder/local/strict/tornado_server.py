"""The SageMaker Distribution's inference server: tornado, which calls the bundle's handler in a thread.

Source: aws/sagemaker-distribution, ``template/v4/v4.5/dirs/etc/sagemaker-inference-server/tornado_server``
(``server.py``, ``sync_handler.py``); tornadoweb/tornado 6.5, ``tornado/web.py``; measured on both.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cdk_modelbuilder.local.strict.exchange import Asked, Reply
from cdk_modelbuilder.local.strict.pages import tornado_page
from cdk_modelbuilder.local.strict.stand_in_modules import import_file

_METHODS = {"/ping": "GET", "/invocations": "POST"}


class TornadoServer:
    """A handler is told the request, and cannot say what its answer is: to tornado all bytes are a page.

    Args:
        model_dir: The verified model folder.
    """

    loads_first = True
    max_request_bytes = 100 << 20

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir
        self._handler: Callable[[Asked], Any] | None = None

    def load(self) -> None:
        """Import the module that SAGEMAKER_INFERENCE_CODE names, which loads the model; else the container ends."""
        module, name = os.environ["SAGEMAKER_INFERENCE_CODE"].split(".")
        self._handler = getattr(import_file(self._model_dir, f"code/{module}.py", {}), name)

    def too_large(self) -> Reply:
        """A line, and the end of the connection."""
        return Reply(400, b"", None)

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request."""
        if asked.path not in _METHODS:
            return tornado_page(404, "Not Found")
        if asked.method != _METHODS[asked.path]:
            return tornado_page(405, "Method Not Allowed")
        if asked.path == "/ping":
            return tornado_page(200, "")
        if _is_broken_form(asked):
            return tornado_page(400, "Bad Request")
        assert self._handler is not None
        try:
            found = await asyncio.to_thread(self._handler, asked)
            return Reply(200, found.encode() if isinstance(found, str) else bytes(found), "text/html; charset=UTF-8")
        except Exception:  # noqa: BLE001 - the boundary between the user's code and the client
            traceback.print_exc()
            return tornado_page(500, "Internal Server Error")


def _is_broken_form(asked: Asked) -> bool:
    """Whether the body says that it is a form and is none, which tornado finds out before it calls anything."""
    kind = asked.headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return False
    boundary = kind.partition("boundary=")[2].partition(";")[0].strip('" ')
    return not boundary or f"--{boundary}--".encode() not in asked.body
