"""Makes the key of a bundle available to its endpoint: into the secret, as ``keys push`` does."""

from __future__ import annotations

import json

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.errors import KeyFileError
from cdk_modelbuilder.integrity.keys import require_master_key
from cdk_modelbuilder.integrity.secrets_manager import default_secret_name, push_key


def make_key_available(
    bundle: ModelBundle, account: Account, *, secret: str | None, signing_key: str | bytes | None
) -> str | None:
    """Put the bundle's key into its secret; returns the secret's name, or None for a bundle that needs no key.

    Without the master key here it is enough that the secret has the key already, as after CI pushed it.

    Args:
        bundle: The bundle; its signature is checked.
        account: Where the secret is.
        secret: Name or ARN of the secret. Default: the bundle's own.
        signing_key: The master key. Default: the environment's, else the key file's.

    Raises:
        IntegrityError: The bundle was signed with another key, or changed since.
        KeyFileError: There is no master key and the secret lacks the bundle's, or AWS refused.
    """
    if not bundle.container.secret_environment:
        return None
    name = secret or default_secret_name(bundle.name)
    try:
        master = require_master_key(
            signing_key, purpose=f"to derive the key of {bundle.name} from", remedy=", or as signing_key"
        )
    except KeyFileError:
        if signing_key is None and _has_key(account, name, bundle.key_id):
            return name
        raise
    push_key(
        bundle.check_signature(master.secret),
        name,
        region=account.region,
        description=f"Keys of the bundles of {bundle.name}, by key id",
        session=account.session,
    )
    return name


def _has_key(account: Account, secret: str, key_id: str) -> bool:
    try:
        text = account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        keys = json.loads(text)
    except Exception:  # noqa: BLE001 - the missing master key is what is told
        return False
    return isinstance(keys, dict) and key_id in keys
