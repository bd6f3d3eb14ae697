"""From what botocore raises to errors that say what to do; and two outcomes that publishing deals with itself.

Source: the Amazon S3 API reference, "Error responses".
"""

from __future__ import annotations

from typing import Final

from botocore import exceptions as aws

from cdk_modelbuilder.errors import ModelBuilderError, PublishError
from cdk_modelbuilder.publishing.permissions import ACTION_OF_OPERATION, KEY_ACTIONS

TAKEN: Final = frozenset({"PreconditionFailed", "412"})
INTERFERED: Final = frozenset({"ConditionalRequestConflict", "OperationAborted", "NoSuchUpload", "InvalidPart"})
_REFUSED: Final = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"})
_BAD_CREDENTIALS: Final = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
     "RequestTimeTooSkewed", "AuthorizationHeaderMalformed"}
)  # fmt: skip
_AGAIN = "Publish again: it goes on with the parts that have arrived."


class KeyTakenError(Exception):
    """There is an object under the key already."""


class OtherPublisherError(Exception):
    """Another publisher of the same object came in between: the upload is gone or was changed, or two writes met."""


def code_of(error: aws.ClientError) -> str:
    """S3's code for an error; for an answer without a body it is the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def failure(error: Exception, operation: str, place: str) -> ModelBuilderError:
    """The error that ``error`` means.

    Args:
        error: What botocore raised.
        operation: The operation of S3's API.
        place: ``s3://`` address of what was asked for.
    """
    if isinstance(error, aws.ClientError):
        return _from_answer(error, operation, place)
    said = str(error).rstrip(".")
    if isinstance(
        error,
        (
            *(aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError),
            *(aws.TokenRetrievalError, aws.SSOError, aws.UnauthorizedSSOTokenError),
        ),
    ):
        return PublishError(
            f"there are no AWS credentials for {place}: {said}.", remedy="Log in, or name a profile with AWS_PROFILE."
        )
    return PublishError(f"{operation} of {place} got no answer: {said}.", remedy=f"Check the network. {_AGAIN}")


def _from_answer(error: aws.ClientError, operation: str, place: str) -> PublishError:
    code = code_of(error)
    message = str(error.response.get("Error", {}).get("Message") or code).rstrip(".")
    bucket = place.removeprefix("s3://").partition("/")[0]
    if code == "NoSuchBucket" or (operation == "HeadBucket" and code == "404"):
        return PublishError(
            f"there is no bucket {bucket}.",
            remedy="Check the name and the account; the ArtifactBucket construct makes one.",
        )
    if code in _REFUSED:
        return _refusal(operation, place, message)
    if code in _BAD_CREDENTIALS:
        return PublishError(
            f"AWS does not accept the credentials for {place}: {message} ({code}).", remedy=f"Log in again. {_AGAIN}"
        )
    if code.startswith("KMS."):
        return PublishError(
            f"{place}: the KMS key cannot be used: {message} ({code}).",
            remedy="Check the key's id, region and state; the bucket's own key is used without --kms-key-id.",
        )
    return PublishError(f"{operation} of {place} failed: {message} ({code}).", remedy=_AGAIN)


def _refusal(operation: str, place: str, message: str) -> PublishError:
    action = ACTION_OF_OPERATION[operation]
    bucket = place.removeprefix("s3://").partition("/")[0]
    of_bucket = action in ("s3:ListBucket", "s3:ListBucketMultipartUploads")
    hint = ""
    if "kms" in message.lower():
        hint = f" For an encrypted bucket, {' and '.join(KEY_ACTIONS)} on its key, too."
    elif operation == "HeadObject":
        hint = (
            " Refused in the same way without s3:ListBucket on the bucket, if the object is absent, and without "
            "kms:Decrypt on its key."
        )
    elif operation == "HeadBucket":
        hint = " If that is so, the bucket may be somebody else's: check its name."
    return PublishError(
        f"AWS does not allow {operation} of {place}: {message}.",
        remedy=f"Allow {action} on {f'the bucket {bucket}' if of_bucket else place}. All that is needed is what "
        f"ArtifactBucket.grant_publish() grants.{hint}",
    )
