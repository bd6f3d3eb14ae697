"""One request of InvokeEndpointAsync: what it asks for, and where its answer goes.

Source: InvokeEndpointAsyncInput in the service model of sagemaker-runtime; the names of answers are as SageMaker gives
them, ``ID.out`` and ``ID-error.out``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError, validation_error
from cdk_modelbuilder.local.gateway.hosted import AsyncSettings
from cdk_modelbuilder.serving.exchange import Body

INLINE_BYTES = 128_000
_TTL = names.PREFIX + b"requestttlseconds"
_TIMEOUT = names.PREFIX + b"invocationtimeoutseconds"


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """What is asked for.

    Attributes:
        inference_id: Its id.
        headers: The container's view of the client's headers.
        body: The input, if it came with the request.
        source: Where the input is, if not.
        output: Where the answer goes.
        failure: Where a failure goes; None for nowhere.
        ttl: Seconds that it may wait.
        timeout: Seconds that the container may take.
        accepted: When it came, by ``time.monotonic``.
    """

    inference_id: str
    headers: dict[bytes, bytes]
    body: Body
    source: str | None
    output: str
    failure: str | None
    ttl: float
    timeout: float
    accepted: float


def read_request(
    headers: Mapping[bytes, bytes], body: Body, settings: AsyncSettings, *, ttl: float, timeout: float, now: float
) -> AsyncRequest | ApiError:
    """The request in these headers and this body, with the times it takes where it does not say; or what is wrong."""
    source = headers.get(names.INPUT_LOCATION)
    if (source is None) == (len(body) == 0):
        return validation_error("Provide exactly one of Body and InputLocation.")
    if len(body) > INLINE_BYTES:
        return validation_error(
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {INLINE_BYTES}"
        )
    seconds = _seconds(headers, _TTL, "RequestTTLSeconds", (60, 21600), ttl)
    limit = _seconds(headers, _TIMEOUT, "InvocationTimeoutSeconds", (1, 3600), timeout)
    for one in (seconds, limit):
        if isinstance(one, ApiError):
            return one
    assert not isinstance(seconds, ApiError)
    assert not isinstance(limit, ApiError)
    number = str(uuid.uuid4())
    asked = headers.get(names.INFERENCE_ID)
    extension = headers.get(names.OUTPUT_EXTENSION, b"").decode("latin-1").strip("/")
    folder = f"{settings.output.rstrip('/')}/{extension}".rstrip("/")
    kept = {name: value for name, value in headers.items() if name not in (b"content-type", b"accept")}
    for own, theirs in ((names.CONTENT_TYPE, b"content-type"), (names.ACCEPT, b"accept")):
        if own in headers:
            kept[theirs] = headers[own]
    return AsyncRequest(
        inference_id=asked.decode("latin-1") if asked else number,
        headers=kept,
        body=body,
        source=None if source is None else source.decode("latin-1"),
        output=f"{folder}/{headers.get(names.FILE_NAME, b'').decode('latin-1') or f'{number}.out'}",
        failure=None if settings.failure is None else f"{settings.failure.rstrip('/')}/{number}-error.out",
        ttl=seconds,
        timeout=limit,
        accepted=now,
    )


def _seconds(
    headers: Mapping[bytes, bytes], name: bytes, member: str, bounds: tuple[int, int], default: float
) -> float | ApiError:
    value = headers.get(name)
    least, most = bounds
    if value is None:
        return default
    if not value.isdigit() or not least <= int(value) <= most:
        said = value.decode("latin-1")
        return validation_error(
            f"1 validation error detected: Value '{said}' at '{member}' failed to satisfy constraint: Member must be "
            f"between {least} and {most}"
        )
    return float(value)
