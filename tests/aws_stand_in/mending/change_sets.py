"""Change sets: how the CDK CLI deploys, and what `cdk diff` reads."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult

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


def id_of(self: CloudFormationResponse) -> str:
    """The change set that a request names. Each stack has its own names; moto takes any stack's."""
    name, stack = self._get_param("ChangeSetName"), self._get_param("StackName")
    backend = self.cloudformation_backend
    if name in backend.change_sets or stack is None:
        return name
    for key, known in backend.change_sets.items():
        of = known.stack
        # Those of a deleted stack of this name are gone with it.
        if known.change_set_name == name and stack in (of.name, of.stack_id) and of.stack_id in backend.stacks:
            return key
    return f"{stack}/{name}"  # nobody's


def describe(self: CloudFormationResponse) -> ActionResult:
    return ActionResult(self.cloudformation_backend.describe_change_set(change_set_name=id_of(self)))


def delete(self: CloudFormationResponse) -> EmptyResult:
    self.cloudformation_backend.delete_change_set(change_set_name=id_of(self))
    return EmptyResult()


def execute_named(self: CloudFormationResponse) -> EmptyResult:
    name = self._get_param("StackName")
    self.cloudformation_backend.execute_change_set(stack_name=name, change_set_name=id_of(self))
    return EmptyResult()


def mend() -> None:
    backend = CloudFormationBackend
    diff, create, describe_known, delete_known = (
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
            return describe_known(self, change_set_name)
        except ValidationError:
            raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist") from None

    def delete_if_there(self: CloudFormationBackend, change_set_name: str) -> None:
        names = {name for key, known in self.change_sets.items() for name in (key, known.change_set_name)}
        if change_set_name in names:  # deleting what is not there is no error; moto answers 500
            delete_known(self, change_set_name)

    ChangeSet.diff = detailed_diff
    backend.create_change_set = create_seeing_exports
    backend.describe_change_set = describe_or_not_found
    backend.delete_change_set = delete_if_there
    backend.execute_change_set = execute
    CloudFormationResponse.describe_change_set = describe
    CloudFormationResponse.delete_change_set = delete
    CloudFormationResponse.execute_change_set = execute_named
