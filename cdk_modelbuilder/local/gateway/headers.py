"""The headers that go from the API to a container and back.

Source: the locations of members in the service model of sagemaker-runtime; the guide's page "Custom Inference Code with
Hosting Services" says that all other headers are stripped.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = b"x-amzn-sagemaker-"
ACCEPT = PREFIX + b"accept"
CONTENT_TYPE = PREFIX + b"content-type"
CUSTOM_ATTRIBUTES = PREFIX + b"custom-attributes"
SESSION = PREFIX + b"session-id"
NEW_SESSION = PREFIX + b"new-session-id"
CLOSED_SESSION = PREFIX + b"closed-session-id"
COMPONENT = PREFIX + b"inference-component"
TARGET_VARIANT = PREFIX + b"target-variant"
TARGET_MODEL = PREFIX + b"target-model"
TARGET_CONTAINER = PREFIX + b"target-container-hostname"
EXPLANATIONS = PREFIX + b"enable-explanations"
INFERENCE_ID = PREFIX + b"inference-id"
PREFIX_AWARE_ID = PREFIX + b"prefix-aware-id"
INPUT_LOCATION = PREFIX + b"inputlocation"
OUTPUT_EXTENSION = PREFIX + b"s3outputpathextension"
FILE_NAME = PREFIX + b"filename"
ADAPTER = PREFIX + b"adapter-identifier"

_TO_CONTAINER = (
    (CUSTOM_ATTRIBUTES, b"X-Amzn-SageMaker-Custom-Attributes"),
    (INFERENCE_ID, b"X-Amzn-SageMaker-Inference-Id"),
    (SESSION, b"X-Amzn-SageMaker-Session-Id"),
    (TARGET_MODEL, b"X-Amzn-SageMaker-Target-Model"),
    (TARGET_VARIANT, b"X-Amzn-SageMaker-Target-Variant"),
    (TARGET_CONTAINER, b"X-Amzn-SageMaker-Target-Container-Hostname"),
    (COMPONENT, b"X-Amzn-SageMaker-Inference-Component"),
    (ADAPTER, b"X-Amzn-SageMaker-Adapter-Identifier"),
    (PREFIX_AWARE_ID, b"X-Amzn-SageMaker-Prefix-Aware-Id"),
)
_TO_CONTAINER_NAMES = frozenset(name for name, _ in _TO_CONTAINER)
_TO_CLIENT = (
    (CUSTOM_ATTRIBUTES, b"X-Amzn-SageMaker-Custom-Attributes"),
    (NEW_SESSION, b"X-Amzn-SageMaker-New-Session-Id"),
    (CLOSED_SESSION, b"X-Amzn-SageMaker-Closed-Session-Id"),
)


def request_head(
    path: bytes, headers: Mapping[bytes, bytes], content_type: bytes | None, accept: bytes | None
) -> bytes:
    """Request line and header lines for a container, without the empty line.

    Args:
        path: Where the container takes requests.
        headers: The client's headers, in lower case.
        content_type: What the body is.
        accept: What the answer may be.
    """
    lines = [b"POST ", path, b" HTTP/1.1\r\n"]
    if content_type is not None:
        lines += (b"Content-Type: ", content_type, b"\r\n")
    if accept is not None:
        lines += (b"Accept: ", accept, b"\r\n")
    if not _TO_CONTAINER_NAMES.isdisjoint(headers):
        for name, written in _TO_CONTAINER:
            if name in headers:
                lines += (written, b": ", headers[name], b"\r\n")
    return b"".join(lines)


def response_lines(headers: Mapping[bytes, bytes]) -> bytes:
    """The header lines of a container's answer that the client gets beside its Content-Type."""
    return b"".join(b"%s: %s\r\n" % (written, headers[name]) for name, written in _TO_CLIENT if name in headers)
