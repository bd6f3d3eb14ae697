"""SigningSecret: the secret that holds the keys of one model's bundles, in a stack that outlives what it signs for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_modelbuilder.constructs.acknowledgements import acknowledge
from cdk_modelbuilder.constructs.arguments import account_of, check_name, is_token, region_of
from cdk_modelbuilder.constructs.imported_secret import ImportedSecret
from cdk_modelbuilder.constructs.permissions import PARTITION
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.secrets_manager import default_secret_name, looks_complete

if TYPE_CHECKING:
    from aws_cdk import aws_secretsmanager as secretsmanager

_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_ROTATION_RULES = [
    "AwsSolutions-SMG4",
    *(f"{pack}-SecretsManagerRotationEnabled" for pack in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5")),
]
_NOT_ROTATED = (
    "Each key in it is derived for one bundle and signs nothing but that bundle's pinned content. A rotation is a new "
    "master key and new bundles, which bring new fields; a value of a rotation function would break every deployment."
)


class SigningSecret(Construct):
    """A secret of AWS Secrets Manager, encrypted with a key of its own, that ``cdk-modelbuilder keys push`` fills.

    It is made without a value, so CloudFormation never writes one over the keys that builders have pushed. Secret and
    key are retained when the stack goes: bundles that are deployed, and rollbacks, need them. Put it into a stack of
    its own; the stacks of endpoints take ``secret``, or :meth:`from_name`.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        model_name: Name of the model's bundles. The secret is called ``cdk-modelbuilder/<model_name>``, which is where
            ``keys push`` puts keys without being told.
        secret_name: Another name for the secret, instead of ``model_name``.
        encryption_key: KMS key of the secret. Default: a new one with yearly rotation and the alias
            ``alias/<name of the secret>``.

    Attributes:
        secret: The secret, as ``Integrity.hmac`` and ``Integrity.secret_reference`` take it.
        encryption_key: The KMS key.

    Raises:
        UsageError: Neither or both of the names, or one that Secrets Manager does not take or would mistake.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        model_name: str | None = None,
        secret_name: str | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        from aws_cdk import aws_secretsmanager as secretsmanager  # noqa: PLC0415 - not needed where one is imported

        super().__init__(scope, id)
        name = _name(model_name, secret_name)
        self.encryption_key: kms.IKey = encryption_key or self._new_key(name)
        secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=name,
            description=f"Keys of the bundles of {model_name or name}, by key id",
            encryption_key=self.encryption_key,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        resource = secret.node.default_child
        assert isinstance(resource, cdk.CfnResource)
        # The CDK's class always has AWS make up a value, which is no JSON object of keys.
        resource.add_property_deletion_override("GenerateSecretString")
        acknowledge(resource, _NOT_ROTATED, cdk_rules=_ROTATION_RULES, guard=["SECRETSMANAGER_ROTATION_ENABLED_CHECK"])
        self.secret: secretsmanager.ISecret = secret

    @staticmethod
    def from_name(
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        model_name: str | None = None,
        *,
        secret_name: str | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> ImportedSecret:
        """The secret of a model in this account and region, made in another stack or by ``keys push``.

        Its ARN ends in six characters that only AWS knows, so policies allow any six there.

        Args:
            scope: Parent construct.
            id: Id within the parent.
            model_name: Name of the model's bundles.
            secret_name: The secret's own name, instead of ``model_name``.
            encryption_key: Its KMS key. Default: whichever has the alias that :class:`SigningSecret` gives it.

        Raises:
            UsageError: Neither or both of the names, or one that Secrets Manager does not take or would mistake.
        """
        name = _name(model_name, secret_name)
        arn = f"arn:{PARTITION}:secretsmanager:{region_of(scope)}:{account_of(scope)}:secret:{name}"

        def key() -> kms.IKey:
            return encryption_key or kms.Alias.from_alias_name(scope, f"{id}Alias", _alias(name))

        return ImportedSecret(scope, id, secret_arn=arn, is_complete=False, region=region_of(scope), encryption_key=key)

    @staticmethod
    def from_arn(
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        secret_arn: str,
        *,
        encryption_key: kms.IKey | None = None,
    ) -> ImportedSecret:
        """A secret by its complete ARN, as ``keys push`` prints it: also one of another account or region.

        Args:
            scope: Parent construct.
            id: Id within the parent.
            secret_arn: The ARN with its last six characters.
            encryption_key: Its KMS key, which ``Integrity.secret_reference`` needs if it is not AWS's own.

        Raises:
            UsageError: No ARN of a secret, or one without its last six characters.
        """
        parts = secret_arn.split(":")
        if not is_token(secret_arn) and (len(parts) != 7 or parts[2] != "secretsmanager" or parts[5] != "secret"):
            raise UsageError(
                f"{secret_arn!r} is not the ARN of a secret.",
                remedy="Give what `cdk-modelbuilder keys push` printed, or use SigningSecret.from_name().",
            )
        if not is_token(secret_arn) and not looks_complete(secret_arn):
            raise UsageError(
                f"{secret_arn} is not complete: the hyphen and six characters at its end are missing.",
                remedy="Give what `cdk-modelbuilder keys push` printed, or use SigningSecret.from_name().",
            )
        return ImportedSecret(
            scope,
            id,
            secret_arn=secret_arn,
            is_complete=True,
            region=region_of(scope) if is_token(secret_arn) else parts[3],
            encryption_key=lambda: encryption_key,
        )

    def grant_push(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a builder add keys: what ``cdk-modelbuilder keys push`` needs, and no more."""
        self._grant_key(grantee, "kms:Decrypt", "kms:GenerateDataKey")
        return self._grant(grantee, "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` read the keys: CloudFormation's execution role, for ``Integrity.hmac``."""
        self._grant_key(grantee, "kms:Decrypt")
        return self._grant(grantee, "secretsmanager:GetSecretValue")

    def _new_key(self, secret_name: str) -> kms.Key:
        retain = cdk.RemovalPolicy.RETAIN
        description = f"Encrypts the secret {secret_name}"
        key = kms.Key(self, "Key", description=description, enable_key_rotation=True, removal_policy=retain)
        # from_name() finds the key by it, so it stays with the key.
        kms.Alias(self, "Alias", alias_name=_alias(secret_name), target_key=key, removal_policy=retain)
        return key

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal_or_resource(
            grantee=grantee,
            actions=list(actions),
            resource_arns=[self.secret.secret_arn],
            resource_self_arns=["*"],
            resource=self.secret,
        )

    def _grant_key(self, grantee: iam.IGrantable, *actions: str) -> None:
        service = f"secretsmanager.{cdk.Stack.of(self).region}.amazonaws.com"
        self.encryption_key.grant(kms.ViaServicePrincipal(service, grantee.grant_principal), *actions)


def _name(model_name: str | None, secret_name: str | None) -> str:
    if (model_name is None) == (secret_name is None):
        raise UsageError(
            "either model_name or secret_name names the secret, not both and not neither.",
            remedy="Give the name of the bundle: model_name='churn'.",
        )
    if model_name is not None:
        if is_token(model_name):
            raise UsageError("model_name is not known at synth.", remedy="Give text, such as model_name=bundle.name.")
        check_name("model_name", model_name)
        return default_secret_name(model_name)
    assert secret_name is not None
    if not _SECRET_NAME.fullmatch(secret_name):
        raise UsageError(
            f"secret_name {secret_name!r} cannot name a secret.", remedy="Use letters, digits and any of / _ + = . @ -"
        )
    if looks_complete(secret_name):
        raise UsageError(
            f"secret_name {secret_name!r} ends in a hyphen and six characters, as a complete ARN does: Secrets Manager "
            "would not find it by its name.",
            remedy=f"Use another, such as {secret_name}/keys.",
        )
    return secret_name


def _alias(secret_name: str) -> str:
    return "alias/" + re.sub(r"[^a-zA-Z0-9/_-]", "-", secret_name)
