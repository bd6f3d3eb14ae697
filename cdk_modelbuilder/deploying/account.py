"""The AWS account and region that a deployment goes to, with the user's own credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.errors import DeploymentError, UsageError
from cdk_modelbuilder.local.doctor.aws_account import AwsAccount, AwsQuestion
from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of, failure

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""Where ``cdk bootstrap`` leaves its version, with the CDK's default qualifier."""
OLDEST_BOOTSTRAP = 6
"""The first bootstrap stack that the CDK's default synthesizer takes (aws-cdk-lib, DefaultStackSynthesizer)."""
CDK_CLI = "npx aws-cdk@2"
_NO_STACK = "cdk-modelbuilder-asks-whether-it-may-see-stacks"


@dataclass(frozen=True, slots=True)
class Account:
    """Where to, and as whom.

    Attributes:
        session: The boto3 session.
        number: The account.
        region: The region.
        caller: ARN of who asks.
        given: Whether the session was handed in, so that no other process can find its credentials by itself.
        profile: The profile that was named; None for none.
    """

    session: Any
    number: str
    region: str
    caller: str
    given: bool = False
    profile: str | None = None

    @classmethod
    def open(cls, *, session: Any = None, profile: str | None = None, region: str | None = None) -> Account:
        """Ask AWS who this is.

        Args:
            session: A boto3 session. Default: one with the environment's credentials.
            profile: Profile of the user's AWS settings, instead of ``session``.
            region: AWS region. Default: the session's.

        Raises:
            DeploymentError: No credentials, or some that AWS does not take.
            UsageError: No region, or boto3 is not installed, or ``session`` and ``profile`` together.
        """
        if session is not None and profile is not None:
            raise UsageError(f"session and profile={profile!r} were both given.", remedy="Leave one of them out.")
        asked = AwsAccount(AwsQuestion(profile=profile, region=region))
        try:
            opened = asked.session if session is None else session
            where = region or opened.region_name
            if not where:
                raise UsageError(
                    "no AWS region is set: not in region=, AWS_DEFAULT_REGION, or the profile.",
                    remedy="Name the one that the endpoint is to be in, as with region='eu-west-1' (--region in the "
                    "command line), or run: export AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1",
                )
            answer = opened.client("sts", region_name=where).get_caller_identity()
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever boto3 raises is worded
            raise refused(error, asked, doing="asking AWS who this is") from None
        return cls(opened, str(answer["Account"]), str(where), str(answer["Arn"]), session is not None, profile)

    def client(self, service: str) -> Any:
        """A client of ``service`` in this region, which sends again what was throttled."""
        from botocore.config import Config  # noqa: PLC0415 - an extra

        config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
        return self.session.client(service, region_name=self.region, config=config)

    def stack_client(self) -> Any:
        """A client of CloudFormation: the caller's own, or, where AWS does not let them see stacks, the CDK's role.

        ``cdk bootstrap`` makes the role; the CDK CLI deploys with it, and many users may do nothing but assume it.
        """
        own = self.client("cloudformation")
        try:
            own.describe_stacks(StackName=_NO_STACK)
        except Exception as error:  # noqa: BLE001 - that there is no such stack is the answer that is hoped for
            if code_of(error) in DENIED:
                return self._as_deploy_role() or own
        return own

    def _as_deploy_role(self) -> Any:
        partition = self.caller.split(":")[1]
        role = f"arn:{partition}:iam::{self.number}:role/cdk-hnb659fds-deploy-role-{self.number}-{self.region}"
        try:
            answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="cdk-modelbuilder")
        except Exception:  # noqa: BLE001 - then the caller's own refusal is told
            return None
        keys = answer["Credentials"]
        return self.session.client(
            "cloudformation",
            region_name=self.region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    @contextmanager
    def in_words(self, doing: str) -> Iterator[None]:
        """Turn what boto3 raises in the block into an error that says what to do.

        Args:
            doing: What the block does, to follow "while".
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            asked = AwsAccount(AwsQuestion(profile=self.profile, region=self.region))
            raise refused(error, asked, doing=doing) from None

    def environment(self) -> Mapping[str, str]:
        """Variables that make another process the same caller in the same region.

        Credentials that the environment or a profile holds are found, and renewed, by that process itself; those of a
        session that was given are handed over as they are now.
        """
        found = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.profile is not None:
            found["AWS_PROFILE"] = self.profile
        credentials = self.session.get_credentials() if self.given else None
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            found |= {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key}
            if frozen.token:
                found["AWS_SESSION_TOKEN"] = frozen.token
        return found

    def check_bootstrapped(self) -> None:
        """See that the CDK may deploy here; says nothing where the caller may not ask.

        Raises:
            DeploymentError: ``cdk bootstrap`` was not run here, or an old one.
        """
        try:
            value = self.client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"]
        except Exception as error:  # noqa: BLE001 - the CDK CLI asks by itself with a role of its own
            if code_of(error) == "ParameterNotFound":
                raise not_bootstrapped(self.number, self.region) from None
            return
        if not value.isdigit() or int(value) < OLDEST_BOOTSTRAP:
            raise not_bootstrapped(self.number, self.region, version=value)


def not_bootstrapped(account: str, region: str, *, version: str | None = None) -> DeploymentError:
    """The error for an account and region that the CDK cannot deploy to yet."""
    what = (
        f"account {account} is not bootstrapped for the CDK in {region}: {BOOTSTRAP_PARAMETER} is not there."
        if version is None
        else f"account {account} is bootstrapped in {region} in version {version}; {OLDEST_BOOTSTRAP} is needed."
    )
    return DeploymentError(
        what,
        remedy=f"Run once: {CDK_CLI} bootstrap aws://{account}/{region}   (it makes a bucket, a registry and roles; who"
        " runs it needs rights to do so). Then deploy again.",
        cause="not-bootstrapped",
    )


def refused(error: Exception, account: AwsAccount, *, doing: str) -> DeploymentError | UsageError:
    """What ``error`` of boto3 means, in the doctor's words."""
    finding = failure("aws", error, account, doing=doing)
    commands = [command for command in finding.commands if not command.startswith("#")]
    remedy = " ".join([finding.remedy, *(["Run: " + " && ".join(commands)] if commands else [])])
    if isinstance(error, ImportError):
        return UsageError("deploying needs boto3, which is not installed.", remedy=remedy)
    cause = "permission" if code_of(error) in DENIED else "credentials"
    return DeploymentError(finding.detail, remedy=remedy, cause=cause)
