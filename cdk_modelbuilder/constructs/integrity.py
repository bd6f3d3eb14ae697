"""Integrity: how a container gets what it checks the bundle's signature with. The digests are pinned in each way.

| mode               | in the environment        | who may read it learns | network isolation |
|--------------------|---------------------------|------------------------|-------------------|
| `hmac`             | the bundle's key          | the key of this bundle | works             |
| `secret_reference` | the ARN of a secret       | nothing                | cannot work       |
| `public_key`       | a public key              | nothing                | works             |

docs/integrity.md says what each of them stops.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.imported_secret import ImportedSecret
from cdk_modelbuilder.constructs.permissions import Statement, allow, decrypt_with
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.public_key import check_signed_by, read_public_key
from cdk_modelbuilder.integrity.public_signature import PublicKey

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_secretsmanager as secretsmanager


@dataclass(frozen=True, slots=True)
class BoundIntegrity:
    """What one bundle's container and execution role need for the check.

    Attributes:
        environment: Variables of the mode alone; values may hold CDK tokens. The pins stand in the container spec.
        statements: IAM statements, as they stand in a policy document, for the execution role.
        works_isolated: Whether the check can be done under network isolation.
        needs_network: Why it cannot; empty where it can.
    """

    environment: Mapping[str, str]
    statements: Sequence[Statement] = ()
    works_isolated: bool = True
    needs_network: str = ""


class Integrity(ABC):
    """How a container gets the key: one of the three static methods makes one, :meth:`bind` applies it to a bundle."""

    @staticmethod
    def hmac(secret: secretsmanager.ISecret | ImportedSecret) -> Integrity:
        """CloudFormation puts the bundle's own key into the environment, by a dynamic reference.

        The template names the key's id only. Works with network isolation; DescribeModel shows the key, which can sign
        nothing but the pinned content.

        Args:
            secret: Its JSON maps key ids to keys; ``cdk-modelbuilder keys push`` fills it.

        Raises:
            UsageError: No secret, such as a key as plain text.
        """
        return _HmacKey(_Secret.of(secret))

    @staticmethod
    def secret_reference(secret: secretsmanager.ISecret | ImportedSecret) -> Integrity:
        """The environment holds the secret's ARN; the container fetches the key once, with its execution role.

        DescribeModel shows no key. Needs boto3 in the container and a way to Secrets Manager: no network isolation,
        and in a VPC without internet an interface endpoint.

        Args:
            secret: Its JSON maps key ids to keys; ``cdk-modelbuilder keys push`` fills it.

        Raises:
            UsageError: No secret, such as a key as plain text.
        """
        return _SecretReference(_Secret.of(secret))

    @staticmethod
    def public_key(key: str | Path) -> Integrity:
        """The environment holds a public key, and the bundle a signature that was made with its private half.

        Nothing of it is secret, nothing is fetched; works with network isolation. The bundle must be built with
        ``ModelBuilder(signing_private_key=...)``.

        Args:
            key: The public key of ``cdk-modelbuilder keys create-pair`` (ECDSA P-256, PEM): its file, or its text.

        Raises:
            KeyFileError: No such file, or it holds no such key.
        """
        return _PublicKey(read_public_key(key))

    @abstractmethod
    def bind(self, bundle: ModelBundle) -> BoundIntegrity:
        """What the container and the role of ``bundle`` need.

        Raises:
            UsageError: The bundle lacks the signature that this mode checks.
            IntegrityError: It was signed with another private key.
        """


@dataclass(slots=True)
class _Secret:
    """An ISecret whose attributes are asked for once: each costs a call to another process."""

    secret: secretsmanager.ISecret | ImportedSecret
    _arn: str | None = field(default=None, init=False)

    @classmethod
    def of(cls, secret: object) -> _Secret:
        if isinstance(secret, str) or not hasattr(secret, "secret_value_from_json"):
            raise UsageError(
                f"the secret is a {type(secret).__name__}, not an ISecret.",
                remedy="Give SigningSecret(...).secret, or aws_secretsmanager.Secret.from_secret_name_v2(self, 'Key', "
                "'name'). A key as text would stand in the template.",
            )
        return cls(secret)  # type: ignore[arg-type]

    @property
    def arn(self) -> str:
        if self._arn is None:
            self._arn = self.secret.secret_arn
        return self._arn

    @property
    def arn_for_policies(self) -> str:
        """The ARN, with a pattern for the six random characters where they are not known."""
        return self.secret.secret_full_arn or f"{self.arn}-??????"


class _HmacKey(Integrity):
    def __init__(self, secret: _Secret) -> None:
        self._secret = secret

    def bind(self, bundle: ModelBundle) -> BoundIntegrity:
        # What secret_value_from_json(key_id).unsafe_unwrap() gives, without two calls for every bundle.
        start = f"{{{{resolve:secretsmanager:{self._secret.arn}:SecretString:"
        references = {
            variable: f"{start}{key_id}::}}}}" for variable, key_id in bundle.container.secret_environment.items()
        }
        return BoundIntegrity(references)


class _SecretReference(Integrity):
    def __init__(self, secret: _Secret) -> None:
        self._secret = secret
        self._statements: list[Statement] | None = None

    def bind(self, bundle: ModelBundle) -> BoundIntegrity:  # noqa: ARG002 - the key's id is a pin already
        if self._statements is None:
            self._statements = _may_read(self._secret)
        return BoundIntegrity(
            {verifier.KEY_ARN_VARIABLE: self._secret.arn},
            statements=self._statements,
            works_isolated=False,
            needs_network="Integrity.secret_reference fetches the key from Secrets Manager when the container starts.",
        )


class _PublicKey(Integrity):
    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self._checked: set[bytes] = set()

    def bind(self, bundle: ModelBundle) -> BoundIntegrity:
        if bundle.public_signature is None:
            raise UsageError(
                f"{bundle.path} has no public signature: it was built without a private key.",
                remedy="Build it with ModelBuilder(signing_private_key=...), or use Integrity.hmac(secret).",
            )
        if bundle.public_signature not in self._checked:  # it takes 6 ms
            # What the container would find out minutes after the deployment began.
            check_signed_by(self._key, bundle.public_signature, bundle.manifest.data)
            self._checked.add(bundle.public_signature)
        return BoundIntegrity({verifier.PUBLIC_KEY_VARIABLE: self._key.line})


def _may_read(secret: _Secret) -> list[Statement]:
    statements = [allow("ReadBundleKey", ["secretsmanager:GetSecretValue"], [secret.arn_for_policies])]
    key = secret.secret.encryption_key
    if key is not None:
        through = f"secretsmanager.{_region(secret)}.amazonaws.com"
        statements.append(decrypt_with("DecryptBundleKey", key.key_arn, through=through))
    return statements


def _region(secret: _Secret) -> str:
    given = secret.secret
    if isinstance(given, ImportedSecret):
        return given.region
    return given.env.region if is_token(secret.arn) else secret.arn.split(":")[3]
