"""The Python service before TensorFlow Serving, behind nginx: it calls ``handler`` of the bundle's ``inference.py``.

Source: aws/deep-learning-containers, ``scripts/docker/tensorflow/inference/sagemaker`` (``python_service.py``,
``tfs_utils.py``, ``serve.py``, ``nginx.conf.template``); falconry/falcon 3.1 (its errors); measured on these.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cdk_modelbuilder.local.strict.exchange import Asked, Reply
from cdk_modelbuilder.local.strict.pages import falcon_error, nginx_page
from cdk_modelbuilder.local.strict.tfs_rest import TensorFlowRest

_JSON = "application/json"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_METHODS = ("predict", "classify", "regress")
_PASSED_ON = ("/ping", "/invocations", "/models")


class Context(NamedTuple):
    """What a handler is told of its request."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str
    channel: None
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int | None
    timeout: int


class TensorFlowService:
    """The handler, and the model behind it.

    Args:
        model_dir: The verified model folder.
    """

    loads_first = True
    max_request_bytes = None

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir
        self._name = os.environ["SAGEMAKER_TFS_DEFAULT_MODEL_NAME"]
        self._timeout = int(os.environ.get("SAGEMAKER_TFS_WAIT_TIME_SECONDS", "60"))
        gunicorn = int(os.environ.get("SAGEMAKER_GUNICORN_TIMEOUT_SECONDS", "30"))
        self._seconds = max(gunicorn, int(os.environ.get("SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS", "60")))
        self._port = 0
        self._handler: Callable[[Any, Context], tuple[Any, str]] | None = None

    def load(self) -> None:
        """Load the model, then import the handler; where one fails, the container ends."""
        self._port = TensorFlowRest(self._model_dir / self._name / "1").port
        os.environ["TFS_REST_PORTS"] = str(self._port)
        sys.path.insert(0, str(self._model_dir / "code"))
        self._handler = importlib.import_module("inference").handler

    def too_large(self) -> Reply:
        raise NotImplementedError("no body is too large")

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request."""
        if not asked.path.startswith(_PASSED_ON):
            return Reply(404, b'{"error": "Not Found"}', _JSON)
        accept = asked.headers.get("accept", "*/*")
        if asked.path not in ("/ping", "/invocations"):
            return falcon_error(404, "Not Found", accept)
        if asked.path == "/ping" or asked.method != "POST":
            return _without_handler(asked, accept)
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._invoked, asked), self._seconds)
        except TimeoutError:
            return nginx_page(504, "Gateway Time-out")

    def _invoked(self, asked: Asked) -> Reply:
        try:
            context = self._context(asked)
        except ValueError as error:
            return Reply(400, json.dumps({"error": str(error)}).encode(), _JSON)
        assert self._handler is not None
        try:
            body, kind = self._handler(io.BytesIO(asked.body), context)
        except Exception as error:  # noqa: BLE001 - the boundary between the user's code and the client
            traceback.print_exc()
            return Reply(500, json.dumps({"error": str(error)}).encode(), _JSON)
        return Reply(200, body.encode() if isinstance(body, str) else bytes(body), kind)

    def _context(self, asked: Asked) -> Context:
        """Raises ValueError: a custom attribute that the service refuses."""
        attributes = asked.headers.get(_ATTRIBUTES)
        found = dict(pair.split("=", 1) for pair in re.findall(r"(tfs-[a-z\-]+=[^,]+)", attributes or ""))
        name, version = found.get("tfs-model-name"), found.get("tfs-model-version")
        method = found.get("tfs-method")
        if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", name):
            raise ValueError("invalid tfs-model-name")
        if version is not None and not re.match(r"^\d+$", version):
            raise ValueError("invalid tfs-model-version: must be a positive integer")
        if method not in (None, *_METHODS):
            raise ValueError("invalid tfs-method: must be one of predict|classify|regress")
        place = f"/versions/{version}" if version else ""
        length = asked.headers.get("content-length")
        return Context(
            model_name=name,
            model_version=version,
            method=method,
            rest_uri=f"http://localhost:{self._port}/v1/models/{name or self._name}{place}:{method or 'predict'}",
            grpc_port="",
            channel=None,
            custom_attributes=attributes,
            request_content_type=asked.headers.get("content-type") or _JSON,
            accept_header=asked.headers.get("accept") or _JSON,
            content_length=None if length is None else int(length),
            timeout=self._timeout,
        )


def _without_handler(asked: Asked, accept: str) -> Reply:
    """Health checks, and what the resource for several models makes of requests when there is one."""
    if asked.method in ("GET", "OPTIONS"):
        lists_models = asked.path == "/invocations" and asked.method == "GET"
        return Reply(200, b"{}" if lists_models else b"", _JSON)
    if asked.path == "/invocations" and asked.method == "DELETE":
        return falcon_error(500, "Internal Server Error", accept)
    return falcon_error(405, "Method Not Allowed", accept)
