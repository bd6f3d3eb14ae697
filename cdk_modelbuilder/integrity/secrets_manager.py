"""Puts bundle keys into AWS Secrets Manager: one secret a model, whose JSON maps key id to key.

Old keys stay in it, so that a rollback to an earlier bundle finds its own.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.errors import KeyFileError, UsageError
from cdk_modelbuilder.integrity.signature import BundleKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


_LOOKS_COMPLETE = re.compile(r"-[A-Za-z0-9]{6}$")


def default_secret_name(model_name: str) -> str:
    """The name of a model's secret, for the command line and the constructs alike.

    An ARN ends in a hyphen and six random characters. A name that ends so itself makes an ARN without them look
    complete, and Secrets Manager then finds nothing (its User Guide, "Secrets Manager secret identifiers"); so such a
    model, ``churn-weekly`` for instance, gets another ending.
    """
    name = f"cdk-modelbuilder/{model_name}"
    return f"{name}/keys" if looks_complete(name) else name


def looks_complete(secret: str) -> bool:
    """Whether this name or ARN ends like a complete ARN: in a hyphen and six letters or digits."""
    return _LOOKS_COMPLETE.search(secret) is not None


def push_key(
    key: BundleKey, secret_name: str, *, region: str | None = None, description: str = "", session: Any = None
) -> str:
    """Add ``key`` to the secret, which is made if there is none, and return the secret's ARN.

    Args:
        key: The bundle's key.
        secret_name: The secret's name, or its ARN.
        region: AWS region. Default: as configured for boto3.
        description: For a secret that is made.
        session: A boto3 session. Default: boto3's own.

    Raises:
        KeyFileError: The secret holds something else, or AWS refused.
        UsageError: boto3 is not installed.
    """
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "pushing a key needs boto3, which is not installed.", remedy="Run: pip install 'cdk-modelbuilder[aws]'"
        ) from None
    try:
        client = (session or boto3).client("secretsmanager", region_name=region)
        return _push(client, key, secret_name, description)
    except (BotoCoreError, ClientError) as error:
        raise KeyFileError(
            f"AWS did not take the key for the secret {secret_name!r}: {error}",
            remedy="Check credentials and region; secretsmanager:GetSecretValue, CreateSecret and PutSecretValue are "
            "needed.",
        ) from None


def _push(client: SecretsManagerClient, key: BundleKey, secret_name: str, description: str) -> str:
    entry = {key.key_id: key.secret.hex()}
    try:
        found = client.get_secret_value(SecretId=secret_name)
    except client.exceptions.ResourceNotFoundException:
        return _push_first(client, json.dumps(entry), secret_name, description)
    keys = _keys_in(found.get("SecretString", ""), secret_name)
    if keys.get(key.key_id) != key.secret.hex():
        client.put_secret_value(SecretId=secret_name, SecretString=json.dumps({**keys, **entry}, sort_keys=True))
    return found["ARN"]


def _push_first(client: SecretsManagerClient, text: str, secret_name: str, description: str) -> str:
    try:  # it may be there without a value, as the SigningSecret construct makes it; nothing else tells the two apart
        return client.put_secret_value(SecretId=secret_name, SecretString=text)["ARN"]
    except client.exceptions.ResourceNotFoundException:
        made = client.create_secret(
            Name=secret_name, SecretString=text, Description=description or "Keys of cdk-modelbuilder"
        )
        return made["ARN"]


def _keys_in(text: str, secret_name: str) -> dict[str, Any]:
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise KeyFileError(
            f"the secret {secret_name!r} does not hold a JSON object of keys; it stays as it is.",
            remedy="Give another --secret-name, one that is used for nothing else.",
        )
    return keys
