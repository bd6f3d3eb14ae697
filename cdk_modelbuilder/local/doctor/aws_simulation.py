"""Whether a user or role may do a thing, by IAM's policy simulation: nothing is done, nothing is changed.

The simulation counts the policies of the user or role, its permissions boundary and the organization's; not those of
buckets, keys and repositories, which may deny, or allow across accounts, besides.
Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount

SIMULATING = "iam:SimulatePrincipalPolicy"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be allowed.

    Attributes:
        actions: IAM actions.
        resource: ARN of what they are done to.
        context: Keys of the request and their values, such as ``iam:PassedToService``.
    """

    actions: tuple[str, ...]
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def denied(account: AwsAccount, wishes: Sequence[Wish]) -> list[tuple[str, str, str]]:
    """Action, resource and reason of what is not allowed; empty if all is.

    Raises:
        BotoCoreError, ClientError: botocore's, where IAM cannot be asked, or ``iam:SimulatePrincipalPolicy`` is not
            allowed.
    """
    if account.caller().is_root:
        return []
    client, principal = account.client("iam"), account.principal_arn()
    found: list[tuple[str, str, str]] = []
    for wish in wishes:
        pages = client.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=list(wish.actions),
            ResourceArns=[wish.resource],
            ContextEntries=[
                {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for name, value in sorted(wish.context.items())
            ],
        )
        for page in pages:
            found += [
                (str(one["EvalActionName"]), wish.resource, _reason(one))
                for one in page["EvaluationResults"]
                if one["EvalDecision"] != "allowed"
            ]
    return found


def _reason(result: Mapping[str, Any]) -> str:
    if not (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True):
        return "the organization's policies do not allow it"
    if not (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary", True):
        return "the permissions boundary does not allow it"
    if result["EvalDecision"] == "explicitDeny":
        return "a policy denies it"
    return "no policy allows it"
