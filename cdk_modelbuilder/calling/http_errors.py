"""From a status code to an error: the same for a container's own answer and for one that SageMaker passes on."""

from __future__ import annotations

from cdk_modelbuilder.calling.container_message import as_sentence, container_message
from cdk_modelbuilder.errors import (
    EndpointUnavailableError,
    ModelFailedError,
    PayloadTooLargeError,
    PredictionError,
    PredictionTimeoutError,
    RequestRejectedError,
    ThrottledError,
)


def error_for_status(
    status: int, body: bytes | bytearray | str, *, address: str, attempts: int = 1, log_stream_arn: str | None = None
) -> PredictionError:
    """The error that an answer other than 200 means.

    Args:
        status: HTTP status code.
        body: The answer's body.
        address: The endpoint in words.
        attempts: How often it was asked.
        log_stream_arn: Where the container's log is, if that is known.
    """
    tries = f" (the last of {attempts} attempts)" if attempts > 1 else ""
    said = as_sentence(container_message(body) or "it does not say why")
    what = f"{address} answered {status}{tries}: {said}"
    if status == 413:
        return PayloadTooLargeError(what, remedy="Send fewer rows at a time.", status=status)
    if status == 429:
        return ThrottledError(what, remedy="Send less at a time, or give a higher max_attempts.", status=status)
    if status in (502, 503):
        remedy = "It may still be starting, or be overloaded: wait, and look at its log."
        return EndpointUnavailableError(what, remedy=remedy, status=status)
    if status == 504:
        return PredictionTimeoutError(what, remedy="Send fewer rows at a time.", status=status)
    if status < 500:
        return RequestRejectedError(what, remedy="Mend the request.", status=status)
    remedy = f"The endpoint's log has the reason{f': {log_stream_arn}' if log_stream_arn else '.'}"
    return ModelFailedError(what, remedy=remedy, status=status, log_stream_arn=log_stream_arn)


def refuse_large(size: int, limit: int, *, address: str, remedy: str) -> None:
    """Refuse a body that the endpoint would not take, before it is sent.

    Raises:
        PayloadTooLargeError: ``size`` is above ``limit``.
    """
    if size > limit:
        raise PayloadTooLargeError(
            f"the request has {size} bytes; {address} takes {limit} at most. Nothing was sent.",
            remedy=remedy,
            status=413,
        )
