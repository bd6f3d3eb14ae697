"""To an endpoint with a URL: our own server, or any container that follows SageMaker's hosting contract."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import urllib3

from cdk_modelbuilder.calling.container_message import as_sentence
from cdk_modelbuilder.calling.endpoint_url import endpoint_url
from cdk_modelbuilder.calling.http_errors import error_for_status
from cdk_modelbuilder.calling.retries import asked_wait, wait_after
from cdk_modelbuilder.calling.transport import Answer, Request, StreamedAnswer
from cdk_modelbuilder.errors import EndpointUnavailableError, PredictionTimeoutError, StreamInterruptedError

CUSTOM_ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
"""The header in which SageMaker hands CustomAttributes to the container."""
ADAPTER_HEADER = "X-Amzn-SageMaker-Adapter-Identifier"
"""The header in which it tells a base component's container which adapter was called."""
CONNECT_SECONDS = 5
CONNECTIONS = 64
"""How many stay open for the next request; as many as a batch needs at a time."""
_PIECE = 1 << 20
_BUSY = (429, 503)


class HttpTransport:
    """Requests to one URL. Safe to use from several threads.

    Args:
        url: The endpoint's address without a path, such as ``http://127.0.0.1:8080``. A user and a password in it
            are sent as basic authentication, and shown nowhere.
        path: Where requests are POSTed.
        max_payload_bytes: The largest body.
        timeout: Seconds until the answer must begin, and between two pieces of it.
        max_attempts: How often a request is sent at most. Only an answer of 429 or 503 is followed by another attempt:
            these are the statuses by which a server says that it has not taken a request for now. Where a model's own
            code answers so after it has done something, give 1. Time-outs and broken connections are final, because
            the model may have been at work.
        headers: Sent with every request.

    Raises:
        UsageError: ``url`` is no URL.
    """

    def __init__(
        self,
        url: str,
        *,
        path: str,
        max_payload_bytes: int,
        timeout: float,
        max_attempts: int,
        headers: Mapping[str, str],
    ) -> None:
        parts = endpoint_url(url)
        self.url: str | None = parts.address
        self.address = f"the endpoint at {self.url}"
        self.max_payload_bytes = max_payload_bytes
        self._target = f"{self.url}{path}"
        self._max_attempts = max_attempts
        self._timeout = timeout
        self._headers = {**parts.headers, **headers}
        self._http = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout), maxsize=CONNECTIONS
        )

    def send(self, request: Request) -> Answer:
        """Send ``request`` and wait for the whole answer."""
        response = self._post(request)
        with self._failures_in_words():
            try:
                return Answer(_whole_body(response), response.headers.get("Content-Type", ""))
            except urllib3.exceptions.ProtocolError:
                raise self._broke_off("the connection ended before the answer did") from None

    def stream(self, request: Request) -> StreamedAnswer:
        """Send ``request`` and return as soon as the answer begins."""
        response = self._post(request)
        return StreamedAnswer(self._chunks(response), response.headers.get("Content-Type", ""), response.close)

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def _post(self, request: Request) -> urllib3.BaseHTTPResponse:
        """The response to ``request``, of which only the head has been read; its status is 200."""
        headers = {**self._headers, "Content-Type": request.content_type, "Accept": request.accept}
        attributes = request.attributes_with(self._headers.get(CUSTOM_ATTRIBUTES_HEADER))
        if attributes is not None:
            headers[CUSTOM_ATTRIBUTES_HEADER] = attributes
        if request.adapter is not None:
            headers[ADAPTER_HEADER] = request.adapter
        attempts = 0
        while True:
            attempts += 1
            with self._failures_in_words():
                # Any object with the buffer protocol goes as it is; urllib3's types do not say so.
                response = self._http.request(
                    "POST",
                    self._target,
                    body=request.body,  # type: ignore[arg-type]
                    headers=headers,
                    preload_content=False,
                )
                if response.status == 200:
                    return response
                body = _whole_body(response)
            if response.status not in _BUSY or attempts >= self._max_attempts:
                raise error_for_status(response.status, body, address=self.address, attempts=attempts)
            asked = asked_wait(response.headers.get("Retry-After"))
            time.sleep(wait_after(attempts) if asked is None else asked)

    def _chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        # read1, not stream: it hands over what has arrived, whether or not the server sends chunks.
        read = partial(response.read1, _PIECE)
        try:
            while piece := read():
                yield piece
        except urllib3.exceptions.HTTPError as error:
            timed_out = isinstance(error, urllib3.exceptions.TimeoutError)
            why = f"nothing came for {self._timeout:g} s" if timed_out else "the connection ended before the answer did"
            raise self._broke_off(why) from None
        finally:
            response.close()

    def _broke_off(self, why: str) -> StreamInterruptedError:
        return StreamInterruptedError(
            f"the answer of {self.address} broke off: {why}.", remedy="The endpoint's log says more.", status=200
        )

    @contextmanager
    def _failures_in_words(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.ReadTimeoutError:
            raise PredictionTimeoutError(
                f"{self.address} did not answer within {self._timeout:g} s.",
                remedy="Send fewer rows at a time, or give a longer timeout.",
                status=0,
            ) from None
        except urllib3.exceptions.HTTPError as error:
            raise EndpointUnavailableError(
                f"{self.address} gave no answer: {as_sentence(_reason(error))}",
                remedy="Is the endpoint still running? Its log says more.",
                status=0,
            ) from None


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    """Why there is no answer; urllib3 wraps the socket's own error into one of its own."""
    return str(error.args[-1]) if isinstance(error, urllib3.exceptions.ProtocolError) else str(error)


def _whole_body(response: urllib3.BaseHTTPResponse) -> bytearray:
    body = bytearray()
    while piece := response.read(_PIECE):
        body += piece  # grows in place: the C library moves pages, not bytes
    response.release_conn()
    return body
