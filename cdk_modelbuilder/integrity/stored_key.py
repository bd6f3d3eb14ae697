"""Fetches a bundle's key from AWS Secrets Manager, for a container that was given the secret's ARN alone.

Travels into bundles as ``code/modelbuilder_stored_key.py``, beside the verifier that imports it in this mode only:
standard library and Python 3.8, and boto3, which is imported when a key is fetched. The credentials are the execution
role's. ``AWS_ENDPOINT_URL`` counts, as everywhere in boto3.

Source of the errors' names: GetSecretValue in the AWS Secrets Manager API Reference, and botocore.exceptions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 5
READ_SECONDS = 10
ATTEMPTS = 3


class StoredKeyError(ValueError):
    """The key could not be fetched. The message says why and what to do."""


def fetch_key(secret_arn: str, key_id: str) -> str:
    """The value of the field ``key_id`` in the secret's JSON object: the bundle key in hex. Takes a minute at most.

    Raises:
        StoredKeyError: No boto3, no credentials, no permission, no network, no such secret, or no such key in it.
    """
    parts = secret_arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "secretsmanager" or parts[5] != "secret":
        raise StoredKeyError(f"{secret_arn!r} is not the ARN of a secret in AWS Secrets Manager.")
    try:
        import boto3
        from botocore import exceptions
        from botocore.config import Config
    except ImportError:
        raise StoredKeyError(
            "fetching the key needs boto3, which this container does not have. Build the bundle with "
            "dependencies={'custom': ['boto3']}, or deploy with Integrity.hmac or Integrity.public_key."
        ) from None
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        client = boto3.Session(region_name=parts[3]).client("secretsmanager", config=config)
        answer = client.get_secret_value(SecretId=secret_arn)
    except exceptions.ClientError as error:
        raise StoredKeyError(_refusal(secret_arn, error.response.get("Error", {}))) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError):
        raise StoredKeyError(
            f"there are no AWS credentials to fetch the key from {secret_arn} with. Give the model an execution role "
            "and no network isolation, which takes the credentials away too, or deploy with Integrity.hmac or "
            "Integrity.public_key."
        ) from None
    except exceptions.BotoCoreError as error:  # among them: no route, no answer in time, no such host
        raise StoredKeyError(
            f"AWS Secrets Manager in {parts[3]} cannot be reached to fetch the key ({error}). With network isolation "
            "it never can: deploy with Integrity.hmac or Integrity.public_key. In a VPC without internet, add the "
            f"interface endpoint com.amazonaws.{parts[3]}.secretsmanager."
        ) from None
    return _key_in(answer.get("SecretString"), secret_arn, key_id)


def _refusal(arn: str, error: Mapping[str, Any]) -> str:
    code, message = str(error.get("Code")), str(error.get("Message"))
    if code in ("AccessDeniedException", "AccessDenied"):
        action = "kms:Decrypt on the secret's key" if "kms" in message.lower() else "secretsmanager:GetSecretValue"
        return f"the execution role may not read {arn}: it needs {action}. AWS says: {message}"
    if code == "DecryptionFailure":
        return (
            f"{arn} cannot be decrypted: the execution role needs kms:Decrypt on the secret's key. AWS says: {message}"
        )
    if code == "ResourceNotFoundException":
        return (
            f"there is no secret {arn}, or it holds no value yet. Fill it with `cdk-modelbuilder keys push`, and use "
            f"its complete ARN. AWS says: {message}"
        )
    return f"AWS did not give the key in {arn}: {code}: {message}"


def _key_in(text: Any, arn: str, key_id: str) -> str:
    try:
        keys = json.loads(text)
        if not isinstance(keys, dict):
            raise TypeError
    except (TypeError, ValueError, RecursionError):
        raise StoredKeyError(
            f"{arn} does not hold a JSON object of keys. Let `cdk-modelbuilder keys push` fill it."
        ) from None
    key = keys.get(key_id)
    if not isinstance(key, str):
        raise StoredKeyError(
            f"{arn} has no key {key_id}, the one of this bundle. Add it: `cdk-modelbuilder keys push`."
        )
    return key
