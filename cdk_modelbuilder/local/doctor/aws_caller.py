"""Credentials and region: where they come from, and who AWS says this is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount
from cdk_modelbuilder.local.doctor.aws_failures import failure
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

NOT_ASKED = "AWS is asked with --aws alone."
_METHODS = {
    "env": "the environment's variables",
    "explicit": "arguments",
    "shared-credentials-file": "AWS's credentials file",
    "config-file": "AWS's config file",
    "assume-role": "a role that is assumed",
    "assume-role-with-web-identity": "a role that is assumed with a web identity",
    "sso": "a login of IAM Identity Center (SSO)",
    "login": "a login with the AWS CLI",
    "custom-process": "a process that the settings name",
    "container-role": "the role of this container",
    "iam-role": "the role of this instance",
}
"""Where botocore's credential providers say they have them from: ``METHOD`` in botocore/credentials.py."""


def _run(about: Circumstances) -> Iterator[Finding]:
    account = about.aws
    if account is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, NOT_ASKED)
        return
    try:
        credentials = account.session.get_credentials()
        caller = account.caller()
    except Exception as error:  # noqa: BLE001 - whatever botocore raises is worded
        yield failure(CHECK.name, error, account, doing="asking who this is")
        return
    yield Finding(
        CHECK.name,
        Outcome.WARNING if caller.is_root else Outcome.OK,
        f"this is {caller.arn} in account {caller.account}, with credentials from {_origin(account, credentials)}.",
        "Use a role: the root user may do everything, and cannot be limited." if caller.is_root else "",
    )
    yield from _overridden(account)
    yield _region(account)


def _origin(account: AwsAccount, credentials: Any) -> str:
    method = str(getattr(credentials, "method", ""))
    where = _METHODS.get(method, method or "an unknown place")
    profile = account.session.profile_name
    return where if method == "env" else f"{where} (profile {profile})"


def _overridden(account: AwsAccount) -> Iterator[Finding]:
    profile = os.environ.get("AWS_PROFILE")
    if profile and account.question.profile is None and os.environ.get("AWS_ACCESS_KEY_ID"):
        yield Finding(
            CHECK.name,
            Outcome.WARNING,
            f"both AWS_PROFILE ({profile}) and AWS_ACCESS_KEY_ID are set: the key is used, and not the profile's.",
            "Unset one of them.",
            ("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",),
        )


def _region(account: AwsAccount) -> Finding:
    region = account.region
    if region is None:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            "no region is set: not in AWS_DEFAULT_REGION, nor in the profile.",
            "Name the one that the endpoint is to be in.",
            ("export AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1", "aws configure set region eu-west-1"),
        )
    cdk = os.environ.get("AWS_REGION")
    if cdk and cdk != region and account.question.region is None:
        return Finding(
            CHECK.name,
            Outcome.WARNING,
            f"boto3 takes region {region}, but AWS_REGION is {cdk}, which the CDK CLI takes.",
            "Set both variables to the same.",
            (f"export AWS_DEFAULT_REGION={cdk} AWS_REGION={cdk}",),
        )
    return Finding(CHECK.name, Outcome.OK, f"the region is {region}.")


CHECK = Check(
    "aws-caller",
    "AWS",
    "credentials and where they come from, who they are to AWS, the region; expired, unknown or overridden keys",
    "logs in, sets the region",
    _run,
)
