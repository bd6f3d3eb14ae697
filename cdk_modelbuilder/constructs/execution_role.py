"""The role that SageMaker assumes to run a model: nothing until it is granted, and no managed policy of AWS.

A role that is made here gets a customer-managed policy that is named by its content. A new artifact then means a new
policy beside the old one, which goes last: while an endpoint moves from one model to the next, instances of either can
be started. All permissions share one policy as long as IAM takes them in one: a role holds ten, and in an update the
old ones too, while an endpoint may have dozens of components and adapters.

Source of the limits: the IAM guide's page "IAM and AWS STS quotas".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from cdk_modelbuilder.constructs.acknowledgements import wide_resources
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION, Statement, joined
from cdk_modelbuilder.errors import UsageError

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
    "PutRequest": "the golden test's requests get their names when it is asked",
    "ReadAnswer": _BELOW,
    "WriteAnswers": _BELOW,
    "WriteFailures": _BELOW,
    "WriteCapturedData": _BELOW,
    "WriteCoreDump": _BELOW,
}
_FULL = 6000
"""Characters of a policy without white space, of which IAM takes 6144."""
_MOST_POLICIES = 4
"""A role holds ten, and an update may bring another one for each before the old ones go; one is for what is apart."""
_PLACEHOLDER = re.compile(r"\$\{Token\[[^\]]*\]\}")
_LONGEST = {PARTITION: "aws-us-gov", REGION: "ap-southeast-1", ACCOUNT: "123456789012"}
_UNKNOWN = "?" * 100
"""What another token may become; the name of a bucket has up to 63 characters."""


class ExecutionRole:
    """The user's role, or a new one below ``scope``.

    Args:
        scope: The construct that needs the role.
        given: The user's own role. It gets the statements added if the CDK can change it.
    """

    def __init__(self, scope: Construct, given: iam.IRole | None) -> None:
        self._granted: dict[str, list[IDependable]] = {}
        self.role: iam.IRole = given or iam.Role(scope, "Role", assumed_by=_sagemaker())
        self.arn = self.role.role_arn
        way_out = "Spread the components over several endpoints, or give role= a role whose policies you write."
        self._policies = RolePolicies(scope, self.role, way_out=way_out) if given is None else None
        self._apart = RolePolicies(scope, self.role, way_out=way_out, most=1) if given is None else None

    def grant(self, statements: Sequence[Statement], *, apart: bool = False) -> list[IDependable]:
        """Allow ``statements``; returns what a resource that needs them must wait for.

        Args:
            statements: What to allow.
            apart: In a policy for which no Model waits, as the statements refer to what may wait for the Models.

        Raises:
            UsageError: More than IAM lets one role have.
        """
        text = json.dumps(statements, sort_keys=True)
        if text not in self._granted:
            policies = self._apart if apart else self._policies
            self._granted[text] = self._add(statements) if policies is None else policies.hold(statements)
        return self._granted[text]

    def _add(self, statements: Sequence[Statement]) -> list[IDependable]:
        results = [self.role.add_to_principal_policy(iam.PolicyStatement.from_json(one)) for one in joined(statements)]
        return [result.policy_dependable for result in results if result.policy_dependable is not None]


class RolePolicies:
    """The policies of one role: as few as IAM allows, each named by its content.

    Args:
        scope: The construct below which they are made.
        role: The role.
        way_out: What to do when they are too many.
        most: How many it may become.
    """

    def __init__(self, scope: Construct, role: iam.IRole, *, way_out: str, most: int = _MOST_POLICIES) -> None:
        self._scope, self._role, self._way_out, self._most = scope, role, way_out, most
        self._policies: list[_OwnPolicy] = []

    def hold(self, statements: Sequence[Statement]) -> list[IDependable]:
        """Allow these too; returns the policies that say so.

        Raises:
            UsageError: More than IAM lets one role have.
        """
        wanted = joined(statements)
        if _size(wanted) > _FULL:
            one, other = _halves(wanted)
            return [*self.hold(one), *self.hold(other)]
        if not self._policies or not self._policies[-1].takes(wanted):
            if len(self._policies) == self._most:
                raise UsageError(
                    f"the role of {self._scope.node.path} needs more than {self._most} policies of {_FULL} "
                    "characters; IAM attaches ten to a role, and in an update the old ones lie beside the new.",
                    remedy=self._way_out,
                )
            self._policies.append(_OwnPolicy(self._scope, self._role.role_name, wanted))
        return [self._policies[-1].resource]


class _OwnPolicy:
    """A policy with the id of its content, which grows until it is full."""

    def __init__(self, scope: Construct, role_name: str, statements: list[Statement]) -> None:
        self._statements = statements
        self._scope = scope
        self._first_name = self._name()
        self._first_id = ""
        self._explained: set[str] = set()
        self.resource = iam.CfnManagedPolicy(
            scope, self._first_name, policy_document=self._document(), roles=[role_name]
        )
        self._explain()

    def takes(self, statements: Sequence[Statement]) -> bool:
        """Hold these too; False, and nothing is changed, if that is too much."""
        both = joined([*self._statements, *statements])
        if _size(both) > _FULL:
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
            self._first_id = cdk.Stack.of(self._scope).get_logical_id(self.resource)
        name = self._name()
        changed = self._first_id.replace(self._first_name, name)
        # Where the path is so long that the CDK has cut the name off.
        return changed if changed != self._first_id else f"{changed[:-8]}{name[-8:].upper()}"

    def _name(self) -> str:
        statements: Any = self._statements
        text = json.dumps(statements, sort_keys=True)
        for token, word in _LONGEST.items():
            text = text.replace(token, word)
        if _PLACEHOLDER.search(text):
            # Their numbers come from the order in which an app makes them; what they refer to is the content.
            text = json.dumps(cdk.Stack.of(self._scope).resolve(statements), sort_keys=True)
        return f"Access{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _explain(self) -> None:
        reasons = {where: why for where, why in _wide(self._statements).items() if where not in self._explained}
        self._explained.update(reasons)
        wide_resources(self.resource, reasons)


def _size(statements: Sequence[Statement]) -> int:
    """Characters that IAM counts, with every token as long as it may become."""
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    for token, longest in _LONGEST.items():
        text = text.replace(token, longest)
    return len(_PLACEHOLDER.sub(_UNKNOWN, text))


def _halves(statements: list[Statement]) -> tuple[list[Statement], list[Statement]]:
    """The same permissions in two lists."""
    if len(statements) > 1:
        middle = len(statements) // 2
        return statements[:middle], statements[middle:]
    (statement,) = statements
    resources = statement["Resource"]
    if isinstance(resources, str) or len(resources) < 2:
        raise UsageError(
            f"the permission {statement['Sid']} alone is longer than a policy.", remedy="Use shorter names and keys."
        )
    middle = len(resources) // 2
    one, other = ({**statement, "Resource": part} for part in (resources[:middle], resources[middle:]))
    return [one], [other]


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
