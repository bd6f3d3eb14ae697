"""From what botocore raises to the errors under ``PredictionError``.

Source: the API reference of sagemaker-runtime (InvokeEndpoint, InvokeEndpointWithResponseStream, InvokeEndpointAsync)
as botocore carries it in its service model, and the guide's page "Common Errors".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
from botocore import exceptions as aws
from botocore.eventstream import ParserError

from cdk_modelbuilder.calling.container_message import as_sentence, container_message
from cdk_modelbuilder.calling.http_errors import error_for_status
from cdk_modelbuilder.errors import (
    AccessDeniedError,
    EndpointUnavailableError,
    ModelBuilderError,
    PayloadTooLargeError,
    PredictionError,
    PredictionTimeoutError,
    RequestRejectedError,
    StreamInterruptedError,
    ThrottledError,
    UsageError,
)

THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
     "RequestThrottled", "RequestThrottledException", "SlowDown"}
)  # fmt: skip
_NOT_ALLOWED = frozenset({"AccessDeniedException", "AccessDenied", "403", "Forbidden"})
_BAD_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
     "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken",
     "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestExpired", "SignatureDoesNotMatch",
     "UnrecognizedClientException"}
)  # fmt: skip
_ABSENT = re.compile(r"not found|could not find|not in service|does not exist", re.IGNORECASE)
_REFUSAL = re.compile(r"not authorized to perform: (\S+)(?: on resource: (\S+))?")
_CREDENTIALS_REMEDY = "Log in again, or name the right profile with AWS_PROFILE or session=boto3.Session(...)."


@dataclass(frozen=True, slots=True)
class Call:
    """What is being asked of AWS, for messages.

    Attributes:
        address: The endpoint or object in words.
        action: The IAM action that allows it.
        resource: ARN of what it is allowed on; ACCOUNT stands for what is not known.
        timeout: Seconds that an answer may take.
    """

    address: str
    action: str
    resource: str
    timeout: float


@contextmanager
def failures_in_words(call: Call) -> Iterator[None]:
    """Turn what botocore raises in the block into an error of ours."""
    try:
        yield
    except aws.ClientError as error:
        raise error_from_answer(error.response, call) from None
    except aws.BotoCoreError as error:
        raise _error_without_answer(error, call) from None
    except urllib3.exceptions.HTTPError as error:  # botocore lets them through where it reads bodies
        raise _no_answer(error, call) from None


@contextmanager
def interruptions_in_words(call: Call) -> Iterator[None]:
    """Turn what botocore raises while an answer is read into ``StreamInterruptedError``."""
    try:
        yield
    except aws.EventStreamError as error:
        answer: dict[str, Any] = dict(error.response["Error"])
        why = f"{answer.get('Code')}: {answer.get('Message')}"
    except (urllib3.exceptions.TimeoutError, aws.ReadTimeoutError):
        why = f"nothing came for {call.timeout:g} s"
    except (urllib3.exceptions.ProtocolError, aws.ResponseStreamingError, aws.IncompleteReadError):
        why = "the connection ended before the answer did"
    except (urllib3.exceptions.HTTPError, aws.BotoCoreError, ParserError) as error:
        why = str(error)
    else:
        return
    raise StreamInterruptedError(
        f"the answer of {call.address} broke off: {why.rstrip('.')}.",
        remedy="The endpoint's log says more.",
        status=200,
    )


def error_from_answer(response: Any, call: Call) -> ModelBuilderError:
    """The error that an answer of AWS means.

    Args:
        response: ``ClientError.response``.
        call: What was asked.
    """
    code, message = str(response["Error"].get("Code", "")), str(response["Error"].get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    if code == "ModelError":
        return _model_error(response, call)
    if code in _NOT_ALLOWED:
        return _not_allowed(message, call, status)
    if code in _BAD_CREDENTIALS:
        return AccessDeniedError(
            f"AWS does not accept the credentials: {as_sentence(message or code)}",
            remedy=_CREDENTIALS_REMEDY,
            status=status,
        )
    if code in THROTTLED or (status == 429 and code != "ModelNotReadyException"):
        attempts = int(metadata.get("RetryAttempts", 0)) + 1
        return ThrottledError(
            f"{call.address} is throttled, after {attempts} attempts: {as_sentence(message or code)}",
            remedy="Send less at a time, give a higher max_attempts, or let the endpoint scale.",
            status=status,
        )
    what = f"{call.address}: {(message or code).rstrip('.')} ({code})."
    if code == "ValidationError" and _ABSENT.search(message):
        return EndpointUnavailableError(
            what, remedy="Check the endpoint's name, region and account, and that it is InService.", status=status
        )
    if status == 413:
        return PayloadTooLargeError(what, remedy="Send fewer rows at a time.", status=status)
    if 400 <= status < 500 and code != "ModelNotReadyException":
        return RequestRejectedError(what, remedy="Mend the request; AWS refused it, not the model.", status=status)
    return EndpointUnavailableError(
        what, remedy="Wait and try again; this comes from AWS, not the model.", status=status
    )


def _model_error(response: Any, call: Call) -> PredictionError:
    original = int(response.get("OriginalStatusCode") or 0)
    said = str(response.get("OriginalMessage") or response["Error"].get("Message", ""))
    log = response.get("LogStreamArn")
    if original == 0:  # the container gave no answer at all; AWS words it as status 0
        return PredictionTimeoutError(
            f"{call.address}: the container did not answer: {as_sentence(container_message(said))}",
            remedy=f"SageMaker waits 60 s: send fewer rows at a time, or use predict_async(). Log: {log}",
            status=0,
        )
    return error_for_status(original, said, address=call.address, log_stream_arn=log)


def _not_allowed(message: str, call: Call, status: int) -> AccessDeniedError:
    named = _REFUSAL.search(message)
    action = named.group(1) if named else call.action
    resource = (named.group(2) if named else None) or call.resource
    hint = ""
    if action == "s3:GetObject":  # S3 hides from those who may not list whether an object exists
        hint = " Allow s3:ListBucket on the bucket too: without it S3 answers so for answers that are not there yet."
    return AccessDeniedError(
        f"{call.address}: AWS does not allow the call: {message.rstrip('.') or 'access denied'}.",
        remedy=f"Allow {action} on {resource} to whoever calls.{hint}",
        status=status,
    )


def _error_without_answer(error: Exception, call: Call) -> ModelBuilderError:
    if isinstance(error, aws.ReadTimeoutError):
        return PredictionTimeoutError(
            f"{call.address} did not answer within {call.timeout:g} s.",
            remedy="Send fewer rows at a time, give a longer timeout, or use predict_async().",
            status=0,
        )
    if isinstance(
        error,
        (
            *(aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError),
            *(aws.TokenRetrievalError, aws.SSOError, aws.UnauthorizedSSOTokenError),
        ),
    ):
        return AccessDeniedError(
            f"there are no AWS credentials for {call.address}: {as_sentence(str(error))}",
            remedy=_CREDENTIALS_REMEDY,
            status=0,
        )
    if isinstance(error, aws.ParamValidationError):
        return UsageError(f"{call.address}: {as_sentence(str(error))}", remedy="Mend the argument that it names.")
    if isinstance(error, aws.ConnectionClosedError):
        return EndpointUnavailableError(
            f"{call.address} gave no answer: {as_sentence(str(error))}",
            remedy="The model may have run all the same: look at the endpoint's log before you send it again.",
            status=0,
        )
    return _no_answer(error, call)


def _no_answer(error: Exception, call: Call) -> EndpointUnavailableError:
    return EndpointUnavailableError(
        f"{call.address} gave no answer: {as_sentence(str(error))}",
        remedy="Check the network and the region.",
        status=0,
    )
