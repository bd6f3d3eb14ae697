"""The REST API of TensorFlow Serving on a SavedModel, which TensorFlow runs in this process.

Source: tensorflow/serving, ``tensorflow_serving/model_servers`` (``http_rest_api_handler.cc``, ``http_server.cc``);
there is no package of the server. What the model's own operations say of a value that does not fit is TensorFlow's.
"""

from __future__ import annotations

import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cdk_modelbuilder.local.strict.tfs_tensors import RestError, read_order, write_answer

_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:(classify|regress|predict)", re.IGNORECASE)
_STATUS_OF_CODE = {2: 500, 3: 400, 4: 504, 5: 404, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503}
"""TensorFlow's error codes -> HTTP."""


class TensorFlowRest:
    """The server on a free port of 127.0.0.1, until this process ends.

    Args:
        folder: The folder of one version of the model, whose parent has its name.
    """

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf  # noqa: PLC0415 - only this server's models need it

        self._tensorflow: Any = tf
        self._name, self._version = folder.parent.name, folder.name
        self._program: Any = tf.saved_model.load(str(folder))
        rest = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, answer = rest.answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing; the real one says nothing of requests either."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = server.server_port
        threading.Thread(target=server.serve_forever, name="tensorflow-rest", daemon=True).start()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body for a POST to ``path``."""
        try:
            answer = self._predicted(path, body)
        except RestError as error:
            return error.status, json.dumps({"error": str(error)}, indent=4).encode()
        except self._tensorflow.errors.OpError as error:
            status = _STATUS_OF_CODE.get(error.error_code, 500)
            return status, json.dumps({"error": error.message}, indent=4).encode()
        return 200, json.dumps(answer, indent=4, ensure_ascii=False).encode("utf-8", "surrogateescape")

    def _predicted(self, path: str, body: bytes) -> Any:
        matched = _PATH.fullmatch(path)
        if matched is None:
            raise RestError(f"Malformed request: POST {path}")
        name, version, method = matched.groups()
        if name != self._name or version not in (None, self._version):
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise RestError(f"Servable not found for request: {wanted}", 404)
        if method != "predict":
            raise RestError(f"strict mode has no {method}, only predict", 501)
        document = _read(body)
        signature = document.get("signature_name", "serving_default")
        if not isinstance(signature, str):
            raise RestError(
                f"JSON Value: {json.dumps(document)[:256]} not formatted correctly. 'signature_name' key must be a "
                "string value."
            )
        if signature not in self._program.signatures:
            raise RestError(f'Serving signature name: "{signature}" not found in signature def')
        return self._run(self._program.signatures[signature], document)

    def _run(self, signature: Any, document: dict[str, Any]) -> Any:
        inputs = signature.structured_input_signature[1]
        values = read_order(document, {name: spec.dtype.name for name, spec in inputs.items()})
        tensors = {name: self._tensorflow.constant(values[name], spec.dtype) for name, spec in inputs.items()}
        outputs = {name: (tensor.dtype.name, tensor.numpy()) for name, tensor in signature(**tensors).items()}
        plain = {
            name: (dtype, found.tolist() if hasattr(found, "tolist") else found)
            for name, (dtype, found) in outputs.items()
        }
        return write_answer(plain, by_rows="instances" in document)


def _read(body: bytes) -> dict[str, Any]:
    if not body:
        raise RestError("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except ValueError as error:
        raise RestError(f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise RestError(f"JSON Value: {json.dumps(document)[:256]} Is not object")
    return document
