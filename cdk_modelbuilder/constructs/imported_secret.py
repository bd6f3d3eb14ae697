"""A secret that exists already, by its ARN: all that a template needs, without the CDK's module for secrets.

That module loads the one for networks too, which takes most of a second in every synth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_secretsmanager as secretsmanager


class ImportedSecret:
    """A secret of AWS Secrets Manager; made by ``SigningSecret.from_name()`` and ``.from_arn()``.

    Args:
        scope: Parent of what has to be made for it.
        id: Its id there.
        secret_arn: The ARN, complete or without its last six characters.
        is_complete: Which of both.
        region: Where it is.
        encryption_key: Gives its KMS key when it is asked for.

    Attributes:
        secret_arn: The ARN.
        secret_full_arn: The complete ARN; None where it is not known.
        region: Where it is.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        secret_arn: str,
        is_complete: bool,
        region: str,
        encryption_key: Callable[[], kms.IKey | None],
    ) -> None:
        self._scope, self._id = scope, id
        self.secret_arn, self.region = secret_arn, region
        self.secret_full_arn = secret_arn if is_complete else None
        self._find_key = encryption_key
        self._key: kms.IKey | None = None
        self._secret: secretsmanager.ISecret | None = None

    @property
    def encryption_key(self) -> kms.IKey | None:
        """Its KMS key; None for AWS's own."""
        self._key = self._key or self._find_key()
        return self._key

    @property
    def secret_value(self) -> cdk.SecretValue:
        """The whole value, as a reference."""
        return cdk.SecretValue.secrets_manager(self.secret_arn)

    def secret_value_from_json(self, field: str) -> cdk.SecretValue:
        """One field of the value, as a reference."""
        return cdk.SecretValue.secrets_manager(self.secret_arn, json_field=field)

    @property
    def secret(self) -> secretsmanager.ISecret:
        """The same as the CDK's own interface."""
        from aws_cdk import aws_secretsmanager as secretsmanager  # noqa: PLC0415 - see above

        if self._secret is None:
            self._secret = secretsmanager.Secret.from_secret_attributes(
                self._scope,
                self._id,
                secret_complete_arn=self.secret_full_arn,
                secret_partial_arn=None if self.secret_full_arn else self.secret_arn,
                encryption_key=self.encryption_key,
            )
        return self._secret

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` read the value."""
        return self.secret.grant_read(grantee)
