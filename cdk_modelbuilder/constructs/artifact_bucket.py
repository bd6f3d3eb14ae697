"""ArtifactBucket: where published bundles lie, and stay what they were.

Three things keep a published object as it is: who writes cannot write over it (S3 refuses a request without
``If-None-Match``), nobody deletes it but named administrators, and nobody but them and CloudFormation changes the
settings that say so. With Object Lock, not even they can, until its time is over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_modelbuilder.constructs.acknowledgements import acknowledge
from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.publishing.location import check_bucket_name, normal_prefix
from cdk_modelbuilder.publishing.permissions import BUCKET_ACTIONS, KEY_ACTIONS, OBJECT_ACTIONS

UNFINISHED_DAYS: Final = 7

_REMOVING: Final = (
    "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectLegalHold",
    "s3:PutObjectRetention", "s3:ReplicateDelete", "s3:ReplicateObject",
)  # fmt: skip
_WEAKENING: Final = (
    "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketLogging",
    "s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration",
)  # fmt: skip
_ARN = re.compile(r"arn:[^:]+:(iam|sts)::[^:]+:.+")


class ArtifactBucket(Construct):
    """A bucket for what ``cdk-modelbuilder publish`` writes.

    Versioned, encrypted, reached over TLS 1.2 or newer only, closed to the public, without ACLs, and kept when the
    stack is deleted, together with its policy. A policy of the bucket denies, whatever IAM allows:

    * to everybody: writing over an object. Requests need ``If-None-Match``, as ``publish`` sends it (User Guide,
      "Enforce conditional writes on Amazon S3 buckets"). Copying into the bucket is refused with that.
    * to everybody but ``administrators``: deleting objects and versions, and replicating into the bucket.
    * to everybody but ``administrators`` and the role with which CloudFormation deploys this stack: changing the
      bucket's policy, versioning, encryption, life cycle, public access, and deleting the bucket. Where that role is
      not known this is left out, with a warning: else the stack could not be updated any more.

    The account's root user can always replace the policy (User Guide, "Bucket policies").

    Args:
        scope: Parent construct.
        id: Id within the parent.
        bucket_name: A fixed name. Default: CloudFormation makes one.
        encryption_key: Encrypt with this key, through a bucket key. Default: with keys of S3.
        object_lock: Lock each object for a time: ``s3.ObjectLockRetention.governance(Duration.days(365))``, or
            ``compliance``, which nobody can undo. Default: no lock.
        administrators: Roles, or ARNs that may hold ``*``, of those who may delete objects and change the bucket.
        deployment_role: Role, or its ARN, with which CloudFormation deploys this stack. Default: the one that the
            bootstrap made, where the stack has the default synthesizer; one that is passed to a stack cannot be asked.
        abort_unfinished_after: For how long an interrupted upload can be gone on with. Default: 7 days.
        server_access_logs_bucket: Where S3 logs the requests. Default: nowhere; CloudTrail's data events are another
            way.
        server_access_logs_prefix: What to put before the logs' keys.

    Attributes:
        bucket: The L2 bucket.

    Raises:
        UsageError: An argument that cannot work.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        bucket_name: str | None = None,
        encryption_key: kms.IKey | None = None,
        object_lock: s3.ObjectLockRetention | None = None,
        administrators: Sequence[iam.IRole | str] = (),
        deployment_role: iam.IRole | str | None = None,
        abort_unfinished_after: cdk.Duration | None = None,
        server_access_logs_bucket: s3.IBucket | None = None,
        server_access_logs_prefix: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        if bucket_name is not None and not is_token(bucket_name):
            check_bucket_name(bucket_name)
        exempt = [_arn("administrator", who) for who in _sequence(administrators)]
        deployer = self._deployer() if deployment_role is None else _arn("deployment_role", deployment_role)
        self._key = encryption_key
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=bucket_name,
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED if encryption_key is None else s3.BucketEncryption.KMS,
            encryption_key=encryption_key,
            bucket_key_enabled=None if encryption_key is None else True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            object_lock_enabled=None if object_lock is None else True,
            object_lock_default_retention=object_lock,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="unfinished-uploads",
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(_days(abort_unfinished_after)),
                )
            ],
            server_access_logs_bucket=server_access_logs_bucket,
            server_access_logs_prefix=server_access_logs_prefix,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self._protect(exempt, deployer)
        self._acknowledge(logged=server_access_logs_bucket is not None)

    @property
    def bucket_name(self) -> str:
        """The bucket's name, as a token."""
        return self.bucket.bucket_name

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN, as a token."""
        return self.bucket.bucket_arn

    @property
    def encryption_key(self) -> kms.IKey | None:
        """The KMS key, if there is one."""
        return self._key

    def grant_publish(self, grantee: iam.IGrantable, *, prefix: str = "") -> iam.Grant:
        """Let ``grantee`` do what ``cdk-modelbuilder publish`` does, and no more.

        Args:
            grantee: Who publishes.
            prefix: Only under this prefix. Listing keys is allowed in the whole bucket.

        Raises:
            UsageError: ``prefix`` is none.
        """
        granted = self._grant(grantee, BUCKET_ACTIONS, OBJECT_ACTIONS, prefix)
        return granted if self._key is None else granted.combine(self._key.grant(grantee, *KEY_ACTIONS))

    def grant_read(self, grantee: iam.IGrantable, *, prefix: str = "") -> iam.Grant:
        """Let ``grantee`` list and read artifacts. A ModelEndpoint's own role is narrower, and needs no grant.

        Args:
            grantee: Who reads.
            prefix: Only under this prefix. Listing keys is allowed in the whole bucket.

        Raises:
            UsageError: ``prefix`` is none.
        """
        granted = self._grant(grantee, ("s3:ListBucket",), ("s3:GetObject",), prefix)
        return granted if self._key is None else granted.combine(self._key.grant_decrypt(grantee))

    def _grant(
        self, grantee: iam.IGrantable, of_bucket: Sequence[str], of_objects: Sequence[str], prefix: str
    ) -> iam.Grant:
        grants = [
            iam.Grant.add_to_principal_or_resource(
                grantee=grantee, actions=list(actions), resource_arns=[arn], resource=self.bucket
            )
            for actions, arn in (
                (of_bucket, self.bucket_arn),
                (of_objects, self.bucket.arn_for_objects(f"{normal_prefix(prefix)}*")),
            )
        ]
        return grants[0].combine(grants[1])

    def _protect(self, administrators: Sequence[str], deployer: str | None) -> None:
        objects = self.bucket.arn_for_objects("*")
        self._deny(
            "DenyWritingOver",
            ["s3:PutObject"],
            objects,
            # Without the second condition no multipart upload could begin: only its end creates an object.
            {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        )
        self._deny("DenyRemoving", _REMOVING, objects, _unless(administrators))
        if deployer is not None:
            self._deny("DenyWeakening", _WEAKENING, self.bucket_arn, _unless([deployer, *administrators]))
        else:
            cdk.Annotations.of(self).add_warning_v2(
                "cdk-modelbuilder:artifact-bucket-settings",
                "Whoever IAM allows to can change this bucket's policy and settings: the role that deploys the stack "
                "is not known, and must not be locked out. Name it with deployment_role=.",
            )
        policy = self.bucket.policy
        assert policy is not None
        policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN)  # the bucket stays, and must not stay unprotected

    def _deny(self, sid: str, actions: Sequence[str], resource: str, conditions: dict[str, object]) -> None:
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(actions),
                resources=[resource],
                conditions=conditions,
            )
        )

    def _deployer(self) -> str | None:
        """ARN of the role with which CloudFormation deploys the stack, if the synthesizer says it."""
        try:
            known = getattr(cdk.Stack.of(self).synthesizer, "cloud_formation_execution_role_arn", None)
        except RuntimeError:  # jsii hands out the synthesizer that was passed, and not the one that knows the stack
            return None
        # The CLI fills the same placeholders in when it calls CloudFormation; in a template Fn::Sub does.
        return cdk.Fn.sub(known) if known else None

    def _acknowledge(self, *, logged: bool) -> None:
        resource = self.bucket.node.default_child
        assert isinstance(resource, cdk.CfnResource)
        acknowledge(
            resource,
            "An artifact that is lost is published again: the bundle decides its content and its key.",
            cdk_rules=_in_packs("S3BucketReplicationEnabled"),
        )
        if not logged:
            acknowledge(
                resource,
                "No object can be replaced, and none is read without credentials; server_access_logs_bucket= logs.",
                cdk_rules=["AwsSolutions-S1", *_in_packs("S3BucketLoggingEnabled")],
                checkov=["CKV_AWS_18"],
            )
        if self._key is None:
            acknowledge(
                resource,
                "Encrypted with keys of S3; encryption_key= takes one of your own.",
                cdk_rules=_in_packs("S3DefaultEncryptionKMS"),
            )


def _in_packs(rule: str) -> list[str]:
    return [f"{pack}-{rule}" for pack in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321")]


def _sequence(administrators: object) -> Sequence[object]:
    if isinstance(administrators, str) or not isinstance(administrators, Sequence):
        raise UsageError(
            f"administrators is {administrators!r}, not a list.", remedy="Give a list of roles or ARNs, such as [role]."
        )
    return administrators


def _arn(what: str, who: object) -> str:
    arn = who if isinstance(who, str) else getattr(who, "role_arn", None)
    if not isinstance(arn, str) or not (is_token(arn) or _ARN.fullmatch(arn)):
        raise UsageError(
            f"the {what} {who!r} is neither a role nor an ARN.",
            remedy="Give an IRole, or an ARN such as arn:aws:iam::123456789012:role/artifact-admin.",
        )
    return arn


def _unless(arns: Sequence[str]) -> dict[str, object]:
    return {"ArnNotLike": {"aws:PrincipalArn": list(arns)}} if arns else {}


def _days(duration: cdk.Duration | None) -> int:
    if duration is None:
        return UNFINISHED_DAYS
    if not isinstance(duration, cdk.Duration):
        raise UsageError(f"abort_unfinished_after is {duration!r}, not a Duration.", remedy="Write Duration.days(7).")
    hours = duration.to_hours()
    if hours < 24 or hours % 24:
        raise UsageError(
            f"abort_unfinished_after is {hours:g} hours.",
            remedy="S3 counts whole days: write Duration.days(1) or more.",
        )
    return int(hours) // 24
