"""Every error that this package raises on purpose.

    ModelBuilderError            base: what was wrong, where, and what to do next
    ├── UsageError               a wrong argument or option (exit code 2 in the CLI)
    ├── ModelError               the model itself: unknown type, not fitted, cannot be saved
    │   └── NotReckonedError         a language model whose needs are not known here, which may be served all the same
    ├── SchemaError              a sample or payload that no codec takes, or that does not fit
    ├── SelfTestError            the bundle was made, but its own code did not pass on the samples
    ├── BundleError              a folder that is not a bundle, is cut short, or of another format
    ├── IntegrityError           content or signature is not what was signed
    ├── KeyFileError             the master key is missing, unreadable or malformed
    ├── ImageError               no container image fits
    ├── DependencyError          packages that cannot be captured, pinned, packaged or installed as they are
    │   ├── ToolMissingError         a tool that an optional extra brings is not installed
    │   ├── IndexUnreachableError    no package index, or vulnerability service, answers
    │   └── TrialError               the packages do not install, or the model does not run on them
    ├── PublishError             a bundle did not get into its bucket
    ├── DeploymentError          an endpoint in SageMaker did not come up, change or go; with the cause
    ├── LocalEndpointError       the local endpoint did not start or died
    ├── TuningError              no serving properties that were tried could be used
    ├── GoldenTestError          an endpoint answers something else than when the bundle was built
    └── PredictionError          the endpoint answered with an error, or not at all
        ├── RequestRejectedError     4xx: the container, or AWS before it, did not take the request
        │   └── PayloadTooLargeError     the request's body is over the limit
        ├── ModelFailedError         5xx: the model or its container failed on the request
        ├── ThrottledError           too many requests, still after the retries
        ├── EndpointUnavailableError no answer, no such endpoint, or one that is not ready
        ├── AccessDeniedError        credentials are missing, or do not allow the call
        ├── PredictionTimeoutError   no answer in time; a TimeoutError too
        ├── StreamInterruptedError   an answer broke off before its end
        └── UnreadableAnswerError    an answer came that the schema cannot read

Each message ends in a remedy. ``str(error)`` gives both; ``error.what`` and ``error.remedy`` give the parts.
"""

from __future__ import annotations


class ModelBuilderError(Exception):
    """Base of all errors of this package.

    Args:
        what: One sentence: what was wrong, with the value and the place.
        remedy: One sentence: what to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class UsageError(ModelBuilderError):
    """An argument or option is wrong."""

    exit_code = 2


class ModelError(ModelBuilderError):
    """The model cannot be packaged as it is."""


class NotReckonedError(ModelError):
    """What a language model needs of an instance is not known here; a server may serve it all the same."""


class SchemaError(ModelBuilderError):
    """A sample or a payload has no codec, or does not fit the schema."""


class SelfTestError(ModelBuilderError):
    """The generated code failed on the samples while the bundle was built."""


class BundleError(ModelBuilderError):
    """A folder is not a bundle, is incomplete, or has a format this version cannot read."""


class IntegrityError(ModelBuilderError):
    """Content or signature of a bundle is not what was signed."""


class KeyFileError(ModelBuilderError):
    """The master key is missing, unreadable or malformed."""


class ImageError(ModelBuilderError):
    """No container image fits."""


class DependencyError(ModelBuilderError):
    """Packages that the model needs cannot be captured, pinned, packaged or installed as they are."""


class ToolMissingError(DependencyError):
    """A tool that an optional extra brings is not installed; the message names the extra."""


class IndexUnreachableError(DependencyError):
    """No package index, or no vulnerability service, answers: nothing is known about the packages."""


class TrialError(DependencyError):
    """The packages of a bundle do not install in a fresh environment, or its model does not run there."""


class PublishError(ModelBuilderError):
    """A bundle did not get into its bucket: no such bucket, no permission, no network."""


class DeploymentError(ModelBuilderError):
    """An endpoint in SageMaker did not come up, did not change, or did not go.

    Attributes:
        cause: Which known cause it is, such as ``quota``; empty for one that is not known.
        log: The last lines of the container's log, if it wrote any.
    """

    def __init__(self, what: str, *, remedy: str, cause: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy=remedy)
        self.cause = cause
        self.log = log


class LocalEndpointError(ModelBuilderError):
    """A local endpoint did not start, or died.

    Attributes:
        status: Exit status of its process or container; None where it has not ended, or that is not known.
        out_of_memory: Whether it was ended for want of memory, as far as whoever ran it says.
    """

    def __init__(self, what: str, *, remedy: str, status: int | None = None, out_of_memory: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.status = status
        self.out_of_memory = out_of_memory


class TuningError(ModelBuilderError):
    """A tuning found no configuration that runs and keeps its bounds."""


class GoldenTestError(ModelBuilderError):
    """An endpoint answers something else than it did when the bundle was built."""


class PredictionError(ModelBuilderError):
    """The endpoint answered with an error, or not at all.

    Attributes:
        status: HTTP status code of the answer; 0 if there was none.
    """

    def __init__(self, what: str, *, remedy: str, status: int) -> None:
        super().__init__(what, remedy=remedy)
        self.status = status


class RequestRejectedError(PredictionError):
    """The container, or AWS before it, did not take the request (4xx)."""


class PayloadTooLargeError(RequestRejectedError):
    """The request's body is larger than the endpoint takes."""


class ModelFailedError(PredictionError):
    """The model or its container failed on the request (5xx).

    Attributes:
        log_stream_arn: Where the container's log is, if SageMaker says so.
    """

    def __init__(self, what: str, *, remedy: str, status: int, log_stream_arn: str | None = None) -> None:
        super().__init__(what, remedy=remedy, status=status)
        self.log_stream_arn = log_stream_arn


class ThrottledError(PredictionError):
    """The endpoint takes no more requests at the moment, and did not after the retries either."""


class EndpointUnavailableError(PredictionError):
    """Nothing answers there: no such endpoint, not in service, or its model is not ready."""


class AccessDeniedError(PredictionError):
    """Credentials are missing or do not allow the call; the message names the IAM action and the ARN."""


class PredictionTimeoutError(PredictionError, TimeoutError):
    """The answer did not come in time."""


class StreamInterruptedError(PredictionError):
    """An answer broke off before its end: the connection was cut, or a stream failed on its way.

    Attributes:
        items_received: How many whole items of a stream came before that.
    """

    def __init__(self, what: str, *, remedy: str, status: int, items_received: int = 0) -> None:
        super().__init__(what, remedy=remedy, status=status)
        self.items_received = items_received


class UnreadableAnswerError(PredictionError):
    """The endpoint answered, but not with what the schema of the output describes."""
