"""What became of asynchronous requests, for those who ask the gateway and not S3.

SageMaker has no such operation; the console uses it. Only what an endpoint has itself put somewhere is read again.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdk_modelbuilder.local.gateway.async_request import AsyncRequest

_MOST = 1000


@dataclass(slots=True)
class Fate:
    """What became of one request.

    Attributes:
        output: Where its answer goes.
        content_type: The answer's, once it is there.
        failure: Why there is none.
    """

    output: str
    content_type: str | None = None
    failure: str | None = None


class AsyncAnswers:
    """The newest requests of one endpoint, by their id; of two with the same id, the later."""

    def __init__(self) -> None:
        self._fates: dict[str, Fate] = {}

    def begin(self, request: AsyncRequest) -> None:
        """A request has come."""
        self._fates.pop(request.inference_id, None)
        while len(self._fates) >= _MOST:
            del self._fates[next(iter(self._fates))]
        self._fates[request.inference_id] = Fate(request.output)

    def answered(self, request: AsyncRequest, content_type: str) -> None:
        """Its answer is where it was to go."""
        fate = self._of(request)
        if fate is not None:
            fate.content_type = content_type

    def failed(self, request: AsyncRequest, reason: str) -> None:
        """There is no answer."""
        fate = self._of(request)
        if fate is not None:
            fate.failure = reason

    def find(self, inference_id: str) -> Fate | None:
        """What became of a request; None where it is unknown, or too old."""
        return self._fates.get(inference_id)

    def _of(self, request: AsyncRequest) -> Fate | None:
        found = self._fates.get(request.inference_id)
        return found if found is not None and found.output == request.output else None
