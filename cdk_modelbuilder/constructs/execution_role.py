"""The role that SageMaker assumes to run a model: nothing until it is granted, and no managed policy of AWS.

A role that is made here gets one customer-managed policy for each set of permissions, named by its content. A new
artifact then means a new policy beside the old one, which goes last: while an endpoint moves from one model to the
next, instances of either can be started.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from cdk_modelbuilder.constructs.acknowledgements import wide_resources
from cdk_modelbuilder.constructs.permissions import Statement

_BELOW = "the objects below a prefix are named later"
_WHY_WIDE = {
    "LogInToRegistry": "ecr:GetAuthorizationToken knows no resource",
    "WriteMetrics": "cloudwatch:PutMetricData knows no resource, and is narrowed by its namespace",
    "WriteLog": "SageMaker names the log's streams",
    "WriteComponentLogs": "SageMaker names the logs of components",
    "LookAtVpc": "ec2:Describe actions know no resource",
    "JoinVpc": "network interfaces get their ids when they are made",
    "ReadModelFolder": _BELOW,
    "ReadRequests": _BELOW,
    "WriteAnswers": _BELOW,
    "WriteFailures": _BELOW,
    "WriteCapturedData": _BELOW,
    "WriteCoreDump": _BELOW,
}
_TOKEN_NUMBER = re.compile(r"(?<=[.\[])\d+(?=\]\})")


class ExecutionRole:
    """The user's role, or a new one below ``scope``.

    Args:
        scope: The construct that needs the role.
        given: The user's own role. It gets the statements added if the CDK can change it.
    """

    def __init__(self, scope: Construct, given: iam.IRole | None) -> None:
        self._scope = scope
        self._granted: dict[str, list[IDependable]] = {}
        self._owned = given is None
        self.role: iam.IRole = given or iam.Role(scope, "Role", assumed_by=_sagemaker())
        self.arn = self.role.role_arn

    def grant(self, statements: Sequence[Statement]) -> list[IDependable]:
        """Allow ``statements``; returns what a resource that needs them must wait for."""
        # Tokens are numbered in the order in which an app makes them, which is no part of the content.
        text = _TOKEN_NUMBER.sub("", json.dumps(statements, sort_keys=True))
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
        if name not in self._granted:
            self._granted[name] = self._new_policy(name, statements) if self._owned else self._add(statements)
        return self._granted[name]

    def _new_policy(self, name: str, statements: Sequence[Statement]) -> list[IDependable]:
        policy = iam.CfnManagedPolicy(
            self._scope,
            f"Access{name}",
            policy_document={"Version": "2012-10-17", "Statement": list(statements)},
            roles=[self.role.role_name],
        )
        wide_resources(policy, _wide(statements))
        return [policy]

    def _add(self, statements: Sequence[Statement]) -> list[IDependable]:
        results = [self.role.add_to_principal_policy(iam.PolicyStatement.from_json(one)) for one in statements]
        return [result.policy_dependable for result in results if result.policy_dependable is not None]


def _wide(statements: Sequence[Statement]) -> dict[str, str]:
    """Resources with a wildcard, and why they have it."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if "*" in resource:
                why = _WHY_WIDE.get(statement["Sid"].rstrip("0123456789").removesuffix("List"))
                if why is not None:
                    reasons.setdefault(resource, []).append(why)
    return {resource: "; ".join(dict.fromkeys(whys)) + "." for resource, whys in reasons.items()}


@cache
def _sagemaker() -> iam.ServicePrincipal:
    return iam.ServicePrincipal("sagemaker.amazonaws.com")


def wait_for(resource: cdk.CfnResource, dependables: Sequence[IDependable]) -> None:
    """Make ``resource`` wait: else it is made before its role may do anything, and fails."""
    if dependables:
        resource.node.add_dependency(*dependables)
