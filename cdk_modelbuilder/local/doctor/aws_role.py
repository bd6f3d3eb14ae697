"""May the endpoint's role be passed to SageMaker, and does it trust SageMaker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount
from cdk_modelbuilder.local.doctor.aws_asking import asking, not_simulated
from cdk_modelbuilder.local.doctor.aws_failures import code_of
from cdk_modelbuilder.local.doctor.aws_simulation import Wish, denied
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_SERVICE = "sagemaker.amazonaws.com"


def _role(account: AwsAccount, about: Circumstances) -> Iterator[Finding]:
    name = "aws-role"
    arn = account.question.role or (about.bundle.container.execution_role_arn if about.bundle else None)
    if not arn:
        return
    try:
        refused = denied(account, [Wish(("iam:PassRole",), arn, {"iam:PassedToService": _SERVICE})])
    except Exception as error:  # noqa: BLE001 - whatever botocore raises is worded
        yield not_simulated(name, error, account, f"whether {arn} may be passed")
    else:
        if refused:
            yield Finding(
                name,
                Outcome.FAILURE,
                f"iam:PassRole is not allowed on {arn}: {refused[0][2]}.",
                f"Allow iam:PassRole on it, with the condition iam:PassedToService = {_SERVICE}.",
            )
        else:
            yield Finding(name, Outcome.OK, f"{arn} may be passed to SageMaker.")
    try:
        role = account.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except Exception as error:  # noqa: BLE001
        if code_of(error) == "NoSuchEntity":
            yield Finding(
                name, Outcome.FAILURE, f"there is no role {arn} in this account.", "Check its name and account."
            )
        return  # that it may not be looked at says nothing about it
    if not trusts_sagemaker(role.get("AssumeRolePolicyDocument")):
        yield Finding(
            name,
            Outcome.FAILURE,
            f"{arn} does not trust {_SERVICE}: SageMaker cannot take it on.",
            "Add that service to the role's trust policy, with the action sts:AssumeRole.",
            (f"aws iam get-role --role-name {arn.rpartition('/')[2]} --query Role.AssumeRolePolicyDocument",),
        )


def trusts_sagemaker(document: Any) -> bool:
    """Whether the trust policy names SageMaker in a statement that allows."""
    if isinstance(document, str):
        try:
            document = json.loads(unquote(document))
        except ValueError:
            return False
    statements = document.get("Statement", ()) if isinstance(document, dict) else ()
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", ()) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and (_SERVICE in named or "*" in named):
            return True
    return False


CHECK = Check(
    "aws-role",
    "AWS",
    "may the endpoint's role (`--role`) be passed to SageMaker, is it there, and does it trust SageMaker",
    "names the action, or the trust, to add",
    asking("aws-role", "--role", _role),
)
