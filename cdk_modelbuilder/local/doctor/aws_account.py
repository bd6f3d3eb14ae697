"""The AWS account that is asked: one session, one answer to "who am I", for all checks of one run."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

_CONNECT_SECONDS, _READ_SECONDS = 5, 15
_ASSUMED = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")


@dataclass(frozen=True, slots=True)
class AwsQuestion:
    """What the user wants to know of AWS.

    Attributes:
        profile: The profile to ask with; None for the environment's.
        region: Where the endpoint is to be; None for the settings'.
        role: ARN of the endpoint's role.
        bucket: Name of the bucket of the model's files.
        image: URI of an image.
    """

    profile: str | None = None
    region: str | None = None
    role: str | None = None
    bucket: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who AWS says this is.

    Attributes:
        arn: The ARN of the user, or of the session of a role.
        account: The account.
        skew_seconds: How far the clock here is ahead of AWS's; None where the answer had no date.
    """

    arn: str
    account: str
    skew_seconds: float | None

    @property
    def partition(self) -> str:
        """Such as ``aws``, or ``aws-cn``."""
        return self.arn.split(":")[1]

    @property
    def is_root(self) -> bool:
        """Whether it is the account's root user, whom IAM does not limit."""
        return self.arn.endswith(":root")


class AwsAccount:
    """Asks with the user's credentials. What was asked once is kept; an error is raised again on each use.

    Args:
        question: What the user wants to know.
    """

    def __init__(self, question: AwsQuestion) -> None:
        self.question = question
        self._caller: Caller | None = None
        self._error: Exception | None = None

    @cached_property
    def session(self) -> Any:
        """A boto3 session.

        Raises:
            ImportError: boto3 is not installed.
            ProfileNotFound: botocore's, for a profile that is not in the user's settings.
        """
        import boto3  # noqa: PLC0415 - an extra

        return boto3.Session(profile_name=self.question.profile, region_name=self.question.region)

    def client(self, service: str, *, region: str | None = None) -> Any:
        """A client that asks once and does not wait long.

        Args:
            service: Its name in boto3.
            region: Default: the session's, else us-east-1, which can say who one is.
        """
        from botocore.config import Config  # noqa: PLC0415 - an extra

        config = Config(connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries={"total_max_attempts": 2})
        return self.session.client(service, region_name=region or self.region or "us-east-1", config=config)

    @property
    def region(self) -> str | None:
        """The region of the question, or of the user's settings."""
        name: str | None = self.session.region_name
        return name

    def caller(self) -> Caller:
        """Who this is, with how the clocks differ.

        Raises:
            ImportError: boto3 is not installed.
            BotoCoreError, ClientError: botocore's, if AWS cannot be asked or does not take the credentials.
        """
        if self._error is not None:
            raise self._error
        if self._caller is None:
            try:
                answer = self.client("sts").get_caller_identity()
            except Exception as error:
                self._error = error
                raise
            self._caller = Caller(answer["Arn"], answer["Account"], skew_of(answer))
        return self._caller

    def principal_arn(self) -> str:
        """The ARN that IAM's simulation takes: of the user, or of the role behind the session.

        A role's path is not part of its session's ARN, so IAM is asked for it; without permission the path is left out.
        """
        caller = self.caller()
        assumed = _ASSUMED.fullmatch(caller.arn)
        if assumed is None:
            return caller.arn
        try:
            role = self.client("iam").get_role(RoleName=assumed["role"])["Role"]
            return str(role["Arn"])
        except Exception:  # noqa: BLE001 - the simulation then says what it thinks of the shorter one
            return f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['role']}"


def skew_of(answer: Any) -> float | None:
    """Seconds that the clock here is ahead of the ``Date`` of an answer of botocore; None where it has none."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
