"""Change sets: how the CDK CLI deploys, and what `cdk diff` reads."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend
from moto.core.exceptions import ServiceException

from tests.aws_stand_in.mending.resource_types import changed, replaces
from tests.aws_stand_in.mending.stacks import attempt, see_exports, succeed


class ChangeSetNotFound(ServiceException):
    code = "ChangeSetNotFound"


def detail(change: Change, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Say which properties change: without, `cdk diff` hides changes of values known only at deployment."""
    names = changed(before, after)
    change.replacement = "True" if replaces(change.resource_type, names) else "False"
    change.details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if replaces(change.resource_type, {name}) else "Never",
            },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in sorted(names)
    ]


def execute(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
    change_set = self.describe_change_set(change_set_name)
    stack, kind = self.stacks[change_set.stack_id], change_set.change_set_type
    if attempt(stack, kind, change_set.apply):
        change_set.execution_status = "EXECUTE_COMPLETE"
        succeed(stack, kind, change_set.template, change_set.parameters)
    else:
        change_set.execution_status = "EXECUTE_FAILED"


def mend() -> None:
    backend = CloudFormationBackend
    diff, create, describe, delete = (
        ChangeSet.diff,
        backend.create_change_set,
        backend.describe_change_set,
        backend.delete_change_set,
    )

    def detailed_diff(self: ChangeSet) -> list[Change]:
        changes = diff(self)
        old, new = self.stack.resource_map._resource_json_map, self.template_dict["Resources"]
        for change in changes:
            if change.action == "Modify":
                detail(change, old[change.logical_resource_id], new[change.logical_resource_id])
        return changes

    def create_seeing_exports(self: CloudFormationBackend, *args: Any, **options: Any) -> tuple[str, str]:
        change_set_id, stack_id = create(self, *args, **options)
        see_exports(self.stacks[stack_id], self)
        return change_set_id, stack_id

    def describe_or_not_found(self: CloudFormationBackend, change_set_name: str) -> ChangeSet | None:
        try:
            return describe(self, change_set_name)
        except ValidationError:
            raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist") from None

    def delete_if_there(self: CloudFormationBackend, change_set_name: str) -> None:
        names = {name for key, known in self.change_sets.items() for name in (key, known.change_set_name)}
        if change_set_name in names:  # deleting what is not there is no error; moto answers 500
            delete(self, change_set_name)

    ChangeSet.diff = detailed_diff
    backend.create_change_set = create_seeing_exports
    backend.describe_change_set = describe_or_not_found
    backend.delete_change_set = delete_if_there
    backend.execute_change_set = execute
