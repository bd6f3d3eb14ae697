"""Updating a stack's resources as CloudFormation does.

Moto compares two templates resource by resource and then changes, in the template's order, just what differs. So
whatever refers to a replaced resource keeps the old name, and a failure half way leaves a bit of both templates.
CloudFormation follows the references, makes replacements before it removes what they replace, and rolls back.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError

from tests.aws_stand_in.mending.custom_resources import CustomResource
from tests.aws_stand_in.mending.resource_types import NAMED, changed, replaces
from tests.aws_stand_in.mending.stacks import RollbackFailed
from tests.aws_stand_in.mending.template_parts import ordered, refers

Template = dict[str, Any]


def differences(self: parsing.ResourceMap, other_template: Template, parameters: dict[str, Any] | None = None) -> Any:
    old, new = self._resource_json_map, other_template["Resources"]
    moved = _moved(self._template, self.input_parameters, other_template, parameters or self.input_parameters)
    both = [name for name in new if name in old]
    modify = {name for name in both if _differ(old[name], new[name]) or refers(new[name]) & moved}
    replaced: set[str] = set()
    while True:  # what refers to a replaced resource changes, and may be replaced by that in its turn
        modify |= {name for name in both if refers(new[name].get("Properties")) & replaced}
        followed = {*moved, *replaced}
        found = {name for name in modify if replaces(new[name]["Type"], _changed(old[name], new[name], followed))}
        if found == replaced:
            break
        replaced = found
    return {
        "Add": ordered([name for name in new if name not in old], new),
        "Modify": ordered(modify, new),
        "Remove": [name for name in old if name not in new],
    }


def _moved(old: Template, old_parameters: dict[str, Any], new: Template, new_parameters: dict[str, Any]) -> set[str]:
    """Names of the mappings and parameters that changed."""
    before, after = old.get("Mappings", {}), new.get("Mappings", {})
    mappings = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    names = {*old_parameters, *new_parameters}
    return mappings | {name for name in names if old_parameters.get(name) != new_parameters.get(name)}


def _differ(old: Template, new: Template) -> bool:
    return any(old.get(part) != new.get(part) for part in ("Type", "Properties", "Condition"))


def _changed(old: Template, new: Template, moved: set[str]) -> set[str]:
    """Properties that change: their text does, or something they refer to."""
    following = {name for name, value in new.get("Properties", {}).items() if refers(value) & moved}
    return changed(old, new) | following


class Update:
    """One update of a resource map: forward, and back again when it fails."""

    def __init__(self, resources: parsing.ResourceMap, template: Template, parameters: dict[str, Any] | None) -> None:
        self.map = resources
        self.before = resources._template, resources.input_parameters
        self.after = template, parameters or resources.input_parameters
        self.old = dict(resources._resource_json_map)
        self.new = template["Resources"]
        self.actions = resources.build_resource_diff(template, parameters)
        self.moved = _moved(*self.before, *self.after)
        self.held = dict(resources._parsed_resources)
        self.changed: list[str] = []
        self.replaced: list[str] = []
        self.left: list[str] = []
        """Why something that was replaced could not be deleted, where no event of its own says so. The update has
        worked all the same."""

    def run(self) -> None:
        try:
            self._load(*self.after)
            for name in ordered([*self.actions["Add"], *self.actions["Modify"]], self.new):
                self._bring_about(name)
        except Exception as error:
            try:
                self._back()
            except Exception as second:  # noqa: BLE001 - any failure leaves the stack as it is
                raise RollbackFailed(error, second) from error
            raise
        self._clean_up()

    def _load(self, template: Template, parameters: dict[str, Any]) -> None:
        self.map._template, self.map.input_parameters = template, parameters
        self.map._resource_json_map = template.get("Resources", {})
        self.map.load_mapping()
        self.map.load_parameters()
        self.map.load_conditions()

    def _bring_about(self, name: str) -> None:
        if name not in self.held:
            self.changed.append(name)
            _ = self.map[name]  # reading it makes it
            return
        old, new = self.old[name], self.new[name]
        if old["Type"] != new["Type"]:
            raise ValidationError(message=f"Update of resource type is not permitted: {name}")
        if replaces(new["Type"], _changed(old, new, {*self.moved, *self.replaced})):
            self._refuse_same_name(old, new)
            made = parsing.parse_and_create_resource(name, new, self.map, self.map._account_id, self.map._region_name)
            self.replaced.append(name)
        else:
            if isinstance(self.held[name], CustomResource):  # it is told of the way back, also when it failed itself
                self.changed.append(name)
            made = self._update_in_place(name, new)
        if name not in self.changed:
            self.changed.append(name)
        self.map._parsed_resources[name] = made or self.held[name]

    def _refuse_same_name(self, old: Template, new: Template) -> None:
        key = NAMED.get(new["Type"])
        name = new.get("Properties", {}).get(key)
        if name is not None and name == old.get("Properties", {}).get(key):
            raise ValidationError(
                message="CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )

    def _update_in_place(self, name: str, resource: Template) -> Any:
        return parsing.parse_and_update_resource(name, resource, self.map, self.map._account_id, self.map._region_name)

    def _clean_up(self) -> None:
        """Delete what was replaced or is no longer in the template: last, as nothing refers to it any more."""
        self._clean_up_custom()
        for name in reversed(ordered([*self.replaced, *self.actions["Remove"]], self.old)):
            if name in self.replaced:
                self._attempt(self._delete, self.held[name], self.old[name], unless=self.map._parsed_resources[name])
                continue
            self.map._parsed_resources.pop(name, None)
            if self.old[name].get("DeletionPolicy") != "Retain":
                self._attempt(self._delete, self.held.get(name), self.old[name])

    def _clean_up_custom(self) -> None:
        for name in reversed(self.changed):
            resource = self.map._parsed_resources.get(name)
            if isinstance(resource, CustomResource):
                self._attempt(resource.clean_up)

    def _attempt(self, work: Callable[..., None], *arguments: Any, **options: Any) -> None:
        try:
            work(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - any failure is told
            traceback.print_exc()
            if work != self._delete:  # resource_events.py tells of that
                self.left.append(getattr(error, "message", None) or repr(error))

    def _back(self) -> None:
        """Put the old resources in place of the new ones, so that references lead to them; then undo the rest."""
        made = {name: self.map._parsed_resources.get(name) for name in self.changed}
        self.map._parsed_resources = dict(self.held)
        self._load(*self.before)
        for name in self.changed:
            if name in self.held and name not in self.replaced:
                if isinstance(self.held[name], CustomResource):
                    self.held[name].superseded.clear()  # what it was before is what it is to be again
                self.map._parsed_resources[name] = self._update_in_place(name, self.old[name]) or self.held[name]
        self._clean_up_custom()
        for name in reversed(self.changed):
            if name in self.replaced or name not in self.held:
                self._delete(made[name], self.new[name], unless=self.held.get(name))

    def _delete(self, resource: Any, definition: Template, *, unless: Any = None) -> None:
        kept = getattr(unless, "physical_resource_id", None)
        if resource is not None and resource.physical_resource_id != kept:
            self.map._delete_resource(resource, definition)


def run(self: parsing.ResourceMap, template: Template, parameters: dict[str, Any] | None = None) -> None:
    update = Update(self, template, parameters)
    update.run()
    self.left_behind = update.left


def mend() -> None:
    parsing.ResourceMap.build_resource_diff = differences
    parsing.ResourceMap.update = run
