"""MLflow's scoring server behind nginx, as in the images that ``mlflow sagemaker build-and-push-container`` makes.

Source: mlflow/mlflow 3.17.2, ``mlflow/pyfunc/scoring_server`` (routes, types, errors),
``mlflow/utils/proto_json_utils.py`` (what becomes of JSON), ``mlflow/exceptions.py`` and ``error_classification.py``
(the form of errors), ``mlflow/models/container/scoring_server/nginx.conf`` (the front); measured on it. ``Accept`` is
not looked at. Left out is the paragraph on older protocols with which some of its messages end.
"""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from pathlib import Path
from typing import Any

from cdk_modelbuilder.local.strict.exchange import Asked, Reply
from cdk_modelbuilder.local.strict.mlflow_requests import BadRequestError, UnknownTypeError, read_request
from cdk_modelbuilder.local.strict.pages import fastapi_detail, labelled, nginx_page, starlette_failure
from cdk_modelbuilder.local.strict.stand_in_modules import import_file

_JSON = "application/json"
_NGINX_SECONDS = 60
"""``proxy_read_timeout`` where nothing is said of it."""


class MlflowScoring:
    """The model that ``MLmodel`` names, in as many threads as there are requests.

    Args:
        model_dir: The verified model folder.
    """

    loads_first = True
    max_request_bytes = 100 << 20

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir
        self._model: Any = None
        self._seconds = int(os.environ.get("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "60"))

    def load(self) -> None:
        """Load the model as its loader does; where it fails, the container ends."""
        loader = import_file(self._model_dir, "code/modelbuilder_mlflow.py", {})
        self._model = loader._load_pyfunc(str(self._model_dir))  # noqa: SLF001 - the name that MLflow looks for

    def too_large(self) -> Reply:
        """The page of nginx."""
        return nginx_page(413, "Request Entity Too Large")

    async def answer(self, asked: Asked) -> Reply:
        """The answer to any request: nginx passes on what begins like one of two paths."""
        if not asked.path.startswith(("/ping", "/invocations")):
            return Reply(404, b"{}", "application/octet-stream")
        if asked.path not in ("/ping", "/invocations"):
            return fastapi_detail(404, "Not Found")
        if asked.method != ("GET" if asked.path == "/ping" else "POST"):
            return fastapi_detail(405, "Method Not Allowed")
        if asked.path == "/ping":
            return Reply(200, b"\n", _JSON)
        answering = asyncio.to_thread(self._invoked, asked.body, asked.headers.get("content-type"))
        try:
            return await asyncio.wait_for(answering, min(self._seconds, _NGINX_SECONDS))
        except TimeoutError:
            if self._seconds > _NGINX_SECONDS:
                return nginx_page(504, "Gateway Time-out")
            return Reply(504, b"Request processing time exceeded limit", _JSON)

    def _invoked(self, body: bytes, content_type: str | None) -> Reply:
        try:
            return self._answered(body, content_type)
        except BadRequestError as bad:
            return _error(str(bad), trace=bad.trace)
        except UnknownTypeError as unknown:
            return Reply(415, str(unknown).encode(), labelled("text/plain"))
        except Exception as caught:  # noqa: BLE001 - the boundary between the user's code and the client
            error: Any = caught
            traceback.print_exc()
            if _is_mlflow_exception(error):
                return Reply(error.get_http_status_code(), error.serialize_as_json().encode(), _JSON)
            return starlette_failure()

    def _answered(self, body: bytes, content_type: str | None) -> Reply:
        if content_type is None:
            raise TypeError("there is no Content-Type, which the scoring server cannot do without")
        kind, refusal = _kind_of(content_type)
        if refusal:
            return Reply(415, refusal.encode(), labelled("text/plain"))
        read = read_request(body, kind, content_type)
        prediction = self._predicted(read.data)
        found = prediction if read.is_bare else {"predictions": prediction}
        return Reply(200, json.dumps(found).encode(), _JSON)

    def _predicted(self, data: Any) -> Any:
        try:
            return self._model.predict(data)
        except Exception as caught:
            error: Any = caught
            traceback.print_exc()
            if _is_mlflow_exception(error):
                error.message = f"Failed to predict data '{data}'. \nError: {error.message}"
                raise
            raise BadRequestError(
                "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe"
                " is compatible with the model for inference.",
                trace=traceback.format_exc(),
            ) from caught


def _kind_of(content_type: str) -> tuple[str, str]:
    """The media type, and why it is not taken."""
    kind, *rest = (part.strip() for part in content_type.split(";"))
    parameters = {name: value for name, _, value in (part.partition("=") for part in rest)}
    if parameters.get("charset", "utf-8").lower() != "utf-8":
        return kind, "The scoring server only supports UTF-8"
    unknown = [name for name in parameters if name != "charset"]
    if unknown:
        return kind, f"Unrecognized content type parameters: {', '.join(unknown)}."
    return kind, ""


def _error(message: str, *, trace: str | None) -> Reply:
    fields = {
        "error_code": "BAD_REQUEST",
        "message": message,
        "sqlstate": "KAM00",
        "error_class": "INVALID_PARAMETER_VALUE",
        **({} if trace is None else {"stack_trace": trace}),
    }
    return Reply(400, json.dumps(fields).encode(), _JSON)


def _is_mlflow_exception(error: Exception) -> bool:
    """Whether it is MLflow's own, as a model that MLflow runs inside the bundle raises; it has a status of its own."""
    return any(
        f"{kind.__module__}.{kind.__name__}" == "mlflow.exceptions.MlflowException" for kind in type(error).__mro__
    )
