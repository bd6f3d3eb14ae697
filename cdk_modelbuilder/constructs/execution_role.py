"""The role that SageMaker assumes to run a model: nothing until it is granted, and no managed policy of AWS.

A role that is made here gets a customer-managed policy that is named by its content. A new artifact then means a new
policy beside the old one, which goes last: while an endpoint moves from one model to the next, instances of either can
be started. All permissions share one policy as long as IAM takes them in one: a role holds ten, and in an update the
old ones too, while an endpoint may have dozens of components and adapters.
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
from cdk_modelbuilder.constructs.permissions import Statement, joined

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
_FULL = 4500
"""Characters of a policy with its tokens; IAM takes 6144 without white space, and a token may stand for more."""


class ExecutionRole:
    """The user's role, or a new one below ``scope``.

    Args:
        scope: The construct that needs the role.
        given: The user's own role. It gets the statements added if the CDK can change it.
    """

    def __init__(self, scope: Construct, given: iam.IRole | None) -> None:
        self._scope = scope
        self._granted: dict[str, list[IDependable]] = {}
        self._policy: _OwnPolicy | None = None
        self._owned = given is None
        self.role: iam.IRole = given or iam.Role(scope, "Role", assumed_by=_sagemaker())
        self.arn = self.role.role_arn

    def grant(self, statements: Sequence[Statement]) -> list[IDependable]:
        """Allow ``statements``; returns what a resource that needs them must wait for."""
        text = json.dumps(statements, sort_keys=True)
        if text not in self._granted:
            self._granted[text] = self._hold(statements) if self._owned else self._add(joined(statements))
        return self._granted[text]

    def _hold(self, statements: Sequence[Statement]) -> list[IDependable]:
        if self._policy is None or not self._policy.takes(statements):
            self._policy = _OwnPolicy(self._scope, self.role.role_name, joined(statements))
        return [self._policy.resource]

    def _add(self, statements: Sequence[Statement]) -> list[IDependable]:
        results = [self.role.add_to_principal_policy(iam.PolicyStatement.from_json(one)) for one in statements]
        return [result.policy_dependable for result in results if result.policy_dependable is not None]


class _OwnPolicy:
    """A policy with the id of its content, which grows until it is full."""

    def __init__(self, scope: Construct, role_name: str, statements: list[Statement]) -> None:
        self._statements = statements
        self._first_name = _named(statements)
        self._first_id = ""
        self._explained: set[str] = set()
        self.resource = iam.CfnManagedPolicy(
            scope, self._first_name, policy_document=self._document(), roles=[role_name]
        )
        self._explain()

    def takes(self, statements: Sequence[Statement]) -> bool:
        """Hold these too; False, and nothing is changed, if that is too much."""
        both = joined([*self._statements, *statements])
        if len(json.dumps(both)) > _FULL:
            return False
        if both != self._statements:
            self._statements = both
            self.resource.policy_document = self._document()
            self.resource.override_logical_id(self._id())
            self._explain()
        return True

    def _document(self) -> dict[str, object]:
        return {"Version": "2012-10-17", "Statement": self._statements}

    def _id(self) -> str:
        if not self._first_id:
            self._first_id = cdk.Stack.of(self.resource).get_logical_id(self.resource)
        name = _named(self._statements)
        changed = self._first_id.replace(self._first_name, name)
        # Where the path is so long that the CDK has cut the name off.
        return changed if changed != self._first_id else f"{changed[:-8]}{name[-8:].upper()}"

    def _explain(self) -> None:
        reasons = {where: why for where, why in _wide(self._statements).items() if where not in self._explained}
        self._explained.update(reasons)
        wide_resources(self.resource, reasons)


def _named(statements: Sequence[Statement]) -> str:
    # Tokens are numbered in the order in which an app makes them, which is no part of the content.
    text = _TOKEN_NUMBER.sub("", json.dumps(statements, sort_keys=True))
    return f"Access{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _wide(statements: Sequence[Statement]) -> dict[str, str]:
    """Resources with a wildcard, and why they have it."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if "*" in resource:
                why = _WHY_WIDE.get(statement["Sid"].rstrip("0123456789").removesuffix("List"))
                if "kms:ResourceAliases" in str(statement.get("Condition")):
                    why = "the key is named by its alias, in the condition"
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
