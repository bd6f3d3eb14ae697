"""Predictor: calls an endpoint with Python values; the schema makes the bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

import urllib3

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import PredictionError, SchemaError
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, decode, open_codec


class Predictor:
    """Talks to one endpoint. Use as a context manager to delete the endpoint at the end.

    Args:
        url: The endpoint's address without a path, such as ``http://127.0.0.1:8080``.
        schema: ``schema.json`` of the bundle that it serves, as plain data.
        container: The bundle's container spec: path and time limit of an invocation.
        on_delete: What :meth:`delete_endpoint` does.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: Mapping[str, Any],
        container: ContainerSpec,
        on_delete: Callable[[], object] | None = None,
    ) -> None:
        self.url = url
        self._marshaller = Marshaller(open_codec(schema["input"]), open_codec(schema["output"]))
        self._path = container.invocations_path
        self._http = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=5, read=container.invocation_timeout_seconds), maxsize=8
        )
        self._on_delete = on_delete

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.delete_endpoint()

    def predict(self, data: Any) -> Any:
        """The prediction for ``data``, a value like the schema's input sample.

        Raises:
            SchemaError: ``data`` does not fit the schema; nothing was sent.
            PredictionError: The endpoint answered with an error, or not at all.
        """
        codec = self._marshaller.input
        try:
            misfit = codec.difference(data)
            body = b"" if misfit else codec.encode(data, codec.content_types[0])
        except (CodecError, TypeError, AttributeError) as error:
            misfit = str(error)
        if misfit:
            raise SchemaError(f"the input does not fit the endpoint: {misfit}", remedy=f"Send a {codec.summary()}.")
        answer, content_type = self.invoke(
            body, content_type=codec.content_types[0], accept=", ".join(self._marshaller.output.content_types)
        )
        try:
            return decode(self._marshaller.output, answer, content_type)
        except CodecError as error:
            raise PredictionError(
                f"the endpoint's answer does not look like the output sample: {error}",
                remedy="Does the endpoint serve the bundle that this predictor was made from?",
                status=200,
            ) from None

    def invoke(self, body: bytes, *, content_type: str, accept: str = "*/*") -> tuple[bytes, str]:
        """Send bytes as they are and return the response's body and content type.

        Raises:
            PredictionError: The endpoint answered with an error, or not at all.
        """
        try:
            response = self._http.request(
                "POST", self.url + self._path, body=body, headers={"Content-Type": content_type, "Accept": accept}
            )
        except urllib3.exceptions.HTTPError as error:
            raise PredictionError(
                f"{self.url} gave no answer: {error}.",
                remedy="Is the endpoint still running? Its log says more.",
                status=0,
            ) from None
        if response.status != 200:
            raise PredictionError(
                f"the endpoint answered {response.status}: {_message(response.data)}",
                remedy="Mend the request." if response.status < 500 else "The endpoint's log has the reason.",
                status=response.status,
            )
        return response.data, response.headers.get("Content-Type", "")

    def delete_endpoint(self) -> None:
        """Stop the endpoint and close the connections; a second call does nothing."""
        self._http.clear()
        if self._on_delete is not None:
            self._on_delete()
            self._on_delete = None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", errors="replace").strip()
