"""Events of resources. Moto has those of stacks alone, so whoever follows a deployment would see it begin and end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Event, cloudformation_backends

from tests.aws_stand_in.mending.stacks import reason_of

_working = threading.local()


class _Work:
    """What is being done to one resource of a stack."""

    def __init__(self, resources: parsing.ResourceMap, logical_id: str, kind: str, verb: str, physical: str) -> None:
        self.resources, self.logical_id, self.kind, self.verb, self.physical = (
            resources,
            logical_id,
            kind,
            verb,
            physical,
        )
        self.has_begun = False

    def begin(self, physical: str = "") -> None:
        self.has_begun, self.physical = True, self.physical or physical
        self._tell("IN_PROGRESS")

    def end(self, resource: Any) -> None:
        self.physical = str(getattr(resource, "physical_resource_id", None) or self.physical)
        self._tell("COMPLETE")

    def fail(self, error: Exception) -> None:
        if self.has_begun:  # else it is what this one needs that has failed, and that was told
            self._tell("FAILED", reason_of(error))

    def _tell(self, how: str, reason: str | None = None) -> None:
        backend = cloudformation_backends[self.resources._account_id][self.resources._region_name]
        stack = {**backend.deleted_stacks, **backend.stacks}.get(self.resources.stack_id)
        if stack is not None:  # one that is being made without a change set is not there yet
            stack.events.append(
                Event(
                    stack_id=stack.stack_id,
                    stack_name=stack.name,
                    logical_resource_id=self.logical_id,
                    physical_resource_id=self.physical,
                    resource_type=self.kind,
                    resource_status=f"{self.verb}_{how}",
                    resource_status_reason=reason,
                    resource_properties=None,
                )
            )


@contextlib.contextmanager
def _doing(work: _Work) -> Iterator[_Work]:
    every = _working.__dict__.setdefault("works", [])
    every.append(work)
    try:
        yield work
    except Exception as error:
        work.fail(error)
        raise
    finally:
        every.pop()


def mend() -> None:
    create, update = parsing.parse_and_create_resource, parsing.parse_and_update_resource
    generate, delete = parsing.parse_resource_and_generate_name, parsing.ResourceMap._delete_resource

    def generated(logical_id: str, resource_json: dict[str, Any], resources_map: Any) -> Any:
        """What it refers to is there when this returns, so the work on the resource itself begins here."""
        found = generate(logical_id, resource_json, resources_map)
        works = _working.__dict__.get("works")
        if found and works and works[-1].logical_id == logical_id and not works[-1].has_begun:
            works[-1].begin(found[2] or "")
        return found

    def created(logical_id: str, resource_json: dict[str, Any], resources_map: Any, *place: str, **named: str) -> Any:
        verb = "UPDATE" if logical_id in resources_map._parsed_resources else "CREATE"  # a replacement is an update
        with _doing(_Work(resources_map, logical_id, resource_json["Type"], verb, "")) as work:
            resource = create(logical_id, resource_json, resources_map, *place, **named)
            if work.has_begun:
                work.end(resource)
            return resource

    def updated(logical_id: str, resource_json: dict[str, Any], resources_map: Any, *place: str, **named: str) -> Any:
        physical = str(getattr(resources_map[logical_id], "physical_resource_id", ""))
        with _doing(_Work(resources_map, logical_id, resource_json["Type"], "UPDATE", physical)) as work:
            resource = update(logical_id, resource_json, resources_map, *place, **named)
            if work.has_begun:
                work.end(resource)
            return resource

    def deleted(self: parsing.ResourceMap, parsed_resource: Any, resource_json: dict[str, Any]) -> None:
        name = getattr(parsed_resource, "logical_resource_id", "") or ""
        physical = str(getattr(parsed_resource, "physical_resource_id", "") or "")
        with _doing(_Work(self, name, resource_json["Type"], "DELETE", physical)) as work:
            work.begin()
            delete(self, parsed_resource, resource_json)
            work.end(None)

    parsing.parse_resource_and_generate_name = generated
    parsing.parse_and_create_resource = created
    parsing.parse_and_update_resource = updated
    parsing.ResourceMap._delete_resource = deleted
