"""What becomes of a stack: its status, outputs and exports, also when something fails."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack, cloudformation_backends
from moto.ssm import ssm_backends

from tests.aws_stand_in.mending.template_parts import needs, ordered

ROLLED_BACK = {"CREATE": "ROLLBACK_COMPLETE", "UPDATE": "UPDATE_ROLLBACK_COMPLETE"}


class RollbackFailed(Exception):  # noqa: N818 - CloudFormation's word for the state
    """An update failed, and so did putting back what was there before."""

    def __init__(self, first: Exception, second: Exception) -> None:
        self.message = f"{reason_of(first)}; rolling back: {reason_of(second)}"
        super().__init__(self.message)


def reason_of(error: Exception) -> str:
    return getattr(error, "message", None) or repr(error)


def attempt(stack: Stack, kind: str, work: Callable[[], None]) -> bool:
    """Do the work of a creation or an update; when it fails, say so in the stack's status as CloudFormation does.

    Moto answers the request with the error instead, or with a 500, and leaves the stack half done.
    """
    stack.status = f"{kind}_IN_PROGRESS"
    stack._add_stack_event(stack.status, resource_status_reason="User Initiated")
    try:
        work()
    except Exception as error:  # noqa: BLE001 - any failure rolls a stack back
        traceback.print_exc()
        fail(stack, kind, error)
        return False
    return True


def fail(stack: Stack, kind: str, error: Exception) -> None:
    reason = reason_of(error)
    stack._add_stack_event(f"{kind}_FAILED", resource_status_reason=reason)
    stack.status = "UPDATE_ROLLBACK_FAILED" if isinstance(error, RollbackFailed) else ROLLED_BACK[kind]
    if kind == "CREATE":
        try:
            stack.resource_map.delete()
        except Exception as second:  # noqa: BLE001 - any failure leaves the stack as it is
            traceback.print_exc()
            stack.status, reason = "ROLLBACK_FAILED", f"{reason}; rolling back: {reason_of(second)}"
        forget_outputs(stack)
    stack.stack_status_reason = reason
    stack._add_stack_event(stack.status, resource_status_reason=reason)


def forget_outputs(stack: Stack) -> None:
    """Moto makes resources when they are first read: reading the outputs would bring deleted ones back."""
    stack.output_map = parsing.OutputMap(stack.resource_map, {}, stack.stack_id)


def succeed(stack: Stack, kind: str, template: str, parameters: dict[str, Any] | None) -> None:
    for reason in getattr(stack.resource_map, "left_behind", ()):
        stack._add_stack_event("DELETE_FAILED", resource_status_reason=reason)
    stack.template = template
    stack._parse_template()
    stack.parameters = {**stack.parameters, **(parameters or {})}
    stack.output_map = stack._create_output_map()
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    for name in [name for name, export in exports.items() if export.exporting_stack_id == stack.stack_id]:
        del exports[name]
    exports.update({export.name: export for export in stack.exports})
    stack.status = f"{kind}_COMPLETE"
    stack._add_stack_event(stack.status)


def see_exports(stack: Stack, backend: CloudFormationBackend) -> None:
    """Moto gives a stack a copy of the exports, made before the stacks that it imports from, if there were none."""
    stack.cross_stack_resources = stack.resource_map.cross_stack_resources = backend.exports


def update(
    self: Stack,
    template: str,
    role_arn: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    if self.has_template(template) and self.has_parameters(parameters or self.parameters):
        raise ValidationError(message="No updates are to be performed.")
    changed = self.parse_template(template)
    if attempt(self, "UPDATE", lambda: self.resource_map.update(changed, parameters)):
        succeed(self, "UPDATE", template, parameters)
        self.role_arn = role_arn
        self.tags = self.tags if tags is None else tags


def known_parameters(
    self: CloudFormationBackend, instance: Any, incoming_params: list[dict[str, Any]]
) -> dict[str, str]:
    """A parameter with UsePreviousValue may never have been given a value: then it keeps the template's default."""
    known = {**instance.parameters}
    if hasattr(instance, "resource_map"):
        known = {**instance.resource_map.resolved_parameters, **known}
    values = {p["ParameterKey"]: p.get("ParameterValue", known.get(p["ParameterKey"])) for p in incoming_params}
    return {key: value for key, value in values.items() if value is not None}


def delete_in_order(self: parsing.ResourceMap) -> None:
    """Delete what needs something before what it needs; moto tries in any order. What cannot go keeps what it needs."""
    resources, kept, failure = self._resource_json_map, set(), None
    for name in reversed(ordered(resources, resources)):
        resource = self._parsed_resources.get(name)
        if name in kept:
            kept |= needs(resources[name])
        elif resource is not None and resources[name].get("DeletionPolicy") != "Retain":
            try:
                self._delete_resource(resource, resources[name])
                del self._parsed_resources[name]
            except Exception as error:  # noqa: BLE001 - any failure ends in DELETE_FAILED
                failure, kept = error, kept | needs(resources[name])
    if failure is not None:
        raise failure


def mend() -> None:
    delete, create_stack = Stack.delete, CloudFormationBackend.create_stack
    delete_stack = CloudFormationBackend.delete_stack
    parse_ssm_parameter = parsing.ResourceMap.parse_ssm_parameter

    def delete_and_forget(self: Stack) -> None:
        delete(self)
        forget_outputs(self)

    def create(self: CloudFormationBackend, *args: Any, **options: Any) -> Stack:
        there = set(self.stacks)
        try:
            stack = create_stack(self, *args, **options)
            _ = stack.outputs  # which are read when asked for: one that cannot be had fails the stack
        except Exception as error:
            stack = next((made for name, made in self.stacks.items() if name not in there), None)
            if stack is None:  # refused before it came to be
                raise
            traceback.print_exc()
            fail(stack, "CREATE", error)
        see_exports(stack, self)
        return stack

    def parse_parameter(self: parsing.ResourceMap, value: str, value_type: str) -> Any:
        """With UsePreviousValue, moto comes here with the value it has read already, not with the parameter's name."""
        known = ssm_backends[self._account_id][self._region_name].get_parameter(value)
        return value if known is None else parse_ssm_parameter(self, value, value_type)

    def delete_or_keep(self: CloudFormationBackend, name_or_stack_id: str) -> None:
        stack = self.stacks.get(name_or_stack_id)
        try:
            delete_stack(self, name_or_stack_id)
        except Exception as error:
            if stack is None:  # it was asked for by its name, and this is the outer of two calls
                raise
            traceback.print_exc()
            self.stacks[name_or_stack_id] = stack
            stack.status, stack.stack_status_reason = "DELETE_FAILED", reason_of(error)
            stack._add_stack_event("DELETE_FAILED", resource_status_reason=reason_of(error))

    Stack.delete = delete_and_forget
    parsing.ResourceMap.delete = delete_in_order
    CloudFormationBackend.delete_stack = delete_or_keep
    Stack.update = update
    CloudFormationBackend.create_stack = create
    CloudFormationBackend._resolve_update_parameters = known_parameters
    parsing.ResourceMap.parse_ssm_parameter = parse_parameter
