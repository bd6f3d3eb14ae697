"""Calls a bundle's hooks by a toolkit's rules.

Sources: aws/sagemaker-inference-toolkit 1.10.1 (``transformer.py``), aws/sagemaker-huggingface-inference-toolkit 2.6.0
(``handler_service.py``), sagemaker-containers 2.8.6 (``_transformer.py``, ``_worker.py``).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from cdk_modelbuilder.local.strict.families import Family

_TEXT_TYPES = ("application/json", "text/csv")
"""Bodies of exactly these types, without a parameter, reach a hook as text."""

_DEFAULT_ACCEPT = "application/json"

_HTML = """\
<!doctype html>
<html lang=en>
<title>{status} {title}</title>
<h1>{title}</h1>
<p>{text}</p>
"""
_OF_GSON = {ord(character): f"\\u{ord(character):04x}" for character in "<>&='"}
"""What the servers' JSON library escapes beyond what JSON asks for."""
_INTERNAL = (
    "The server encountered an internal error and was unable to complete your request. Either the server is overloaded "
    "or there is an error in the application."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; ``content_type`` None is one without that header."""

    status: int
    body: bytes
    content_type: str | None


class Toolkit:
    """The hooks of one bundle, called as the toolkit would.

    Args:
        family: The rules.
        model_dir: The verified model folder.
        max_payload_bytes: Largest answer, where the family has a limit.
    """

    def __init__(self, family: Family, model_dir: Path, *, max_payload_bytes: int) -> None:
        self._family = family
        self._model_dir = str(model_dir)
        self._max_payload_bytes = max_payload_bytes
        self._hooks: ModuleType | None = None
        self._model: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Import the program that SAGEMAKER_PROGRAM names and load the model; again, if it failed before."""
        with self._loading:
            if self._hooks is not None:
                return
            if self._family.name == "huggingface":  # by which the program knows where it runs
                name = "sagemaker_huggingface_inference_toolkit"
                sys.modules.setdefault(name, ModuleType(name))
            code = os.environ["SAGEMAKER_SUBMIT_DIRECTORY"]
            if code not in sys.path:
                sys.path.insert(0, code)
            hooks = importlib.import_module(Path(os.environ["SAGEMAKER_PROGRAM"]).stem)
            self._model = hooks.model_fn(self._model_dir)
            self._hooks = hooks

    def answer(self, body: bytes, content_type: str | None, accept: str | None) -> Reply:
        """The answer to one request."""
        try:
            self.load()
            return self._answered(body, content_type, accept)
        except Exception as error:  # noqa: BLE001 - the boundary between the user's code and the client
            traceback.print_exc()
            return self._failed(error)

    def _answered(self, body: bytes, content_type: str | None, accept: str | None) -> Reply:
        family, hooks = self._family, self._hooks
        kind = content_type or family.default_content_type
        wanted = accept if accept and accept != "*/*" else self._default_accept()
        data: Any = body.decode("utf-8") if kind in _TEXT_TYPES else body
        assert hooks is not None
        result = hooks.output_fn(hooks.predict_fn(hooks.input_fn(data, kind), self._model), wanted)
        if family.front == "wsgi":
            return _as_werkzeug(result)
        answered = wanted
        if family.takes_type and isinstance(result, tuple):
            result, answered = result
        encoded = _as_model_server(result)
        if family.limits_bodies and len(encoded) > self._max_payload_bytes:
            return worker_died()
        return Reply(200, encoded, answered)

    def _default_accept(self) -> str:
        if self._family.accept_from_environment:
            return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _DEFAULT_ACCEPT)
        return _DEFAULT_ACCEPT

    def _failed(self, error: Exception) -> Reply:
        status = self._family.error_status
        if self._family.errors == "json":
            return model_server_error(status, "InternalServerException", str(error))
        if self._family.errors == "html":
            return html_page(status, "Internal Server Error", _INTERNAL)
        return Reply(status, f"{error}\n{traceback.format_exc()}".encode(), None)


def model_server_error(status: int, kind: str, message: str) -> Reply:
    """An error in the form of Multi Model Server and TorchServe."""
    text = json.dumps({"code": status, "type": kind, "message": message}, indent=2, ensure_ascii=False)
    text = text.translate(_OF_GSON)
    return Reply(status, f"{text}\n".encode(), "application/json")


def worker_died() -> Reply:
    """What comes of an answer that is too large for the way from the worker to the server."""
    return model_server_error(500, "InternalServerException", "Worker died.")


def html_page(status: int, title: str, text: str) -> Reply:
    """An error in the form of werkzeug."""
    return Reply(status, _HTML.format(status=status, title=title, text=text).encode(), "text/html; charset=utf-8")


def _as_model_server(result: Any) -> bytes:
    """What the worker of a model server sends: text and bytes as they are, anything else as indented JSON."""
    if isinstance(result, str):
        return result.encode()
    if isinstance(result, bytes | bytearray):
        return bytes(result)
    return json.dumps(result, indent=2).encode()


def _as_werkzeug(result: Any) -> Reply:
    """A tuple of body and type is labelled with it; bare text is a page."""
    body, kind = result if isinstance(result, tuple) else (result, "text/html")
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        raise TypeError(f"output_fn returned {type(body).__name__}, which is no response")
    is_text = kind.startswith("text/") or kind.partition(";")[0].endswith(("+xml", "/xml"))
    return Reply(200, body, f"{kind}; charset=utf-8" if is_text and "charset" not in kind else kind)
