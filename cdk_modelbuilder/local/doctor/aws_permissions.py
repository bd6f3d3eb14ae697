"""Whether this user or role may deploy an endpoint: through the CDK's bootstrap roles, or by itself."""

from __future__ import annotations

from collections.abc import Iterator

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount, Caller
from cdk_modelbuilder.local.doctor.aws_asking import not_simulated
from cdk_modelbuilder.local.doctor.aws_caller import NOT_ASKED
from cdk_modelbuilder.local.doctor.aws_simulation import Wish, denied
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_QUALIFIER = "hnb659fds"
"""What `cdk bootstrap` has in its roles' names unless told otherwise."""
_ENDPOINT_ACTIONS = (
    "sagemaker:CreateModel",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateEndpoint",
    "sagemaker:UpdateEndpoint",
    "sagemaker:DescribeEndpoint",
    "sagemaker:DeleteEndpoint",
)
_STACK_ACTIONS = ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:DescribeStacks")
_CALLING = ("sagemaker:InvokeEndpoint",)


def _run(about: Circumstances) -> Iterator[Finding]:
    account = about.aws
    if account is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, NOT_ASKED)
        return
    try:
        caller = account.caller()
    except Exception:  # noqa: BLE001 - aws-caller words it
        yield Finding(CHECK.name, Outcome.SKIPPED, "AWS does not say who this is.")
        return
    try:
        yield _deploying(account, caller)
        yield _asking(account, caller)
    except Exception as error:  # noqa: BLE001 - whatever botocore raises is worded
        yield not_simulated(CHECK.name, error, account, "whether endpoints may be created")


def _deploying(account: AwsAccount, caller: Caller) -> Finding:
    prefix = f"arn:{caller.partition}:iam::{caller.account}:role/cdk-{_QUALIFIER}"
    roles = [f"{prefix}-{kind}-role-{caller.account}-{account.region}" for kind in ("deploy", "file-publishing")]
    through = denied(account, [Wish(("sts:AssumeRole",), role) for role in roles])
    if not through:
        return Finding(
            CHECK.name,
            Outcome.OK,
            f"`cdk deploy` may take on the bootstrap roles of {account.region} by this one's policies.",
        )
    by_itself = denied(account, [Wish((*_STACK_ACTIONS, *_ENDPOINT_ACTIONS))])
    if not by_itself:
        return Finding(
            CHECK.name,
            Outcome.OK,
            "stacks and endpoints may be created, though the CDK's bootstrap roles may not be taken on.",
        )
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"`cdk deploy` may neither take on the bootstrap roles ({through[0][0]} on {through[0][1]}: {through[0][2]}), "
        f"nor do without them ({', '.join(action for action, _, _ in by_itself)}: {by_itself[0][2]}).",
        "Ask who manages the account to allow sts:AssumeRole on those roles, or bootstrap the region.",
        (f"cdk bootstrap aws://{caller.account}/{account.region}",),
    )


def _asking(account: AwsAccount, caller: Caller) -> Finding:
    endpoint = f"arn:{caller.partition}:sagemaker:{account.region}:{caller.account}:endpoint/*"
    if not denied(account, [Wish(_CALLING, endpoint)]):
        return Finding(CHECK.name, Outcome.OK, f"endpoints of {account.region} may be invoked.")
    return Finding(
        CHECK.name,
        Outcome.WARNING,
        f"sagemaker:InvokeEndpoint is not allowed on {endpoint}: deployed endpoints cannot be tried from here.",
        "Allow it on the endpoint that is to be tried.",
    )


CHECK = Check(
    "aws-permissions",
    "AWS",
    "may this user or role take on the CDK's bootstrap roles, or create stacks and endpoints itself, and invoke them",
    "names the action and the ARN to allow, bootstraps",
    _run,
)
