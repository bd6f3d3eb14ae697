"""Predictions that are being made: what ``predict_async`` returns."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any, Protocol

from cdk_modelbuilder.calling.transport import Answer
from cdk_modelbuilder.errors import ModelBuilderError, PredictionError, PredictionTimeoutError


class PendingAnswer(Protocol):
    """Bytes that will come. ``wait`` raises the errors under ``PredictionError``."""

    output_location: str | None
    failure_location: str | None

    def done(self) -> bool:
        """Whether :meth:`wait` would return at once."""

    def wait(self, timeout: float | None) -> Answer:
        """The answer, once it is there."""


class AnswerInThread:
    """An answer that a thread of this process waits for."""

    output_location: str | None = None
    failure_location: str | None = None

    def __init__(self, future: concurrent.futures.Future[Answer], address: str) -> None:
        self._future = future
        self._address = address

    def done(self) -> bool:
        """Whether :meth:`wait` would return at once."""
        return self._future.done()

    def wait(self, timeout: float | None) -> Answer:
        """The answer, once it is there."""
        try:
            return self._future.result(timeout)
        except concurrent.futures.CancelledError:
            raise PredictionError(
                f"the predictor was closed before it sent this request to {self._address}.",
                remedy="Ask for results before close(), or before the end of the with block.",
                status=0,
            ) from None
        except TimeoutError as error:
            if timeout is None or isinstance(error, ModelBuilderError):  # the request's own
                raise
            raise PredictionTimeoutError(
                f"{self._address} has not answered within {timeout:g} s.",
                remedy="Ask result() again later: the request goes on.",
                status=0,
            ) from None


class PendingPrediction:
    """A prediction that is being made.

    Attributes:
        output_location: S3 URI of the answer, for an asynchronous endpoint; None otherwise.
        failure_location: S3 URI of the failure, for an asynchronous endpoint that has such a path; None otherwise.
    """

    def __init__(self, answer: PendingAnswer, decode: Callable[[Answer], Any]) -> None:
        self.output_location = answer.output_location
        self.failure_location = answer.failure_location
        self._answer = answer
        self._decode = decode
        self._lock = threading.Lock()
        self._value: list[Any] = []

    def done(self) -> bool:
        """Whether :meth:`result` would return or raise at once. For an asynchronous endpoint this asks S3."""
        return self._answer.done()

    def result(self, timeout: float | None = None) -> Any:
        """The prediction; waits for it.

        Args:
            timeout: Seconds to wait at most; None waits for ever.

        Raises:
            PredictionTimeoutError: It did not come in time; the request goes on, and this can be called again.
            PredictionError: The endpoint answered with an error, or the predictor was closed before it sent this.
        """
        answer = self._answer.wait(timeout)
        with self._lock:
            if not self._value:
                self._value.append(self._decode(answer))
            return self._value[0]
