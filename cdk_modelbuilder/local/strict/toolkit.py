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
from pathlib import Path
from types import ModuleType
from typing import Any

from cdk_modelbuilder.local.strict.exchange import Reply
from cdk_modelbuilder.local.strict.pages import model_server_error, werkzeug_page
from cdk_modelbuilder.local.strict.toolkit_rules import ToolkitRules

_TEXT_TYPES = ("application/json", "text/csv")
"""Bodies of exactly these types, without a parameter, reach a hook as text."""

_DEFAULT_ACCEPT = "application/json"
_INTERNAL = (
    "The server encountered an internal error and was unable to complete your request. Either the server is overloaded "
    "or there is an error in the application."
)


class Toolkit:
    """The hooks of one bundle, called as the toolkit would.

    Args:
        rules: The toolkit's.
        model_dir: The verified model folder.
    """

    def __init__(self, rules: ToolkitRules, model_dir: Path) -> None:
        self._rules = rules
        self._model_dir = str(model_dir)
        self._hooks: ModuleType | None = None
        self._model: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Import the program that SAGEMAKER_PROGRAM names and load the model; again, if it failed before."""
        with self._loading:
            if self._hooks is not None:
                return
            if self._rules.own_module:
                sys.modules.setdefault(self._rules.own_module, ModuleType(self._rules.own_module))
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
        rules, hooks = self._rules, self._hooks
        kind = content_type or rules.default_content_type
        wanted = accept if accept and accept != "*/*" else self._default_accept()
        data: Any = body.decode("utf-8") if kind in _TEXT_TYPES else body
        assert hooks is not None
        result = hooks.output_fn(hooks.predict_fn(hooks.input_fn(data, kind), self._model), wanted)
        if rules.behind == "gunicorn":
            return _as_werkzeug(result)
        answered = wanted
        if rules.takes_type and isinstance(result, tuple):
            result, answered = result
        return Reply(200, _as_model_server(result), answered)

    def _default_accept(self) -> str:
        if self._rules.accept_from_environment:
            return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _DEFAULT_ACCEPT)
        return _DEFAULT_ACCEPT

    def _failed(self, error: Exception) -> Reply:
        status = self._rules.error_status
        if self._rules.errors == "json":
            return model_server_error(status, "InternalServerException", str(error))
        if self._rules.errors == "html":
            return werkzeug_page(status, "Internal Server Error", _INTERNAL)
        return Reply(status, f"{error}\n{traceback.format_exc()}".encode(), None)


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
