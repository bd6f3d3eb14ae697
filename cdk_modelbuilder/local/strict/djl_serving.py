"""DJL Serving with its Python engine: a Java server, and a process that calls ``handle`` of the bundle's ``model.py``.

Source: deepjavalibrary/djl-serving 0.36, ``serving/src/main/java/ai/djl/serving/http`` (``InferenceRequestHandler``,
``RequestParser``), ``util/NettyUtils``, ``ServerInitializer``; ``engines/python`` (``Connection``, ``CodecUtils``,
``PyProcess``, ``djl_python/python_sync_engine.py``). The Python side was compared with the real one; the Java side
is from these files alone, as there is no package of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from cdk_modelbuilder.local.strict.djl_messages import Input, Output
from cdk_modelbuilder.local.strict.exchange import Asked, Headers, Reply
from cdk_modelbuilder.local.strict.pages import model_server_error
from cdk_modelbuilder.local.strict.stand_in_modules import import_file, module_of
from cdk_modelbuilder.schema.codecs.multipart import CONTENT_TYPE as FORM
from cdk_modelbuilder.schema.codecs.multipart import read_multipart
from cdk_modelbuilder.schema.codecs.payload_errors import CodecError

_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_ANSWER_LIMIT = 20 << 20
"""What the server reads from the engine at most, unless MAX_NETTY_BUFFER_SIZE says otherwise."""
_HEALTHY = Reply(200, b'{\n  "model": {\n    "status": "Healthy"\n  }\n}\n', "application/json")


class DjlServing:
    """One worker, which has one request at a time; the server listens when the model is loaded.

    Args:
        model_dir: The verified model folder.
    """

    loads_first = True

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir
        self._handle: Callable[[Input], Any] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self._seconds = int(os.environ.get("PREDICT_TIMEOUT", "240"))
        self.max_request_bytes: int = int(os.environ.get("SAGEMAKER_MAX_PAYLOAD_IN_MB", "64")) << 20

    def load(self) -> None:
        """Import ``model.py`` and call its handler with nothing, which loads the model; else the container ends."""
        modules = {"djl_python": module_of("djl_python", Input=Input, Output=Output)}
        handle = import_file(self._model_dir, "model.py", modules).handle
        handle(Input({"model_dir": str(self._model_dir)}, []))
        self._handle = handle

    def too_large(self) -> Reply:
        """Netty's."""
        return Reply(413, b"", None)

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request; of the method only OPTIONS matters."""
        where = asked.path.split("/")[1]
        if where == "ping":
            return _HEALTHY
        if where != "invocations":
            return model_server_error(
                404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document."
            )
        properties = _properties(asked.headers)
        if any(name.lower() == "handler" for name in properties):
            return model_server_error(400, "BadRequestException", "The handler can't be overridden in a request")
        if asked.method == "OPTIONS":
            return Reply(200, b"{}\n", "application/json")
        try:
            given = Input(properties | {"model_dir": str(self._model_dir)}, _content(asked))
        except CodecError as error:
            return model_server_error(500, "ErrorDataDecoderException", str(error))
        called = asyncio.get_running_loop().run_in_executor(self._worker, self._called, given)
        try:
            output = await asyncio.wait_for(called, self._seconds)
        except TimeoutError:  # and the real one starts its worker anew
            return _engine_failure(None)
        if sum(map(len, output.content[:1])) > int(os.environ.get("MAX_NETTY_BUFFER_SIZE", _ANSWER_LIMIT)):
            return _engine_failure("Python worker disconnected.")
        kind = next((value for name, value in output.properties.items() if name.lower() == "content-type"), None)
        return Reply(output.code, output.content[0] if output.content else b"", kind)

    def _called(self, given: Input) -> Output:
        assert self._handle is not None
        try:
            output = self._handle(given)
        except MemoryError as error:
            return Output(507, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary between the user's code and the client
            traceback.print_exc()
            return Output().error(str(error))
        if output is None:
            return Output(204, "No content")
        return output if isinstance(output, Output) else Output().error(f"Invalid output type: {type(output)}")


def _properties(headers: Headers) -> dict[str, str]:
    """The headers, with the custom attributes apart."""
    found = {name: value for name, value in headers.items() if name != _ATTRIBUTES}
    for pair in headers.get(_ATTRIBUTES, "").split(";"):
        name, is_pair, value = pair.partition("=")
        if is_pair:
            found[name.strip()] = value.strip()
    return found


def _content(asked: Asked) -> list[tuple[str, bytes]]:
    """The body, or the parts of a form: the server takes forms apart, and the handler gets no whole body then."""
    kind = asked.headers.get("content-type", "")
    media_type = kind.partition(";")[0].strip().lower()
    if media_type == FORM:
        boundary = kind.partition("boundary=")[2].partition(";")[0].strip('" ')
        return [(part.name, bytes(part.data)) for part in read_multipart(asked.body, boundary)]
    if media_type == "application/x-www-form-urlencoded":
        return [(name, value.encode()) for name, value in parse_qsl(asked.body.decode("utf-8", "replace"))]
    return [("data", asked.body)]


def _engine_failure(message: str | None) -> Reply:
    if message is not None:
        return model_server_error(500, "EngineException", message)
    text = json.dumps({"code": 500, "type": "EngineException"}, indent=2)
    return Reply(500, f"{text}\n".encode(), "application/json")
