"""A CloudFormation stack as AWS describes it: its state, outputs, template and events.

The words of the states: "Stack status codes" in the CloudFormation User Guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdk_modelbuilder.local.doctor.aws_failures import code_of

GONE = frozenset({"DELETE_COMPLETE"})
NOTHING_YET = frozenset({"REVIEW_IN_PROGRESS"})
"""A change set was made for a stack that is not there."""


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack at one moment.

    Attributes:
        name: Its name.
        arn: Its id.
        status: Such as ``UPDATE_COMPLETE``.
        reason: Why, where CloudFormation says it.
        outputs: Its outputs.
        tags: Its tags.
        created: When it was made.
        updated: When it was last changed; None for never.
        description: Its template's description.
    """

    name: str
    arn: str
    status: str
    reason: str
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    created: datetime | None
    updated: datetime | None
    description: str

    @property
    def is_moving(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in NOTHING_YET

    @property
    def has_failed(self) -> bool:
        """Whether the last thing that was asked of it was not done."""
        return "ROLLBACK" in self.status or self.status.endswith("_FAILED")

    @property
    def serves(self) -> bool:
        """Whether its resources are there: made, changed, or put back as they were."""
        return self.status in {
            "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        }  # fmt: skip

    @property
    def is_dead(self) -> bool:
        """Whether it can only be deleted: its creation failed, and was rolled back or not."""
        return self.status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of a stack.

    Attributes:
        id: Its id.
        time: When.
        logical_id: Which resource; the stack's name for the stack itself.
        physical_id: The resource's name or ARN; empty before it has one.
        kind: Its type.
        status: Such as ``CREATE_IN_PROGRESS``.
        reason: Why; empty for none.
    """

    id: str
    time: datetime
    logical_id: str
    physical_id: str
    kind: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether something failed; not whether it was cancelled because something else did."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()

    @property
    def is_of_stack(self) -> bool:
        """Whether it is about the stack itself."""
        return self.kind == "AWS::CloudFormation::Stack" and self.physical_id.startswith("arn:")


class Stack:
    """Asks CloudFormation about one stack.

    Args:
        client: A client of CloudFormation.
        name: The stack's name, or its id.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def state(self) -> StackState | None:
        """How it is now; None for one that is not there.

        Raises:
            ClientError: botocore's, where AWS does not let the caller see it.
        """
        try:
            found = self.client.describe_stacks(StackName=self.name)["Stacks"]
        except Exception as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        if not found or found[0]["StackStatus"] in GONE:
            return None
        one = found[0]
        return StackState(
            name=one["StackName"],
            arn=one["StackId"],
            status=one["StackStatus"],
            reason=one.get("StackStatusReason", ""),
            outputs={output["OutputKey"]: output.get("OutputValue", "") for output in one.get("Outputs", ())},
            tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", ())},
            created=one.get("CreationTime"),
            updated=one.get("LastUpdatedTime"),
            description=one.get("Description", ""),
        )

    def template(self) -> Mapping[str, Any] | None:
        """The template that it was deployed with; None where there is none."""
        try:
            body = self.client.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        except Exception as error:
            if code_of(error) == "ValidationError":
                return None
            raise
        if isinstance(body, str):
            try:
                body = json.loads(body)
            except ValueError:
                return None  # YAML, so not one that the CDK wrote
        return body if isinstance(body, Mapping) else None

    def events(self, *, after: str | None = None) -> list[StackEvent]:
        """Events in the order of time.

        Args:
            after: Id of the last event that is known; only later ones are returned.
        """
        found: list[StackEvent] = []
        try:
            for event in self._newest_first():
                if event.id == after:
                    break
                found.append(event)
        except Exception as error:
            if code_of(error) != "ValidationError":  # which says that there is no such stack
                raise
        return found[::-1]

    def resources(self) -> Iterator[Mapping[str, Any]]:
        """Its resources, as ListStackResources tells them."""
        for page in self.client.get_paginator("list_stack_resources").paginate(StackName=self.name):
            yield from page["StackResourceSummaries"]

    def _newest_first(self) -> Iterator[StackEvent]:
        token: dict[str, str] = {}
        while True:
            page = self.client.describe_stack_events(StackName=self.name, **token)
            for event in page["StackEvents"]:
                yield StackEvent(
                    id=event["EventId"],
                    time=event["Timestamp"],
                    logical_id=event.get("LogicalResourceId", ""),
                    physical_id=event.get("PhysicalResourceId", ""),
                    kind=event.get("ResourceType", ""),
                    status=event.get("ResourceStatus", ""),
                    reason=event.get("ResourceStatusReason", "") or "",
                )
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}
