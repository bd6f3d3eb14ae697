"""To an endpoint in SageMaker, through the API of sagemaker-runtime.

Source: the API reference of InvokeEndpoint and InvokeEndpointWithResponseStream. Importing this needs boto3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_modelbuilder.calling.aws_errors import Call, failures_in_words, interruptions_in_words
from cdk_modelbuilder.calling.transport import Answer, Request, StreamedAnswer

MAX_PAYLOAD_BYTES = 25 << 20
"""InvokeEndpoint's limit, whatever the container takes."""
_PIECE = 1 << 20


class SageMakerTransport:
    """Requests to one endpoint. Safe to use from several threads, as boto3's clients are.

    Args:
        client: A client of sagemaker-runtime.
        endpoint_name: The endpoint.
        routing: Further parameters of the API: InferenceComponentName, TargetVariant, CustomAttributes.
        max_payload_bytes: What the container takes.
        timeout: The client's read time-out, for messages.
        owned: Whether :meth:`close` closes the client.
    """

    url: str | None = None

    def __init__(
        self,
        client: Any,
        endpoint_name: str,
        *,
        routing: Mapping[str, str],
        max_payload_bytes: int,
        timeout: float,
        owned: bool,
    ) -> None:
        region = client.meta.region_name
        component = routing.get("InferenceComponentName")
        within = f"inference component {component!r} of " if component else ""
        self.address = f"{within}endpoint {endpoint_name!r} in {region}"
        self.max_payload_bytes = min(max_payload_bytes, MAX_PAYLOAD_BYTES)
        self._client = client
        self._parameters = {"EndpointName": endpoint_name, **routing}
        self._owned = owned
        arn = f"arn:{client.meta.partition}:sagemaker:{region}:ACCOUNT:"
        resources = f"{arn}endpoint/{endpoint_name}"
        if component:
            resources += f" and {arn}inference-component/{component}"
        # Streaming is allowed by the same action, says the API reference.
        self._call = Call(self.address, "sagemaker:InvokeEndpoint", resources, timeout)

    def send(self, request: Request) -> Answer:
        """Send ``request`` and wait for the whole answer."""
        with failures_in_words(self._call):
            response = self._client.invoke_endpoint(**self._arguments(request))
        with interruptions_in_words(self._call):
            return Answer(whole_body(response["Body"]), response.get("ContentType", ""))

    def stream(self, request: Request) -> StreamedAnswer:
        """Send ``request`` and return as soon as the answer begins."""
        with failures_in_words(self._call):
            response = self._client.invoke_endpoint_with_response_stream(**self._arguments(request))
        events = response["Body"]
        return StreamedAnswer(self._chunks(events), response.get("ContentType", ""), events.close)

    def close(self) -> None:
        """Close the connections, unless the client is the caller's."""
        if self._owned:
            self._client.close()

    def _arguments(self, request: Request) -> dict[str, Any]:
        attributes = request.attributes_with(self._parameters.get("CustomAttributes"))
        return {
            **self._parameters,
            **({} if attributes is None else {"CustomAttributes": attributes}),
            "Body": as_blob(request),
            "ContentType": request.content_type,
            "Accept": request.accept,
        }

    def _chunks(self, events: Any) -> Iterator[bytes]:
        try:
            with interruptions_in_words(self._call):
                for event in events:
                    part = event.get("PayloadPart", {}).get("Bytes", b"")
                    if part:
                        yield part
        finally:
            events.close()


def whole_body(stream: Any) -> bytearray:
    """Everything in a botocore StreamingBody, which is closed then."""
    body = bytearray()
    try:
        while piece := stream.read(_PIECE):
            body += piece  # grows in place: the C library moves pages, not bytes
    finally:
        stream.close()
    return body


def as_blob(request: Request) -> bytes | bytearray:
    """The body as botocore takes it: everything but a memoryview goes as it is."""
    return bytes(request.body) if isinstance(request.body, memoryview) else request.body
